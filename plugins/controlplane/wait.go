package controlplane

import (
	"context"
	"net/url"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type waitConfig struct {
	Kubeconfig string            `cf:"kubeconfig,required" doc:"Kubeconfig of the administrator. The API server it names is waited for."`
	SuperAdmin string            `cf:"super_admin_kubeconfig" doc:"Kubeconfig of a member of system:masters. It gives the administrator its rights, if it has none yet."`
	Components []componentConfig `cf:"components" doc:"Components to wait for besides the API server: name and url of their health, such as https://127.0.0.1:10257/healthz. Their certificates are not verified."`
	Pods       []*staticpod.Ref  `cf:"pods" doc:"Static pods that must run: the outputs pod of controlplane.static_pod and etcd.member. Null is skipped. A component of the same name is asked for its health only when its new pod runs."`
	CRISocket  string            `cf:"cri_socket" doc:"Socket of the container runtime, asked for pods. Default: the first that exists of those of containerd, CRI-O and cri-dockerd."`
	Within     time.Duration     `cf:"within" default:"\"4m\"" doc:"How long to wait before the phase fails."`
}

type componentConfig struct {
	Name string `cf:"name,required"`
	URL  string `cf:"url,required"`
}

type waitOutputs struct {
	Cluster kubeapi.Cluster `cf:"cluster,late" doc:"The cluster, once it works: kubeconfig (absolute path), server (URL), ca_pin (sha256:<hex>). Phases that need the API take it."`
}

func waitType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[waitConfig, waitOutputs]{
		Name: "wait",
		Doc: "Waits until the control plane is healthy: the API server's livez and readyz, and the components' own answers, all at once. " +
			"With pods it tells a new pod from the old one that still answers, even before the API server does. " +
			"It also gives the group kubeadm:cluster-admins its rights, as kubeadm does. While everything is healthy, nothing is planned.",
		Example: `phase "controlplane.wait" "control_plane" {
  kubeconfig             = "/etc/kubernetes/admin.conf"
  super_admin_kubeconfig = "/etc/kubernetes/super-admin.conf"
  components = [
    { name = "kube-controller-manager", url = "https://127.0.0.1:10257/healthz" },
    { name = "kube-scheduler", url = "https://127.0.0.1:10259/livez" },
  ]
  pods = [
    { name = "kube-apiserver", digest = "44c9dabadd3d8b1ea9dc6a9f7ffac5ea8b0b1d0e0c5d8a3b4a5e1ad1d3b2a1f0" }, # phase.apiserver.pod
  ]
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.kubeconfig, config.super_admin_kubeconfig"},
			{Kind: sdk.AccessNet, What: "config.components"},
			{Kind: sdk.AccessPath, What: "config.cri_socket"},
			{Kind: sdk.AccessKube, What: "ClusterRoleBinding kubeadm:cluster-admins", Write: true},
		},
		Kinds:    []resource.Kind{adminBindingKind(pool)},
		Parallel: true,
		Validate: validateWait,
		Build: func(_ context.Context, in resource.Input[waitConfig]) (resource.Work[waitOutputs], error) {
			return buildWait(pool, in), nil
		},
	}.Type()
}

func validateWait(c waitConfig) error {
	for _, x := range c.Components {
		u, err := url.Parse(x.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
			return attrError("components", "%q is not a URL such as https://127.0.0.1:10257/healthz", x.URL)
		}
		if x.Name == "" {
			return attrError("components", "the component at %s has no name", x.URL)
		}
	}
	if c.Within <= 0 {
		return attrError("within", "must be longer than zero")
	}
	return nil
}

// given leaves out those that are null.
func given(pods []*staticpod.Ref) []staticpod.Ref {
	var out []staticpod.Ref
	for _, pod := range pods {
		if pod != nil {
			out = append(out, *pod)
		}
	}
	return out
}

func buildWait(pool *kubeapi.Pool, in resource.Input[waitConfig]) resource.Work[waitOutputs] {
	path := hostpath.Abs(in.WorkDir, in.Config.Kubeconfig)
	return resource.Work[waitOutputs]{
		Resources: []resource.Resource{
			&health{
				pool: pool, kubeconfig: path, components: in.Config.Components, within: in.Config.Within,
				pods: given(in.Config.Pods), runtime: staticpod.Runtime{Socket: in.Config.CRISocket},
			},
			&adminBinding{
				Admin: path, SuperAdmin: hostpath.Abs(in.WorkDir, in.Config.SuperAdmin),
				pool: pool, within: in.Config.Within + bindingGrace,
			},
		},
		Outputs: func(context.Context) (waitOutputs, error) {
			client, err := pool.Client(path)
			if err != nil {
				return waitOutputs{}, err
			}
			cluster, err := client.Cluster()
			return waitOutputs{Cluster: cluster}, err
		},
	}
}
