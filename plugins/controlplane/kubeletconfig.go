package controlplane

import (
	"github.com/clusterflow/clusterflow/plugins/internal/kubeletconfig"
)

// kubeletConfiguration is what nodes that join get: the user's fields over
// kubeadm's defaults. mine says that the user has set any.
func (c uploadConfig) kubeletConfiguration() (text []byte, mine bool, err error) {
	config, mine, err := kubeletconfig.Read(c.Kubelet, kubeletconfig.Cluster{
		ServiceSubnet: c.ServiceSubnet, DNSDomain: c.DNSDomain, CertDir: c.CertDir,
	})
	if err != nil {
		return nil, false, attrError("kubelet", "%w", err)
	}
	text, err = kubeletconfig.Encode(config)
	return text, mine, err
}
