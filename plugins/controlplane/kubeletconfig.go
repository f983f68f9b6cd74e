package controlplane

import (
	"bytes"
	"cmp"
	"fmt"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime/schema"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/componentconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/subnet"
)

// resolvedFile is where systemd-resolved tells its servers. kubeadm points the
// kubelet there by itself.
const resolvedFile = "/run/systemd/resolve/resolv.conf"

// kubeletConfiguration is what nodes that join get: the given fields over
// kubeadm's defaults. mine says that it is not what kubeadm makes by itself.
func (c uploadConfig) kubeletConfiguration() (text []byte, mine bool, err error) {
	var given, plain kubeletv1beta1.KubeletConfiguration
	if _, err = componentconfig.Decode(c.KubeletConfiguration, kubeletKind(), &given); err != nil {
		return nil, false, attrError("kubelet_configuration", "%w", err)
	}
	if given.ResolverConfig != nil && *given.ResolverConfig == resolvedFile {
		plain.ResolverConfig = given.ResolverConfig
	}
	if text, err = c.completed(given); err != nil {
		return nil, false, err
	}
	byItself, err := c.completed(plain)
	return text, !bytes.Equal(text, byItself), err
}

// completed is the text of a configuration, with all that it leaves out.
func (c uploadConfig) completed(k kubeletv1beta1.KubeletConfiguration) ([]byte, error) {
	if err := c.completeKubelet(&k); err != nil {
		return nil, err
	}
	return yaml.Marshal(k)
}

func kubeletKind() schema.GroupVersionKind {
	return kubeletv1beta1.SchemeGroupVersion.WithKind("KubeletConfiguration")
}

// completeKubelet fills in what is not set. The runtime's socket belongs to a
// node and not into the cluster; certificates are always rotated.
func (c uploadConfig) completeKubelet(k *kubeletv1beta1.KubeletConfiguration) error {
	dns, err := subnet.Address(c.ServiceSubnet, subnet.DNSIndex)
	if err != nil {
		return fmt.Errorf("find address of the cluster DNS: %w", err)
	}
	k.APIVersion, k.Kind = kubeletKind().ToAPIVersionAndKind()
	if len(k.ClusterDNS) == 0 {
		k.ClusterDNS = []string{dns.String()}
	}
	k.StaticPodPath = cmp.Or(k.StaticPodPath, "/etc/kubernetes/manifests")
	k.ClusterDomain = cmp.Or(k.ClusterDomain, c.DNSDomain)
	k.Authentication.X509.ClientCAFile = cmp.Or(k.Authentication.X509.ClientCAFile, filepath.Join(c.CertDir, "ca.crt"))
	k.Authentication.Anonymous.Enabled = cmp.Or(k.Authentication.Anonymous.Enabled, new(false))
	k.Authentication.Webhook.Enabled = cmp.Or(k.Authentication.Webhook.Enabled, new(true))
	k.Authorization.Mode = cmp.Or(k.Authorization.Mode, kubeletv1beta1.KubeletAuthorizationModeWebhook)
	k.HealthzBindAddress = cmp.Or(k.HealthzBindAddress, "127.0.0.1")
	k.HealthzPort = cmp.Or(k.HealthzPort, new(int32(10248)))
	k.CgroupDriver = cmp.Or(k.CgroupDriver, "systemd")
	k.RotateCertificates = true
	k.ContainerRuntimeEndpoint = ""
	return nil
}
