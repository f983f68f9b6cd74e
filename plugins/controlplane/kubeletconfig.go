package controlplane

import (
	"cmp"
	"fmt"
	"path/filepath"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/subnet"
)

const kubeletConfigKind = "KubeletConfiguration"

// kubeletConfiguration is what nodes that join get: the user's fields over
// kubeadm's defaults. mine says that the user has set any.
func (c uploadConfig) kubeletConfiguration() (text []byte, mine bool, err error) {
	given, mine, err := kubeletFields(c.Kubelet)
	if err != nil {
		return nil, false, err
	}
	var k kubeletv1beta1.KubeletConfiguration
	if err := yaml.UnmarshalStrict(given, &k); err != nil {
		return nil, false, attrError("kubelet", "not a %s: %w", kubeletConfigKind, err)
	}
	version := kubeletv1beta1.SchemeGroupVersion.String()
	if cmp.Or(k.APIVersion, version) != version || cmp.Or(k.Kind, kubeletConfigKind) != kubeletConfigKind {
		return nil, false, attrError("kubelet", "%s %s is not %s %s", k.APIVersion, k.Kind, version, kubeletConfigKind)
	}
	k.APIVersion, k.Kind = version, kubeletConfigKind
	if err := c.completeKubelet(&k); err != nil {
		return nil, false, err
	}
	text, err = yaml.Marshal(k)
	return text, mine, err
}

// kubeletFields turns what the user wrote into YAML.
func kubeletFields(v cty.Value) (text []byte, given bool, err error) {
	switch {
	case v == cty.NilVal || v.IsNull():
		return nil, false, nil
	case v.Type() == cty.String:
		return []byte(v.AsString()), true, nil
	case !v.Type().IsObjectType() && !v.Type().IsMapType():
		return nil, false, attrError("kubelet", "want an object or YAML text, not %s", v.Type().FriendlyName())
	}
	text, err = ctyjson.Marshal(v, v.Type())
	if err != nil {
		return nil, false, attrError("kubelet", "%w", err)
	}
	return text, v.LengthInt() > 0, nil
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
