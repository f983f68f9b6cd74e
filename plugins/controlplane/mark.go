package controlplane

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const controlPlaneRole = "node-role.kubernetes.io/control-plane"

type markConfig struct {
	Cluster     kubeapi.Cluster   `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
	Node        string            `cf:"node,required" doc:"Name of the Node."`
	Labels      map[string]string `cf:"labels" default:"{\"node-role.kubernetes.io/control-plane\":\"\",\"node.kubernetes.io/exclude-from-external-load-balancers\":\"\"}" doc:"Labels that the node gets."`
	Annotations map[string]string `cf:"annotations" doc:"Annotations that the node gets."`
	Taints      []taintConfig     `cf:"taints" doc:"Taints that the node gets: key, value, effect. By default node-role.kubernetes.io/control-plane:NoSchedule; [] means none. Other taints stay."`
	Within      time.Duration     `cf:"within" default:"\"1m\"" doc:"How long to wait for the kubelet to register the node."`
}

type taintConfig struct {
	Key    string `cf:"key,required"`
	Value  string `cf:"value"`
	Effect string `cf:"effect,required"`
}

func markType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[markConfig, struct{}]{
		Name: "mark",
		Doc:  "Marks a node as part of the control plane by labels and taints, so that ordinary pods and external load balancers leave it alone, and gives it annotations. It waits for the node to register.",
		Example: `phase "controlplane.mark" "mark" {
  cluster = phase.control_plane.cluster
  node    = "node-1"
  taints  = [] # let it run ordinary pods too

  annotations = { "example.com/rack" = "7" }
}`,
		Access:   kubeAccess("Node config.node"),
		Kinds:    []resource.Kind{nodeMarkKind(pool)},
		Validate: validateMark,
		Build: func(_ context.Context, in resource.Input[markConfig]) (resource.Work[struct{}], error) {
			return resource.Work[struct{}]{Resources: buildMarks(pool, in)}, nil
		},
	}.Type()
}

func validateNodeName(name string) error {
	if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
		return attrError("node", "%q is not the name of a node: %s", name, problems[0])
	}
	return nil
}

func validateMark(c markConfig) error {
	if err := validateNodeName(c.Node); err != nil {
		return err
	}
	if c.Within <= 0 {
		return attrError("within", "must be longer than zero")
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		if problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(c.Labels[key])...); len(problems) > 0 {
			return attrError("labels", "%s=%s: %s", key, c.Labels[key], problems[0])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Annotations)) {
		if problems := validation.IsQualifiedName(strings.ToLower(key)); len(problems) > 0 {
			return attrError("annotations", "%s: %s", key, problems[0])
		}
	}
	return validateTaints(c)
}

func validateTaints(c markConfig) error {
	effects := []string{string(corev1.TaintEffectNoSchedule), string(corev1.TaintEffectPreferNoSchedule), string(corev1.TaintEffectNoExecute)}
	for _, t := range c.Taints {
		if problems := append(validation.IsQualifiedName(t.Key), validation.IsValidLabelValue(t.Value)...); len(problems) > 0 {
			return attrError("taints", "%s=%s: %s", t.Key, t.Value, problems[0])
		}
		if !slices.Contains(effects, t.Effect) {
			return attrError("taints", "effect %q is not one of %s", t.Effect, strings.Join(effects, ", "))
		}
	}
	return nil
}

// buildMarks makes one resource of each label, annotation and taint, so that each is undone
// only if this phase made it. They share a Node and are made in order.
func buildMarks(pool *kubeapi.Pool, in resource.Input[markConfig]) []resource.Resource {
	mark := nodeMark{
		Kubeconfig: in.Config.Cluster.Path(in.WorkDir), Node: in.Config.Node,
		pool: pool, within: in.Config.Within,
	}
	var all []resource.Resource
	for _, key := range slices.Sorted(maps.Keys(in.Config.Labels)) {
		m := mark
		m.Label, m.value = key, in.Config.Labels[key]
		all = append(all, &m)
	}
	for _, key := range slices.Sorted(maps.Keys(in.Config.Annotations)) {
		m := mark
		m.Annotation, m.value = key, in.Config.Annotations[key]
		all = append(all, &m)
	}
	taints := in.Config.Taints
	if taints == nil {
		taints = []taintConfig{{Key: controlPlaneRole, Effect: string(corev1.TaintEffectNoSchedule)}}
	}
	for _, t := range taints {
		m := mark
		m.Taint = &corev1.Taint{Key: t.Key, Value: t.Value, Effect: corev1.TaintEffect(t.Effect)}
		all = append(all, &m)
	}
	return all
}

// taintText is how kubectl writes a taint: "key=value:NoSchedule".
func taintText(t corev1.Taint) string {
	if t.Value == "" {
		return fmt.Sprintf("%s:%s", t.Key, t.Effect)
	}
	return fmt.Sprintf("%s=%s:%s", t.Key, t.Value, t.Effect)
}
