package kubelet

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type foundConfig struct {
	Dir       string `cf:"dir" default:"\"/var/lib/kubelet\"" doc:"Directory of the kubelet."`
	ConfDir   string `cf:"conf_dir" default:"\"/etc/kubernetes\"" doc:"Directory of kubelet.conf and manifests."`
	NodeName  string `cf:"node_name" doc:"Name of the node, if it is not to be found out."`
	Address   string `cf:"address" doc:"IP address of the node, if it is not to be found out."`
	CRISocket string `cf:"cri_socket" doc:"Socket of the container runtime, if it is not to be found out."`
	CertDir   string `cf:"cert_dir" default:"\"/etc/kubernetes/pki\"" doc:"Directory of the certificates, where no manifest tells another."`
	EtcdData  string `cf:"etcd_data_dir" default:"\"/var/lib/etcd\"" doc:"Directory of etcd's data, where no manifest tells another."`
}

type foundOutputs struct {
	NodeName     string `cf:"node_name" doc:"Name of the node: of the kubelet's certificate, else of the etcd member, else of the host."`
	Address      string `cf:"address" doc:"IP address of the node; 127.0.0.1 if nothing tells it."`
	CRISocket    string `cf:"cri_socket" doc:"Socket of the container runtime: the kubelet's, else the one that is there."`
	CertDir      string `cf:"cert_dir" doc:"Directory of the certificates."`
	EtcdDataDir  string `cf:"etcd_data_dir" doc:"Directory of etcd's data."`
	EtcdLocal    bool   `cf:"etcd_local" doc:"Whether a static pod of etcd is here."`
	EtcdMember   bool   `cf:"etcd_member" doc:"Whether the host is a member of an etcd cluster, or has what it takes to become one."`
	EtcdExternal bool   `cf:"etcd_external" doc:"Whether there is an API server whose etcd is elsewhere."`
	ControlPlane bool   `cf:"control_plane" doc:"Whether an API server is here, as a static pod or self-hosted."`
	Joined       bool   `cf:"joined" doc:"Whether there is a kubeconfig of a kubelet: the host is, or was, a node."`
}

func foundType(h host) sdk.Type {
	return resource.Phase[foundConfig, foundOutputs]{
		Name: "found",
		Doc: "What is found of Kubernetes on this host, whoever put it there: read from the kubelet's files and the manifests of static pods. " +
			"What they do not tell is as given. It is read anew for each plan and changes nothing.",
		Example: "phase \"kubelet.found\" \"found\" {\n  node_name = \"n1\" # only if nothing on the host tells it\n}",
		Access:  []sdk.Access{{Kind: sdk.AccessPath, What: "config.dir, config.conf_dir"}},
		Build: func(ctx context.Context, in resource.Input[foundConfig]) (resource.Work[foundOutputs], error) {
			c := in.Config
			for _, path := range []*string{&c.Dir, &c.ConfDir, &c.CertDir, &c.EtcdData} {
				*path = hostpath.Abs(in.WorkDir, *path)
			}
			out, err := find(ctx, h, c)
			return resource.Work[foundOutputs]{Known: func() foundOutputs { return out }}, err
		},
	}.Type()
}

func find(ctx context.Context, h host, c foundConfig) (foundOutputs, error) {
	apiserver, etcd := readStatic(c.manifest("kube-apiserver")), readStatic(c.manifest("etcd"))
	out := foundOutputs{
		EtcdLocal: exists(c.manifest("etcd")), ControlPlane: exists(c.manifest("kube-apiserver")), Joined: exists(filepath.Join(c.ConfDir, "kubelet.conf")),
		CertDir:     cmp.Or(dirOf(apiserver.flag("client-ca-file")), c.CertDir),
		EtcdDataDir: cmp.Or(etcd.flag("data-dir"), c.EtcdData),
		Address:     cmp.Or(c.Address, apiserver.flag("advertise-address"), addressOf(etcd.flag("initial-advertise-peer-urls"))),
		NodeName:    cmp.Or(c.NodeName, c.certifiedName(), etcd.flag("name")),
	}
	pki := filepath.Join(out.CertDir, "etcd")
	out.EtcdMember = out.EtcdLocal || exists(filepath.Join(pki, "healthcheck-client.crt")) && exists(filepath.Join(c.ConfDir, "admin.conf"))
	out.EtcdExternal = apiserver.flag("etcd-servers") != "" && !out.EtcdLocal
	out.Address = cmp.Or(out.Address, certifiedAddress(filepath.Join(pki, "peer.crt")), "127.0.0.1")
	var err error
	if out.NodeName == "" {
		if out.NodeName, err = h.nodeName(); err != nil {
			return foundOutputs{}, err
		}
	}
	if out.CRISocket = cmp.Or(c.CRISocket, c.runtimeSocket()); out.CRISocket == "" {
		if out.CRISocket, err = cri.Detect(ctx, cri.Known()); err != nil {
			return foundOutputs{}, err
		}
	}
	out.CRISocket, err = cri.Address(out.CRISocket)
	return out, err
}

// manifest is that of a static pod, also of one that a DaemonSet runs in its place.
func (c foundConfig) manifest(name string) string {
	path := filepath.Join(c.ConfDir, "manifests", name+".yaml")
	if staticpod.IsAside(path) {
		return staticpod.Aside(path)
	}
	return path
}

// certifiedName is the name of the node in the kubelet's certificate.
func (c foundConfig) certifiedName() string {
	text, err := os.ReadFile(filepath.Join(c.Dir, "pki", clientCertificate))
	if err != nil {
		conf, err := os.ReadFile(filepath.Join(c.ConfDir, "kubelet.conf"))
		if err != nil {
			return ""
		}
		parsed, err := kubeconfig.Parse(conf)
		if err != nil {
			return ""
		}
		text = parsed.ClientCert
	}
	cert := firstCertificate(text)
	if cert == nil {
		return ""
	}
	return strings.TrimPrefix(cert.Subject.CommonName, "system:node:")
}

// certifiedAddress is the first IP address in a certificate that others can reach.
func certifiedAddress(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	cert := firstCertificate(text)
	if cert == nil {
		return ""
	}
	for _, ip := range cert.IPAddresses {
		if !ip.IsLoopback() {
			return ip.String()
		}
	}
	return ""
}

// firstCertificate reads PEM; nil if there is no certificate.
func firstCertificate(text []byte) *x509.Certificate {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return cert
}

// runtimeSocket is what the kubelet was told.
func (c foundConfig) runtimeSocket() string {
	for _, name := range []string{"instance-config.yaml", "config.yaml"} {
		if socket := endpointIn(filepath.Join(c.Dir, name)); socket != "" {
			return socket
		}
	}
	text, err := os.ReadFile(filepath.Join(c.Dir, "kubeadm-flags.env"))
	if err != nil {
		return ""
	}
	socket, _ := component.Value(strings.Fields(strings.ReplaceAll(string(text), `"`, " ")), "container-runtime-endpoint")
	return socket
}

func dirOf(path string) string {
	if path == "" {
		return ""
	}
	return filepath.Dir(path)
}

// addressOf is the host of a URL if it is an IP address.
func addressOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil {
		return ""
	}
	return u.Hostname()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
