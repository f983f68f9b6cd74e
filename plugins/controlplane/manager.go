package controlplane

import (
	"path/filepath"
	"strconv"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
)

// defaultManagerPort is where kube-controller-manager listens unless told.
const defaultManagerPort = 10257

// controllerManager is what the command line of kube-controller-manager is made of.
type controllerManager struct {
	BindAddress string
	Port        int
	CertDir     string
	// ExternalCA says that the key of the cluster's authority is kept elsewhere, so
	// that signing requests are not answered.
	ExternalCA    bool
	Kubeconfig    string
	ClusterName   string
	ServiceSubnet string
	PodSubnet     string // empty: something else gives nodes their ranges
	Extra         []component.Flag
}

// args returns the flags that kubeadm 1.36 gives, and the port where it is not
// the default.
func (m controllerManager) args() []string {
	cert := func(name string) string { return filepath.Join(m.CertDir, name) }
	flags := map[string]string{
		"authentication-kubeconfig":        m.Kubeconfig,
		"authorization-kubeconfig":         m.Kubeconfig,
		"bind-address":                     m.BindAddress,
		"client-ca-file":                   cert("ca.crt"),
		"cluster-signing-cert-file":        cert("ca.crt"),
		"cluster-signing-key-file":         cert("ca.key"),
		"controllers":                      "*,bootstrapsigner,tokencleaner",
		"kubeconfig":                       m.Kubeconfig,
		"leader-elect":                     "true",
		"requestheader-client-ca-file":     cert("front-proxy-ca.crt"),
		"root-ca-file":                     cert("ca.crt"),
		"service-account-private-key-file": cert("sa.key"),
		"use-service-account-credentials":  "true",
	}
	if m.ExternalCA { // empty, so that the signer does not start
		flags["cluster-signing-cert-file"], flags["cluster-signing-key-file"] = "", ""
	}
	if m.ClusterName != "" {
		flags["cluster-name"] = m.ClusterName
	}
	if m.PodSubnet != "" {
		flags["allocate-node-cidrs"], flags["cluster-cidr"] = "true", m.PodSubnet
		if m.ServiceSubnet != "" {
			flags["service-cluster-ip-range"] = m.ServiceSubnet
		}
	}
	if m.Port != defaultManagerPort {
		flags["secure-port"] = strconv.Itoa(m.Port)
	}
	return component.Args(flags, m.Extra)
}
