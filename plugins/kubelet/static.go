package kubelet

import (
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/componentapi"
)

// static is the manifest of a static pod, whoever wrote it. One that cannot be
// read tells nothing.
type static struct{ args []string }

func readStatic(path string) static {
	text, err := os.ReadFile(path)
	if err != nil {
		return static{}
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal(text, &pod); err != nil || len(pod.Spec.Containers) == 0 {
		return static{}
	}
	c := pod.Spec.Containers[0]
	return static{args: slices.Concat(c.Command, c.Args)}
}

// flag is the value of a flag, empty if it is not there.
func (s static) flag(name string) string {
	value, _ := component.Value(s.args, name)
	return value
}

// endpointIn reads the runtime's socket from a KubeletConfiguration.
func endpointIn(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var config componentapi.KubeletConfiguration
	if yaml.Unmarshal(text, &config) != nil {
		return ""
	}
	return config.ContainerRuntimeEndpoint
}
