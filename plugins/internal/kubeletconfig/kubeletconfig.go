// Package kubeletconfig puts together the KubeletConfiguration that all nodes of a
// cluster share: what a user sets of it over the defaults of kubeadm.
//
// What a single node has of its own, such as the socket of its runtime, is with
// the plugin that writes the file.
package kubeletconfig

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/zclconf/go-cty/cty"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/componentapi"
	"github.com/clusterflow/clusterflow/plugins/internal/componentconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/subnet"
)

// Cluster is what the defaults depend on.
type Cluster struct {
	ServiceSubnet string // one CIDR, or one of each family; the first has the cluster's DNS
	DNSDomain     string
	CertDir       string // of ca.crt, whose clients the kubelet believes
}

// Config is the configuration of the kubelets of a cluster.
type Config = componentapi.KubeletConfiguration

// Read takes the user's fields, an object or YAML text, and fills in what they
// leave open. given reports whether they set anything. Unknown fields are errors.
func Read(user cty.Value, c Cluster) (config Config, given bool, err error) {
	kind := componentapi.KubeletConfigurationKind()
	if given, err = componentconfig.Decode(user, kind, &config); err != nil {
		return Config{}, false, err
	}
	config.APIVersion, config.Kind = kind.GroupVersion().String(), kind.Kind
	return config, given, c.complete(&config)
}

// complete fills in what is not set. The runtime's socket belongs to a node and
// not into the cluster; certificates are always rotated.
func (c Cluster) complete(k *Config) error {
	if len(k.ClusterDNS) == 0 {
		dns, err := subnet.Address(c.ServiceSubnet, subnet.DNSIndex)
		if err != nil {
			return fmt.Errorf("find address of the cluster DNS: %w", err)
		}
		k.ClusterDNS = []string{dns.String()}
	}
	k.StaticPodPath = cmp.Or(k.StaticPodPath, "/etc/kubernetes/manifests")
	k.ClusterDomain = cmp.Or(k.ClusterDomain, c.DNSDomain)
	k.Authentication.X509.ClientCAFile = cmp.Or(k.Authentication.X509.ClientCAFile, filepath.Join(c.CertDir, "ca.crt"))
	k.Authentication.Anonymous.Enabled = cmp.Or(k.Authentication.Anonymous.Enabled, new(false))
	k.Authentication.Webhook.Enabled = cmp.Or(k.Authentication.Webhook.Enabled, new(true))
	k.Authorization.Mode = cmp.Or(k.Authorization.Mode, componentapi.KubeletAuthorizationModeWebhook)
	k.HealthzBindAddress = cmp.Or(k.HealthzBindAddress, "127.0.0.1")
	k.HealthzPort = cmp.Or(k.HealthzPort, new(int32(10248)))
	k.CgroupDriver = cmp.Or(k.CgroupDriver, "systemd")
	k.RotateCertificates = true
	k.ContainerRuntimeEndpoint = ""
	return nil
}

// Encode writes a configuration as YAML with sorted keys, as kubeadm does: what is
// not set is written as zero.
func Encode(c Config) ([]byte, error) {
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write KubeletConfiguration: %w", err)
	}
	return text, nil
}
