package addons

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/subnet"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type kubeProxyConfig struct {
	Cluster              kubeapi.Cluster   `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
	KubernetesVersion    string            `cf:"kubernetes_version,required" doc:"Version of the control plane, such as v1.36.3."`
	ControlPlaneEndpoint string            `cf:"control_plane_endpoint" doc:"Address of the API for all nodes, host or host:port; the port is 6443 if not given. By default the server of the cluster's kubeconfig."`
	PodSubnet            string            `cf:"pod_subnet" doc:"CIDR of pods; two separated by a comma for dual-stack. Traffic from elsewhere to services is masqueraded."`
	Mode                 string            `cf:"mode" enum:"iptables ipvs nftables" doc:"How services are implemented. By default kube-proxy decides: iptables."`
	ImageRepository      string            `cf:"image_repository" default:"\"registry.k8s.io\"" doc:"Where the image comes from."`
	Env                  map[string]string `cf:"env" doc:"Environment variables of kube-proxy besides NODE_NAME, such as HTTPS_PROXY."`
	AdvertiseAddress     string            `cf:"advertise_address" doc:"IP address of the API server: kube-proxy listens on all addresses of its family. By default the host of control_plane_endpoint counts, if it is an address."`
	FeatureGates         map[string]bool   `cf:"feature_gates" doc:"Feature gates of kube-proxy."`
	Configuration        cty.Value         `cf:"configuration" doc:"The KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1), as an object or as YAML text. What it leaves out is as kubeadm has it."`
}

type kubeProxyOutputs struct {
	Image string `cf:"image" doc:"Image of kube-proxy, to be pulled in advance."`
}

func kubeProxyType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[kubeProxyConfig, kubeProxyOutputs]{
		Name: "kube_proxy",
		Doc: "Installs kube-proxy on all nodes, which makes services reachable. It does not wait for its pods. " +
			"After a change of the configuration they are replaced one after the other, for kube-proxy reads it when it starts.",
		Example: `phase "addons.kube_proxy" "kube_proxy" {
  cluster            = phase.control_plane.cluster
  kubernetes_version = "v1.36.3"
  pod_subnet         = "10.244.0.0/16"
  mode               = "nftables"
  configuration      = { conntrack = { maxPerCore = 0 } }
}`,
		Access:   kubeAccess("ConfigMap, DaemonSet, ServiceAccount, Role and RoleBinding kube-proxy in kube-system; ClusterRoleBinding kubeadm:node-proxier"),
		Kinds:    []resource.Kind{kubeobj.Kind(pool)},
		Parallel: true,
		Validate: func(c kubeProxyConfig) error {
			_, _, err := c.configuration()
			if err == nil {
				err = c.validate()
			}
			return err
		},
		Build: func(_ context.Context, in resource.Input[kubeProxyConfig]) (resource.Work[kubeProxyOutputs], error) {
			objects, err := in.Config.objects()
			if err != nil {
				return resource.Work[kubeProxyOutputs]{}, err
			}
			maker := kubeobj.Maker{Pool: pool, Kubeconfig: in.Config.Cluster.Path(in.WorkDir)}
			return resource.Work[kubeProxyOutputs]{
				Resources: maker.Objects(objects...),
				Known:     func() kubeProxyOutputs { return kubeProxyOutputs{Image: in.Config.image()} },
			}, nil
		},
	}.Type()
}

func (c kubeProxyConfig) validate() error {
	if !regexp.MustCompile(`^v\d+\.\d+\.\d+`).MatchString(c.KubernetesVersion) {
		return attrError("kubernetes_version", "%q is not a version such as v1.36.3", c.KubernetesVersion)
	}
	if _, err := c.server(); err != nil {
		return err
	}
	if _, err := subnet.Parse(c.PodSubnet); c.PodSubnet != "" && err != nil {
		return attrError("pod_subnet", "%w", err)
	}
	if _, err := netip.ParseAddr(c.AdvertiseAddress); c.AdvertiseAddress != "" && err != nil {
		return attrError("advertise_address", "%q is not an IP address", c.AdvertiseAddress)
	}
	return validRepository(c.ImageRepository)
}

func (c kubeProxyConfig) image() string {
	return component.Image(c.ImageRepository, kubeProxy, c.KubernetesVersion)
}

// server is the URL of the API for all nodes.
func (c kubeProxyConfig) server() (string, error) {
	if c.ControlPlaneEndpoint == "" {
		if c.Cluster.Server == "" {
			return "", attrError("control_plane_endpoint", "must be set, for cluster tells no server")
		}
		return c.Cluster.Server, nil
	}
	host, port, err := net.SplitHostPort(c.ControlPlaneEndpoint)
	if err != nil {
		host, port = strings.Trim(c.ControlPlaneEndpoint, "[]"), "6443"
	}
	u, err := url.Parse("https://" + net.JoinHostPort(host, port))
	if err != nil || host == "" || u.Hostname() != host || u.Port() != port {
		return "", attrError("control_plane_endpoint", "%q is not an address such as api.example.com:6443", c.ControlPlaneEndpoint)
	}
	return u.String(), nil
}

// bindAddress is all addresses of the family that the API server has.
func (c kubeProxyConfig) bindAddress() (string, error) {
	address := c.AdvertiseAddress
	if address == "" {
		server, err := c.server()
		if err != nil {
			return "", err
		}
		u, err := url.Parse(server)
		if err != nil {
			return "", fmt.Errorf("read server of cluster: %w", err)
		}
		address = u.Hostname()
	}
	if a, err := netip.ParseAddr(address); err == nil && a.Is6() {
		return "::", nil
	}
	return "0.0.0.0", nil
}
