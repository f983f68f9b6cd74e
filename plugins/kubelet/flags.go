package kubelet

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
)

// flagsFile is kubeadm-flags.env, which the kubelet's unit reads: the flags for
// what is of this node alone and not in config.yaml.
func (c configConfig) flagsFile(hostname string) []byte {
	flags := map[string]string{}
	if name := c.nodeName(hostname); name != hostname {
		flags["hostname-override"] = name
	}
	if len(c.Taints) > 0 {
		taints := make([]string, len(c.Taints))
		for i, t := range c.Taints {
			taints[i] = t.String()
		}
		flags["register-with-taints"] = strings.Join(taints, ",")
	}
	args := strings.Join(component.Args(flags, c.ExtraArgs), " ")
	return []byte("KUBELET_KUBEADM_ARGS=" + strconv.Quote(args) + "\n")
}

// instanceFile is instance-config.yaml, from which kubeadm takes the runtime's
// socket when it upgrades the node.
func (c configConfig) instanceFile() []byte {
	return []byte("containerRuntimeEndpoint: " + strconv.Quote(c.CRISocket) + "\n")
}

// String is the taint as flags spell it: "key=value:effect", or "key:effect".
func (t taint) String() string {
	if t.Value == "" {
		return t.Key + ":" + t.Effect
	}
	return t.Key + "=" + t.Value + ":" + t.Effect
}

func (t taint) validate() error {
	switch corev1.TaintEffect(t.Effect) {
	case corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute:
	default:
		return fmt.Errorf("the effect %q is not NoSchedule, PreferNoSchedule or NoExecute", t.Effect)
	}
	if problems := append(validation.IsQualifiedName(t.Key), validation.IsValidLabelValue(t.Value)...); len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	return nil
}

func validateFlag(f component.Flag) error {
	switch {
	case f.Name == "" || strings.HasPrefix(f.Name, "-") || strings.ContainsAny(f.Name, "= \t") || !printable(f.Name):
		return fmt.Errorf("%q is no name of a flag, such as node-ip", f.Name)
	case !printable(f.Value):
		return fmt.Errorf("the value %q of %s has characters that a line cannot hold", f.Value, f.Name)
	}
	return nil
}
