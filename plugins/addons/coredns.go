package addons

import (
	"context"
	"net/netip"
	"regexp"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/subnet"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// defaultReplicas of CoreDNS: 2, as kubeadm has it.
const defaultReplicas = 2

// tagRule is what the tag of an image looks like.
const tagRule = `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`

type coreDNSConfig struct {
	Cluster         kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
	ServiceSubnet   string          `cf:"service_subnet" default:"\"10.96.0.0/12\"" doc:"CIDR of services; two separated by a comma for dual-stack. The DNS service gets the tenth address of the first."`
	ClusterIP       string          `cf:"cluster_ip" doc:"Address of the DNS service, if not the tenth of service_subnet. Kubelets tell it to pods."`
	DNSDomain       string          `cf:"dns_domain" default:"\"cluster.local\"" doc:"DNS domain of services."`
	ImageRepository string          `cf:"image_repository" default:"\"registry.k8s.io\"" doc:"Where the image comes from."`
	ImageTag        string          `cf:"image_tag" default:"\"v1.14.2\"" doc:"Tag of the image."`
	Replicas        *int            `cf:"replicas" doc:"Number of pods. By default 2 at first, and afterwards whatever kubectl scale or an autoscaler has made of it."`
	Corefile        string          `cf:"corefile" doc:"The whole Corefile. By default that of kubeadm; what somebody has edited in the cluster then stays."`
}

type coreDNSOutputs struct {
	ClusterIP string `cf:"cluster_ip" doc:"Address of the DNS service."`
	Image     string `cf:"image" doc:"Image of CoreDNS, to be pulled in advance."`
}

func coreDNSType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[coreDNSConfig, coreDNSOutputs]{
		Name: "coredns",
		Doc:  "Installs CoreDNS, the DNS of the cluster. It does not wait for its pods: they need a pod network.",
		Example: `phase "addons.coredns" "coredns" {
  cluster        = phase.control_plane.cluster
  service_subnet = "10.96.0.0/12"
}`,
		Access:   kubeAccess("ConfigMap, Deployment, Service, ServiceAccount in kube-system; ClusterRole and ClusterRoleBinding system:coredns"),
		Kinds:    []resource.Kind{kubeobj.Kind(pool)},
		Parallel: true,
		Validate: validateCoreDNS,
		Build: func(_ context.Context, in resource.Input[coreDNSConfig]) (resource.Work[coreDNSOutputs], error) {
			return buildCoreDNS(pool, in)
		},
	}.Type()
}

func validateCoreDNS(c coreDNSConfig) error {
	if _, err := c.address(); err != nil {
		return err
	}
	if problems := validation.IsDNS1123Subdomain(c.DNSDomain); len(problems) > 0 {
		return attrError("dns_domain", "%q is not a DNS domain such as cluster.local", c.DNSDomain)
	}
	if !regexp.MustCompile(tagRule).MatchString(c.ImageTag) {
		return attrError("image_tag", "%q is not a tag such as v1.14.2", c.ImageTag)
	}
	if c.Replicas != nil && *c.Replicas < 0 {
		return attrError("replicas", "must not be negative")
	}
	return validRepository(c.ImageRepository)
}

// address is where the DNS service listens.
func (c coreDNSConfig) address() (netip.Addr, error) {
	if c.ClusterIP != "" {
		a, err := netip.ParseAddr(c.ClusterIP)
		if err != nil {
			return netip.Addr{}, attrError("cluster_ip", "%q is not an address such as 10.96.0.10", c.ClusterIP)
		}
		return a, nil
	}
	a, err := subnet.Address(c.ServiceSubnet, subnet.DNSIndex)
	if err != nil {
		return netip.Addr{}, attrError("service_subnet", "%w", err)
	}
	return a, nil
}

func buildCoreDNS(pool *kubeapi.Pool, in resource.Input[coreDNSConfig]) (resource.Work[coreDNSOutputs], error) {
	c := in.Config
	address, err := c.address()
	if err != nil {
		return resource.Work[coreDNSOutputs]{}, err
	}
	maker := kubeobj.Maker{Pool: pool, Kubeconfig: c.Cluster.Path(in.WorkDir)}
	config, deployment := maker.Object(c.configMap()), maker.Object(c.deployment())
	if c.Corefile == "" {
		config.Keep = [][]string{{"data", corefileKey}}
	}
	if c.Replicas == nil {
		deployment.Keep = [][]string{{"spec", "replicas"}}
	}
	return resource.Work[coreDNSOutputs]{
		Resources: append([]resource.Resource{config, deployment}, maker.Objects(c.others(address)...)...),
		Known: func() coreDNSOutputs {
			return coreDNSOutputs{ClusterIP: address.String(), Image: coreDNSImage(c.ImageRepository, c.ImageTag)}
		},
	}, nil
}

// objects lists all that belongs to CoreDNS.
func (c coreDNSConfig) objects(address netip.Addr) []runtime.Object {
	return append([]runtime.Object{c.configMap(), c.deployment()}, c.others(address)...)
}
