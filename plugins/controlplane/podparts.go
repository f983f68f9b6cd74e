package controlplane

import (
	"net"
	"net/netip"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
)

// annotationEndpoint tells others, kubeadm among them, where this node's API
// server is.
const annotationEndpoint = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"

// podParts are what the static pods of the components differ in, besides their
// flags.
type podParts struct {
	c           processConfig // complete
	cpu         string
	live, ready string // paths; the startup probe asks for live
	annotations map[string]string
	reloads     []string
}

func partsOf(c processConfig) podParts {
	switch c.Component {
	case apiServerName:
		endpoint := net.JoinHostPort(c.AdvertiseAddress, strconv.Itoa(c.SecurePort))
		return podParts{
			c: c, cpu: "250m", live: "/livez", ready: "/readyz", reloads: apiServerReloads(),
			annotations: map[string]string{annotationEndpoint: endpoint},
		}
	case managerName:
		return podParts{c: c, cpu: "200m", live: "/healthz", reloads: managerReloads()}
	default:
		return podParts{c: c, cpu: "100m", live: "/livez", ready: "/readyz"}
	}
}

// probes ask at the address that kubeadm takes: that which is advertised, or that
// which is bound to. One that means everywhere is left to the kubelet.
func (p podParts) probes(startup time.Duration) staticpod.Probes {
	host := p.c.AdvertiseAddress
	if p.c.Component != apiServerName {
		host = p.c.Address
		if bind, given := component.Last(p.c.ExtraArgs, "bind-address"); given {
			host = bind
		}
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = ""
	}
	return staticpod.Probes{
		Scheme: corev1.URISchemeHTTPS, Host: host, Port: p.port(),
		Live: p.live, Ready: p.ready, Started: p.live, Startup: startup,
	}
}

// port follows extra flags, which kubeadm's probes do not.
func (p podParts) port() int {
	port, err := strconv.Atoi(p.c.port())
	if err != nil {
		return p.c.SecurePort // the component will say what is wrong with the flag
	}
	return port
}

func (p podParts) mounts(exists func(string) bool) []staticpod.Mount {
	kubeconfig := staticpod.Mount{
		Name: "kubeconfig", HostPath: p.c.Kubeconfig, MountPath: p.c.Kubeconfig, ReadOnly: true, Type: corev1.HostPathFileOrCreate,
	}
	certs := append([]staticpod.Mount{staticpod.Dir("k8s-certs", p.c.CertDir)}, staticpod.Authorities(exists)...)
	switch p.c.Component {
	case apiServerName:
		etcd := p.c.Etcd
		return append(certs, staticpod.Directories("etcd-certs", certs, etcd.CAFile, etcd.CertFile, etcd.KeyFile)...)
	case managerName:
		return append(certs, kubeconfig)
	default:
		return []staticpod.Mount{kubeconfig}
	}
}

// apiServerReloads are the flags of kube-apiserver whose files it watches, or
// reads anew for each connection. Source: Kubernetes 1.36, the users of
// k8s.io/apiserver/pkg/server/dynamiccertificates, the transports to kubelets and
// etcd, and the reload of the structured configurations.
func apiServerReloads() []string {
	return []string{
		"tls-cert-file", "tls-private-key-file", "client-ca-file", "requestheader-client-ca-file",
		"proxy-client-cert-file", "proxy-client-key-file", "kubelet-client-certificate", "kubelet-client-key",
		"etcd-certfile", "etcd-keyfile", "authentication-config", "authorization-config",
	}
}

// managerReloads are those of kube-controller-manager.
func managerReloads() []string {
	return []string{
		"tls-cert-file", "tls-private-key-file", "client-ca-file", "requestheader-client-ca-file",
		"cluster-signing-cert-file", "cluster-signing-key-file",
	}
}
