package controlplane

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
)

// apiServer is what the command line of kube-apiserver is made of.
type apiServer struct {
	AdvertiseAddress string
	Port             int
	CertDir          string
	Etcd             etcdClient
	ServiceSubnet    string // one CIDR, or one of each family
	DNSDomain        string
	Extra            []component.Flag
}

// etcdClient is how an API server reaches etcd: the output client of the phases
// of plugin etcd.
type etcdClient struct {
	Endpoints []string `cf:"endpoints,required"`
	CAFile    string   `cf:"ca_file"`
	CertFile  string   `cf:"cert_file"`
	KeyFile   string   `cf:"key_file"`
}

// args returns the flags that kubeadm 1.36 gives.
func (s apiServer) args() []string {
	cert := func(name string) string { return filepath.Join(s.CertDir, name) }
	flags := map[string]string{
		"advertise-address":                  s.AdvertiseAddress,
		"allow-privileged":                   "true",
		"client-ca-file":                     cert("ca.crt"),
		"enable-admission-plugins":           "NodeRestriction",
		"enable-bootstrap-token-auth":        "true",
		"etcd-servers":                       strings.Join(s.Etcd.Endpoints, ","),
		"kubelet-client-certificate":         cert("apiserver-kubelet-client.crt"),
		"kubelet-client-key":                 cert("apiserver-kubelet-client.key"),
		"kubelet-preferred-address-types":    "InternalIP,ExternalIP,Hostname",
		"proxy-client-cert-file":             cert("front-proxy-client.crt"),
		"proxy-client-key-file":              cert("front-proxy-client.key"),
		"requestheader-allowed-names":        "front-proxy-client",
		"requestheader-client-ca-file":       cert("front-proxy-ca.crt"),
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"requestheader-group-headers":        "X-Remote-Group",
		"requestheader-username-headers":     "X-Remote-User",
		"secure-port":                        strconv.Itoa(s.Port),
		"service-account-issuer":             "https://kubernetes.default.svc." + s.DNSDomain,
		"service-account-key-file":           cert("sa.pub"),
		"service-account-signing-key-file":   cert("sa.key"),
		"service-cluster-ip-range":           s.ServiceSubnet,
		"tls-cert-file":                      cert("apiserver.crt"),
		"tls-private-key-file":               cert("apiserver.key"),
	}
	s.Etcd.addTo(flags)
	// The two flags exclude each other.
	if _, structured := component.Last(s.Extra, "authorization-config"); !structured {
		flags["authorization-mode"] = "Node,RBAC"
	}
	return component.Args(flags, s.Extra)
}

// addTo sets the files; one without the other is no client certificate.
func (e etcdClient) addTo(flags map[string]string) {
	if e.CAFile != "" {
		flags["etcd-cafile"] = e.CAFile
	}
	if e.CertFile != "" && e.KeyFile != "" {
		flags["etcd-certfile"], flags["etcd-keyfile"] = e.CertFile, e.KeyFile
	}
}
