package controlplane

import (
	"bytes"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeletconfig"
)

// resolvedFile is where systemd-resolved tells its servers. kubeadm points the
// kubelet there by itself.
const resolvedFile = "/run/systemd/resolve/resolv.conf"

// kubeletConfiguration is what nodes that join get: the given fields over
// kubeadm's defaults. mine says that it is not what kubeadm makes by itself.
func (c uploadConfig) kubeletConfiguration() (text []byte, mine bool, err error) {
	cluster := kubeletconfig.Cluster{ServiceSubnet: c.ServiceSubnet, DNSDomain: c.DNSDomain, CertDir: c.CertDir}
	config, _, err := kubeletconfig.Read(c.KubeletConfiguration, cluster)
	if err != nil {
		return nil, false, attrError("kubelet_configuration", "%w", err)
	}
	plain, _, err := kubeletconfig.Read(cty.NilVal, cluster)
	if err != nil {
		return nil, false, attrError("service_subnet", "%w", err)
	}
	if config.ResolverConfig != nil && *config.ResolverConfig == resolvedFile {
		plain.ResolverConfig = config.ResolverConfig
	}
	if text, err = kubeletconfig.Encode(config); err != nil {
		return nil, false, err
	}
	byItself, err := kubeletconfig.Encode(plain)
	return text, !bytes.Equal(text, byItself), err
}
