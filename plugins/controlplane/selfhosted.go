package controlplane

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type selfHostedConfig struct {
	Cluster  kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
	Manifest string          `cf:"manifest,required" doc:"Manifest of the static pod to replace: output of controlplane.static_pod."`
	Node     string          `cf:"node,required" doc:"Name of this node."`
	Within   time.Duration   `cf:"within" default:"\"5m\"" doc:"How long to wait for the new pod, and again for the end of the old one."`
}

type selfHostedOutputs struct {
	DaemonSet string `cf:"daemon_set" doc:"Name of the DaemonSet in kube-system."`
	Aside     string `cf:"aside" doc:"Where the manifest of the static pod is kept."`
}

func selfHostedType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[selfHostedConfig, selfHostedOutputs]{
		Name: "self_hosted",
		Doc: "Lets the cluster run a component of its own control plane: a DaemonSet self-hosted-COMPONENT takes the place of the static pod. " +
			"Both run side by side until the new pod has proved itself, so the API stays up; for that the static pod needs the flag permit-port-sharing=true. " +
			"Then the manifest is moved aside. controlplane.static_pod keeps it up to date there, and this phase rolls the DaemonSet out. " +
			"The node must have the label of control-plane nodes, so let the phase come after controlplane.mark. " +
			"After a reboot of the only control-plane node nothing starts its pods: copy the manifests back from aside and apply. " +
			"Undo brings the static pod back. etcd is never self-hosted.",
		Example: `phase "controlplane.self_hosted" "apiserver_self_hosted" {
  cluster  = phase.control_plane.cluster
  manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml"
  node     = "n1"
}`,
		CancelGrace: 15 * time.Second, // to bring the static pod back
		Access: append(kubeAccess("DaemonSet self-hosted-COMPONENT in kube-system and its pods"),
			sdk.Access{Kind: sdk.AccessPath, What: "config.manifest", Write: true}),
		Kinds:    []resource.Kind{hostedKind(pool), pivotKind(pool)},
		Validate: validateSelfHosted,
		Build: func(_ context.Context, in resource.Input[selfHostedConfig]) (resource.Work[selfHostedOutputs], error) {
			return buildSelfHosted(pool, in), nil
		},
	}.Type()
}

func validateSelfHosted(c selfHostedConfig) error {
	if !slices.Contains([]string{apiServerName, managerName, schedulerName}, componentOf(c.Manifest)) {
		return attrError("manifest", "%q is not the manifest of kube-apiserver, kube-controller-manager or kube-scheduler", c.Manifest)
	}
	if problems := validation.IsDNS1123Subdomain(c.Node); len(problems) > 0 {
		return attrError("node", "%q is not the name of a node: %s", c.Node, problems[0])
	}
	if c.Within <= 0 {
		return attrError("within", "must be longer than zero")
	}
	return nil
}

// describePods is a command that tells how the pods are.
func describePods(component string) string {
	return fmt.Sprintf("kubectl -n %s describe pod -l %s=%s", systemNamespace, labelHosted, hostedName(component))
}

// componentOf is kube-apiserver of a path that ends in kube-apiserver.yaml.
func componentOf(manifest string) string {
	name := filepath.Base(manifest)
	return name[:len(name)-len(filepath.Ext(name))]
}

func buildSelfHosted(pool *kubeapi.Pool, in resource.Input[selfHostedConfig]) resource.Work[selfHostedOutputs] {
	manifest := hostpath.Abs(in.WorkDir, in.Config.Manifest)
	name := componentOf(manifest)
	maker := kubeobj.Maker{Pool: pool, Kubeconfig: in.Config.Cluster.Path(in.WorkDir)}
	pods := hostedPods{Kubeconfig: maker.Kubeconfig, Component: name, Node: in.Config.Node, pool: pool}
	return resource.Work[selfHostedOutputs]{
		Resources: []resource.Resource{
			&hosted{Object: maker.Fill(emptyDaemonSet(name), func() (object, error) { return readDaemonSet(manifest) }), Pods: pods},
			&resource.Probe{
				Name: "rollout of " + hostedName(name), Every: podsEvery, Timeout: in.Config.Within, Check: pods.rolledOut,
				Hint: "See what keeps it: " + describePods(name),
			},
			&pivot{Manifest: manifest, Pods: pods, within: in.Config.Within},
		},
		Known: func() selfHostedOutputs {
			return selfHostedOutputs{DaemonSet: hostedName(name), Aside: staticpod.Aside(manifest)}
		},
	}
}
