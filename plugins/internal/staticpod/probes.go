package staticpod

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probePort names the container's only port, so that probes need no number.
const probePort = "probe-port"

// Kubeadm's timing, in seconds.
const (
	probePeriod  = 10
	probeTimeout = 15
	liveFailures = 8
	readyPeriod  = 1
	readyTimes   = 3
)

func (p Probes) liveness() *corev1.Probe {
	probe := p.get(p.Live, probePeriod)
	probe.InitialDelaySeconds, probe.FailureThreshold = probePeriod, liveFailures
	return probe
}

func (p Probes) readiness() *corev1.Probe {
	if p.Ready == "" {
		return nil
	}
	probe := p.get(p.Ready, readyPeriod)
	probe.FailureThreshold = readyTimes
	return probe
}

// startup fails often enough to last for p.Startup.
func (p Probes) startup() *corev1.Probe {
	const period = probePeriod * time.Second
	probe := p.get(p.Started, probePeriod)
	probe.InitialDelaySeconds, probe.FailureThreshold = probePeriod, int32((p.Startup+period-1)/period)
	return probe
}

func (p Probes) get(path string, period int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Host: p.Host, Path: path, Port: intstr.FromString(probePort), Scheme: p.Scheme,
		}},
		PeriodSeconds: period, TimeoutSeconds: probeTimeout,
	}
}
