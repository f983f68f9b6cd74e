package controlplane

import (
	"net"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// The types below are kubeadm's ClusterConfiguration, kubeadm.k8s.io/v1beta4, as
// it is written into a cluster. Its Go package cannot be imported.
type clusterConfiguration struct {
	APIVersion           string            `json:"apiVersion"`
	Kind                 string            `json:"kind"`
	Etcd                 etcdSection       `json:"etcd"`
	Networking           networkingSection `json:"networking"`
	KubernetesVersion    string            `json:"kubernetesVersion"`
	ControlPlaneEndpoint string            `json:"controlPlaneEndpoint,omitempty"`
	APIServer            apiServerSection  `json:"apiServer"`
	ControllerManager    componentSection  `json:"controllerManager"`
	Scheduler            componentSection  `json:"scheduler"`
	DNS                  dnsSection        `json:"dns"`
	Proxy                proxySection      `json:"proxy"`
	CertificatesDir      string            `json:"certificatesDir"`
	ImageRepository      string            `json:"imageRepository"`
	FeatureGates         map[string]bool   `json:"featureGates,omitempty"`
	ClusterName          string            `json:"clusterName"`
	EncryptionAlgorithm  string            `json:"encryptionAlgorithm"`
	CertificateValidity  metav1.Duration   `json:"certificateValidityPeriod"`
	CAValidity           metav1.Duration   `json:"caCertificateValidityPeriod"`
}

type etcdSection struct {
	Local    *localEtcd    `json:"local,omitempty"`
	External *externalEtcd `json:"external,omitempty"`
}

type localEtcd struct {
	ImageRepository string   `json:"imageRepository,omitempty"`
	ImageTag        string   `json:"imageTag,omitempty"`
	DataDir         string   `json:"dataDir"`
	ExtraArgs       pairs    `json:"extraArgs,omitempty"`
	ExtraEnvs       []env    `json:"extraEnvs,omitempty"`
	ServerCertSANs  []string `json:"serverCertSANs,omitempty"`
	PeerCertSANs    []string `json:"peerCertSANs,omitempty"`
}

type externalEtcd struct {
	Endpoints     []string `json:"endpoints"`
	HTTPEndpoints []string `json:"httpEndpoints,omitempty"`
	CAFile        string   `json:"caFile"`
	CertFile      string   `json:"certFile"`
	KeyFile       string   `json:"keyFile"`
}

type networkingSection struct {
	ServiceSubnet string `json:"serviceSubnet,omitempty"`
	PodSubnet     string `json:"podSubnet,omitempty"`
	DNSDomain     string `json:"dnsDomain,omitempty"`
}

type componentSection struct {
	ExtraArgs    pairs    `json:"extraArgs,omitempty"`
	ExtraVolumes []volume `json:"extraVolumes,omitempty"`
	ExtraEnvs    []env    `json:"extraEnvs,omitempty"`
}

type apiServerSection struct {
	componentSection
	CertSANs []string `json:"certSANs,omitempty"`
}

type dnsSection struct {
	ImageRepository string `json:"imageRepository,omitempty"`
	ImageTag        string `json:"imageTag,omitempty"`
	Disabled        bool   `json:"disabled,omitempty"`
}

type proxySection struct {
	Disabled bool `json:"disabled,omitempty"`
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// env is a variable of the environment. Unlike an argument, one without a value
// has no such field.
type env struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
}

type volume struct {
	Name      string `json:"name"`
	HostPath  string `json:"hostPath"`
	MountPath string `json:"mountPath"`
	ReadOnly  bool   `json:"readOnly,omitempty"`
	PathType  string `json:"pathType,omitempty"`
}

// clusterConfiguration writes the config as kubeadm would have it.
func (c uploadConfig) clusterConfiguration() ([]byte, error) {
	return yaml.Marshal(clusterConfiguration{
		APIVersion: "kubeadm.k8s.io/v1beta4", Kind: "ClusterConfiguration",
		Etcd:                 c.Etcd.section(),
		Networking:           networkingSection{ServiceSubnet: c.ServiceSubnet, PodSubnet: c.PodSubnet, DNSDomain: c.DNSDomain},
		KubernetesVersion:    c.KubernetesVersion,
		ControlPlaneEndpoint: withPort(c.ControlPlaneEndpoint),
		APIServer:            apiServerSection{componentSection: c.APIServer.section(), CertSANs: c.APIServer.sans()},
		ControllerManager:    c.ControllerManager.section(),
		Scheduler:            c.Scheduler.section(),
		DNS:                  dnsSection(orZero(c.DNS)),
		Proxy:                proxySection(orZero(c.Proxy)),
		CertificatesDir:      c.CertDir,
		ImageRepository:      c.ImageRepository,
		FeatureGates:         c.FeatureGates,
		ClusterName:          c.ClusterName,
		EncryptionAlgorithm:  c.EncryptionAlgorithm,
		CertificateValidity:  metav1.Duration{Duration: c.CertificateValidity},
		CAValidity:           metav1.Duration{Duration: c.CAValidity},
	})
}

func orZero[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}

// withPort adds the API server's usual port to a host without one. Empty stays empty.
func withPort(endpoint string) string {
	if endpoint == "" {
		return ""
	}
	if _, _, err := net.SplitHostPort(endpoint); err == nil {
		return endpoint
	}
	return net.JoinHostPort(strings.Trim(endpoint, "[]"), apiPort)
}
