package controlplane

import (
	"cmp"
	"fmt"
	"path/filepath"

	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/componentconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/subnet"
)

// kubeletConfiguration is what nodes that join get: the user's fields over
// kubeadm's defaults. mine says that the user has set any.
func (c uploadConfig) kubeletConfiguration() (text []byte, mine bool, err error) {
	kind := kubeletv1beta1.SchemeGroupVersion.WithKind("KubeletConfiguration")
	var k kubeletv1beta1.KubeletConfiguration
	if mine, err = componentconfig.Decode(c.Kubelet, kind, &k); err != nil {
		return nil, false, attrError("kubelet", "%w", err)
	}
	k.APIVersion, k.Kind = kind.GroupVersion().String(), kind.Kind
	if err := c.completeKubelet(&k); err != nil {
		return nil, false, err
	}
	text, err = yaml.Marshal(k)
	return text, mine, err
}

// completeKubelet fills in what is not set. The runtime's socket belongs to a
// node and not into the cluster; certificates are always rotated.
func (c uploadConfig) completeKubelet(k *kubeletv1beta1.KubeletConfiguration) error {
	dns, err := subnet.Address(c.ServiceSubnet, subnet.DNSIndex)
	if err != nil {
		return fmt.Errorf("find address of the cluster DNS: %w", err)
	}
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
