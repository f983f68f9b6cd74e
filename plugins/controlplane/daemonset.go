package controlplane

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
)

type object = runtime.Object

const (
	labelHosted      = "k8s-app"
	labelRole        = "node-role.kubernetes.io/control-plane"
	flagPortSharing  = "permit-port-sharing"
	flagAdvertise    = "advertise-address"
	variableHostIP   = "HOST_IP"
	advertisedHostIP = "--" + flagAdvertise + "=$(" + variableHostIP + ")"
)

// hostedName is that of the DaemonSet, and the value of its label.
func hostedName(component string) string { return "self-hosted-" + component }

func emptyDaemonSet(component string) *appsv1.DaemonSet {
	labels := map[string]string{labelHosted: hostedName(component)}
	return &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: hostedName(component), Namespace: systemNamespace, Labels: labels}}
}

// readDaemonSet makes the DaemonSet from the manifest of the static pod, be it
// aside or not.
func readDaemonSet(manifest string) (object, error) {
	text, err := os.ReadFile(manifest)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = os.ReadFile(staticpod.Aside(manifest))
	}
	if err != nil {
		return nil, sdk.Hint(fmt.Errorf("read the static pod to replace: %w", err), "Let the phase controlplane.static_pod come first.")
	}
	var pod corev1.Pod
	if err := yaml.UnmarshalStrict(text, &pod); err != nil {
		return nil, fmt.Errorf("read %s: %w", manifest, err)
	}
	return daemonSet(&pod)
}

// daemonSet runs the pod's containers on all control-plane nodes, with the same
// flags and mounts. What holds for one node only is left out: the advertised
// address, the host of probes, digests and addresses in annotations.
//
// It has no ports, for pods that name the same port of a node exclude each other,
// and a new pod is started before the old one is stopped: without an API server
// nobody would start another. Both listen at the same port, see
// permit-port-sharing.
func daemonSet(pod *corev1.Pod) (*appsv1.DaemonSet, error) {
	if len(pod.Spec.Containers) == 0 {
		return nil, fmt.Errorf("static pod %s: no container", pod.Name)
	}
	spec := pod.Spec.DeepCopy()
	if err := share(&spec.Containers[0]); err != nil {
		return nil, err
	}
	for i := range spec.Containers {
		withoutPorts(&spec.Containers[i])
	}
	spec.Priority = nil // follows from the class
	spec.DNSPolicy = corev1.DNSClusterFirstWithHostNet
	spec.AutomountServiceAccountToken = new(false)
	spec.NodeSelector = map[string]string{labelRole: ""}
	spec.Tolerations = []corev1.Toleration{{Key: labelRole, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}}
	d := emptyDaemonSet(pod.Name)
	d.Spec = appsv1.DaemonSetSpec{
		Selector: &metav1.LabelSelector{MatchLabels: d.Labels},
		UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
			Type:          appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.FromInt32(1)), MaxUnavailable: new(intstr.FromInt32(0))},
		},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: d.Labels}, Spec: *spec},
	}
	return d, nil
}

// share wants a component that shares its port, and lets an API server advertise
// the address of whichever node it runs on.
func share(c *corev1.Container) error {
	if value, _ := component.Value(c.Command, flagPortSharing); value != "true" {
		return sdk.Permanent(sdk.Hint(fmt.Errorf("%s does not share its port, so no second one can start beside it", c.Name),
			fmt.Sprintf(`Add { name = %q, value = "true" } to extra_args of its controlplane.static_pod.`, flagPortSharing)))
	}
	if _, given := component.Value(c.Command, flagAdvertise); !given {
		return nil
	}
	for i, arg := range c.Command {
		if strings.HasPrefix(arg, "--"+flagAdvertise+"=") {
			c.Command[i] = advertisedHostIP
		}
	}
	c.Env = append(slices.DeleteFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == variableHostIP }), corev1.EnvVar{
		Name: variableHostIP, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "status.hostIP"}},
	})
	for _, probe := range probes(c) { // they ask at the same address
		if probe.HTTPGet != nil {
			probe.HTTPGet.Host = ""
		}
	}
	return nil
}

// withoutPorts gives probes numbers where they had names of ports.
func withoutPorts(c *corev1.Container) {
	for _, probe := range probes(c) {
		if probe.HTTPGet == nil {
			continue
		}
		for _, port := range c.Ports {
			if probe.HTTPGet.Port.StrVal == port.Name {
				probe.HTTPGet.Port = intstr.FromInt32(port.ContainerPort)
			}
		}
	}
	c.Ports = nil
}

func probes(c *corev1.Container) []*corev1.Probe {
	return slices.DeleteFunc([]*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe}, func(p *corev1.Probe) bool { return p == nil })
}
