package controlplane

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
)

// What kubeadm has where a ClusterConfiguration says nothing.
const (
	defaultServiceSubnet = "10.96.0.0/12"
	defaultEtcdTag       = "3.6.8-0" // for Kubernetes 1.34 to 1.36
	defaultCoreDNSTag    = "v1.14.2"
	defaultValidity      = 365 * 24 * time.Hour
	defaultCAValidity    = 10 * defaultValidity
)

// clusterValues is local.config of pipelines/config/cluster.hcl.
type clusterValues struct {
	KubernetesVersion    string          `cf:"kubernetes_version"`
	ClusterName          string          `cf:"cluster_name"`
	ControlPlaneEndpoint string          `cf:"control_plane_endpoint"`
	ControlPlaneHost     string          `cf:"control_plane_host"`
	BindPort             int             `cf:"bind_port"`
	CertDir              string          `cf:"cert_dir"`
	ImageRepository      string          `cf:"image_repository"`
	ServiceSubnet        string          `cf:"service_subnet"`
	PodSubnet            string          `cf:"pod_subnet"`
	DNSDomain            string          `cf:"dns_domain"`
	CertSANs             []string        `cf:"apiserver_cert_extra_sans"`
	KeyAlgorithm         string          `cf:"key_algorithm"`
	Validity             time.Duration   `cf:"certificate_validity"`
	CAValidity           time.Duration   `cf:"ca_certificate_validity"`
	Etcd                 etcdValues      `cf:"etcd"`
	ExternalEtcd         *externalConfig `cf:"external_etcd"`
	APIServer            componentValues `cf:"apiserver"`
	ControllerManager    componentValues `cf:"controller_manager"`
	Scheduler            componentValues `cf:"scheduler"`
	CoreDNS              coreDNSValues   `cf:"coredns"`
	KubeProxy            kubeProxyValues `cf:"kube_proxy"`
	ProxyConfiguration   string          `cf:"kube_proxy_configuration"`
	KubeletConfiguration string          `cf:"kubelet_configuration"`
	FeatureGates         map[string]bool `cf:"feature_gates"`
}

type etcdValues struct {
	DataDir         string           `cf:"data_dir"`
	ImageRepository *string          `cf:"image_repository"`
	ImageTag        string           `cf:"image_tag"`
	ExtraArgs       []component.Flag `cf:"extra_args"`
	ExtraEnvs       []component.Flag `cf:"extra_envs"`
	ServerCertSANs  []string         `cf:"server_cert_sans"`
	PeerCertSANs    []string         `cf:"peer_cert_sans"`
}

type componentValues struct {
	ExtraArgs    []component.Flag `cf:"extra_args"`
	ExtraEnvs    []component.Flag `cf:"extra_envs"`
	ExtraVolumes []volumeConfig   `cf:"extra_volumes"`
}

type coreDNSValues struct {
	Enabled         bool    `cf:"enabled"`
	ImageRepository *string `cf:"image_repository"`
	ImageTag        string  `cf:"image_tag"`
	Replicas        *int    `cf:"replicas"`
}

type kubeProxyValues struct {
	Enabled bool    `cf:"enabled"`
	Mode    *string `cf:"mode"`
}

// readClusterValues reads a ClusterConfiguration, kubeadm.k8s.io/v1beta4 or the
// older v1beta3. What it leaves out has kubeadm's default.
func readClusterValues(text, kubelet string) (clusterValues, error) {
	var c clusterConfiguration
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		return clusterValues{}, fmt.Errorf("read ClusterConfiguration: %w", err)
	}
	if !slices.Contains([]string{"kubeadm.k8s.io/v1beta4", "kubeadm.k8s.io/v1beta3"}, c.APIVersion) || c.Kind != "ClusterConfiguration" {
		return clusterValues{}, fmt.Errorf("read ClusterConfiguration: %s %s is not kubeadm.k8s.io/v1beta4 ClusterConfiguration", c.APIVersion, c.Kind)
	}
	if c.KubernetesVersion == "" {
		return clusterValues{}, errors.New("read ClusterConfiguration: no kubernetesVersion")
	}
	endpoint := withPort(c.ControlPlaneEndpoint)
	v := clusterValues{
		KubernetesVersion: c.KubernetesVersion, ClusterName: cmp.Or(c.ClusterName, "kubernetes"),
		ControlPlaneEndpoint: endpoint, BindPort: 6443,
		CertDir: cmp.Or(c.CertificatesDir, "/etc/kubernetes/pki"), ImageRepository: cmp.Or(c.ImageRepository, "registry.k8s.io"),
		ServiceSubnet: cmp.Or(c.Networking.ServiceSubnet, defaultServiceSubnet), PodSubnet: c.Networking.PodSubnet,
		DNSDomain: cmp.Or(c.Networking.DNSDomain, "cluster.local"), CertSANs: orEmpty(c.APIServer.CertSANs),
		KeyAlgorithm: cmp.Or(c.EncryptionAlgorithm, "RSA-2048"),
		Validity:     cmp.Or(c.CertificateValidity.Duration, defaultValidity), CAValidity: cmp.Or(c.CAValidity.Duration, defaultCAValidity),
		APIServer: c.APIServer.values(), ControllerManager: c.ControllerManager.values(), Scheduler: c.Scheduler.values(),
		CoreDNS: coreDNSValues{
			Enabled: !c.DNS.Disabled, ImageRepository: orNull(c.DNS.ImageRepository), ImageTag: cmp.Or(c.DNS.ImageTag, defaultCoreDNSTag),
		},
		KubeProxy:            kubeProxyValues{Enabled: !c.Proxy.Disabled},
		KubeletConfiguration: kubelet, FeatureGates: c.FeatureGates,
	}
	if v.FeatureGates == nil {
		v.FeatureGates = map[string]bool{}
	}
	if endpoint != "" {
		v.ControlPlaneHost, _, _ = net.SplitHostPort(endpoint)
	}
	v.Etcd = orZero(c.Etcd.Local).values()
	if e := c.Etcd.External; e != nil {
		v.ExternalEtcd = &externalConfig{Endpoints: e.Endpoints, HTTPEndpoints: e.HTTPEndpoints, CAFile: e.CAFile, CertFile: e.CertFile, KeyFile: e.KeyFile}
	}
	return v, nil
}

func (e localEtcd) values() etcdValues {
	return etcdValues{
		DataDir: cmp.Or(e.DataDir, defaultEtcdDir), ImageRepository: orNull(e.ImageRepository), ImageTag: cmp.Or(e.ImageTag, defaultEtcdTag),
		ExtraArgs: flagsOf(e.ExtraArgs), ExtraEnvs: flagsOf(e.ExtraEnvs), ServerCertSANs: orEmpty(e.ServerCertSANs), PeerCertSANs: orEmpty(e.PeerCertSANs),
	}
}

func (c componentSection) values() componentValues {
	v := componentValues{ExtraArgs: flagsOf(c.ExtraArgs), ExtraEnvs: flagsOf(c.ExtraEnvs), ExtraVolumes: []volumeConfig{}}
	for _, x := range c.ExtraVolumes {
		v.ExtraVolumes = append(v.ExtraVolumes, volumeConfig(x))
	}
	return v
}

func flagsOf[T pair | env](all []T) []component.Flag {
	out := make([]component.Flag, 0, len(all))
	for _, x := range all {
		out = append(out, component.Flag(x))
	}
	return out
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// orEmpty is for modules, which take a list and not null.
func orEmpty(list []string) []string { return append([]string{}, list...) }

// pairs are arguments: a list, or in v1beta3 a map.
type pairs []pair

// UnmarshalJSON takes both forms.
func (p *pairs) UnmarshalJSON(text []byte) error {
	if !strings.HasPrefix(strings.TrimSpace(string(text)), "{") {
		return json.Unmarshal(text, (*[]pair)(p))
	}
	var byName map[string]string
	if err := json.Unmarshal(text, &byName); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		*p = append(*p, pair{Name: name, Value: byName[name]})
	}
	return nil
}
