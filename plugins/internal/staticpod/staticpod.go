// Package staticpod makes static pods as kubeadm 1.36 makes them: labels, probes,
// priority, security context, volumes, and the file that the kubelet reads.
//
// A pod is a typed value that is marshalled once. It carries one annotation that
// kubeadm does not write: a digest of itself and of the files that its program
// reads only when it starts. So a changed file rolls the pod, and whoever waits
// can tell the new pod from the old one, see [Ref].
//
// What the component's flags are is for the plugin that owns it to say.
package staticpod

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kubernetes' names and numbers of what keeps a node alive.
const (
	priorityClass = "system-node-critical"
	priority      = 2000001000
	tier          = "control-plane"
)

// Component is what the pod of one component is made of. It has one container,
// named like the component.
type Component struct {
	Name       string
	Image      string
	PullPolicy corev1.PullPolicy
	// Command is the program and its flags.
	Command []string
	Env     []corev1.EnvVar
	// Requests holds quantities such as cpu: 250m.
	Requests    map[corev1.ResourceName]string
	Mounts      []Mount
	Probes      Probes
	Annotations map[string]string
	// Reloads names flags whose files the program reads again by itself: their
	// content does not roll the pod.
	Reloads []string
}

// Probes are how the kubelet asks for a component's health over HTTP.
type Probes struct {
	Scheme corev1.URIScheme
	// Host is an IP address; empty is that of the pod, which is that of the node.
	Host string
	Port int
	// Live, Ready and Started are paths. An empty Ready means that there is no such
	// probe.
	Live, Ready, Started string
	// Startup is how long the component may take to start, rounded up to 10 s.
	Startup time.Duration
}

// Pod returns the pod without its digest.
func (c Component) Pod() *corev1.Pod {
	volumes, mounts := volumes(c.Mounts)
	return &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: c.Name, Namespace: metav1.NamespaceSystem,
			Labels:      map[string]string{labelComponent: c.Name, "tier": tier},
			Annotations: maps.Clone(c.Annotations),
		},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: c.Name, Image: c.Image, ImagePullPolicy: c.PullPolicy,
				Command: c.Command, Env: c.Env, VolumeMounts: mounts,
				Resources:     corev1.ResourceRequirements{Requests: c.requests()},
				Ports:         []corev1.ContainerPort{{Name: probePort, ContainerPort: int32(c.Probes.Port), Protocol: corev1.ProtocolTCP}},
				LivenessProbe: c.Probes.liveness(), ReadinessProbe: c.Probes.readiness(), StartupProbe: c.Probes.startup(),
			}},
			HostNetwork: true, PriorityClassName: priorityClass, Priority: new(int32(priority)),
			SecurityContext: &corev1.PodSecurityContext{
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Volumes: volumes,
		},
	}
}

func (c Component) requests() corev1.ResourceList {
	list := corev1.ResourceList{}
	for name, quantity := range c.Requests {
		list[name] = resource.MustParse(quantity) // constants of the plugins
	}
	return list
}
