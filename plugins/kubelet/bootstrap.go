package kubelet

import (
	"cmp"
	"context"
	"net/url"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type bootstrapConfig struct {
	Server              string        `cf:"server,required" doc:"URL of the API server that the kubelet shall use, such as \"https://192.0.2.10:6443\"."`
	Via                 string        `cf:"via" doc:"URL of the API server that gives the kubelet its certificate. Default: server. On a control-plane node it is that of the cluster, while server, the one on this host, has yet to start: once it is ready, the kubelet is turned to it."`
	CA                  string        `cf:"ca,required" doc:"The cluster's CA certificates, PEM."`
	Token               string        `cf:"token,sensitive" doc:"Bootstrap token, such as \"abcdef.0123456789abcdef\". Needed as long as the kubelet has no certificate."`
	NodeName            string        `cf:"node_name" doc:"Name of the node: output of kubelet.config. Default: the host name."`
	ClusterName         string        `cf:"cluster_name" default:"\"kubernetes\"" doc:"Name of the cluster within the file."`
	CAFile              string        `cf:"ca_file" default:"\"/etc/kubernetes/pki/ca.crt\"" doc:"Where the CA certificates go, for the kubelet's own clients. A file with others is an error. Empty: another phase puts them there."`
	BootstrapKubeconfig string        `cf:"bootstrap_kubeconfig" default:"\"/etc/kubernetes/bootstrap-kubelet.conf\"" doc:"Where the file with the token goes for a while, as the kubelet's unit names it."`
	Kubeconfig          string        `cf:"kubeconfig" default:"\"/etc/kubernetes/kubelet.conf\"" doc:"Where the kubelet writes its kubeconfig, as its unit names it."`
	ClientCertificate   string        `cf:"client_certificate" default:"\"/var/lib/kubelet/pki/kubelet-client-current.pem\"" doc:"Path at which the kubelet keeps its client certificate: output of kubelet.config."`
	Config              string        `cf:"config" default:"\"/var/lib/kubelet/config.yaml\"" doc:"Path of the kubelet's configuration, as its unit names it."`
	Flags               string        `cf:"flags" doc:"Path of an environment file that the unit reads, such as kubeadm-flags.env. Optional."`
	Unit                string        `cf:"unit" default:"\"kubelet\"" doc:"Name of its systemd service."`
	Healthz             string        `cf:"healthz" default:"\"http://127.0.0.1:10248/healthz\"" doc:"URL at which it tells its health: output of kubelet.config. Empty: it is not asked."`
	Within              time.Duration `cf:"within" default:"\"5m\"" doc:"How long it may take to get a certificate, and then to get healthy."`
}

type bootstrapOutputs struct {
	Kubeconfig string `cf:"kubeconfig" doc:"Path of the kubelet's kubeconfig, which can be used for what a node may do."`
	Healthz    string `cf:"healthz" doc:"URL that tells whether the kubelet is healthy; empty if none does."`
	NodeName   string `cf:"node_name" doc:"Name of the node."`
}

func bootstrapType(h host) sdk.Type {
	return resource.Phase[bootstrapConfig, bootstrapOutputs]{
		Name: "bootstrap",
		Doc: "Gives the kubelet an identity in a cluster that exists: it starts with a bootstrap token, asks for a client certificate and gets it. " +
			"The phase has succeeded when the API server accepts the certificate; then the token is removed from the host. " +
			"It tells apart what can go wrong: the token, the API server, the approval, the kubelet itself. " +
			"Undo stops the kubelet, ends the pods that it ran and removes its identity and records; the Node stays in the cluster.",
		Example: `phase "kubelet.bootstrap" "kubelet" {
  server    = "https://192.0.2.10:6443"
  ca        = "-----BEGIN CERTIFICATE-----…"
  token     = "abcdef.0123456789abcdef"
  node_name = "n2"
}`,
		CancelGrace:  15 * time.Second,
		OnlyRecorded: true, // else kubelet.start and pki.kubeconfig are undone in its place
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.ca_file, config.bootstrap_kubeconfig, config.kubeconfig, config.client_certificate", Write: true},
			{Kind: sdk.AccessPath, What: "config.config, config.flags"},
			{Kind: sdk.AccessUnit, What: "config.unit", Write: true},
			{Kind: sdk.AccessExec, What: "journalctl"},
			{Kind: sdk.AccessNet, What: "config.server, config.via"},
			{Kind: sdk.AccessKube, What: "CertificateSigningRequest, Node"},
		},
		Kinds:    []resource.Kind{resource.KindOf[enrolment](enrolmentKind), serviceKindOf(h)},
		Validate: validateBootstrap,
		Build: func(_ context.Context, in resource.Input[bootstrapConfig]) (resource.Work[bootstrapOutputs], error) {
			return buildBootstrap(h, in)
		},
	}.Type()
}

func validateBootstrap(c bootstrapConfig) error {
	for name, server := range map[string]string{"server": c.Server, "via": cmp.Or(c.Via, c.Server)} {
		if u, err := url.Parse(server); err != nil || u.Scheme != "https" || u.Host == "" {
			return attrError(name, "%q is not a URL such as https://192.0.2.10:6443", server)
		}
	}
	if c.Token != "" && !bootstraptoken.Valid(c.Token) {
		return attrError("token", "it is no bootstrap token: want 6 and 16 characters of a-z and 0-9 with a dot between")
	}
	return validateService(c.Unit, c.Healthz, c.Within)
}

func buildBootstrap(h host, in resource.Input[bootstrapConfig]) (resource.Work[bootstrapOutputs], error) {
	c := in.Config
	withCA := c.CAFile != ""
	for _, path := range []*string{&c.CAFile, &c.BootstrapKubeconfig, &c.Kubeconfig, &c.ClientCertificate, &c.Config, &c.Flags} {
		*path = hostpath.Abs(in.WorkDir, *path)
	}
	if len(certificatesIn([]byte(c.CA))) == 0 {
		return resource.Work[bootstrapOutputs]{}, sdk.Permanent(attrError("ca", "no certificate in it"))
	}
	if c.NodeName == "" {
		var err error
		if c.NodeName, err = h.nodeName(); err != nil {
			return resource.Work[bootstrapOutputs]{}, err
		}
	}
	var all []resource.Resource
	if withCA {
		all = append(all, &authority{File: &resource.File{Path: c.CAFile, Mode: 0o644, Content: []byte(c.CA)}})
	}
	e := &enrolment{
		Kubeconfig: c.Kubeconfig, Bootstrap: c.BootstrapKubeconfig, certificate: c.ClientCertificate,
		server: c.Server, via: cmp.Or(c.Via, c.Server), ca: []byte(c.CA), token: c.Token, cluster: c.ClusterName, node: c.NodeName,
		within: c.Within, pool: h.pool, watch: &watch{manager: h.services, unit: c.Unit},
		needs: given(c.Config, c.Flags),
	}
	s := (&service{
		Unit: c.Unit, manager: h.services, config: c.Config, healthz: c.Healthz, within: c.Within,
		inputs: given(c.Config, c.Flags),
	}).recall(in.Record, c.ClientCertificate)
	known := bootstrapOutputs{Kubeconfig: c.Kubeconfig, Healthz: c.Healthz, NodeName: c.NodeName}
	return resource.Work[bootstrapOutputs]{
		Resources: append(all, e, s),
		Known:     func() bootstrapOutputs { return known },
	}, nil
}

// authority is the file with the cluster's CA. It is never replaced.
type authority struct{ *resource.File }

// Diff compares the certificates in the file and leaves everything else of it.
func (a *authority) Diff(ctx context.Context) (sdk.Change, error) {
	change, err := a.File.Diff(ctx)
	if err != nil || change.Op != sdk.OpUpdate {
		return change, err
	}
	same, err := fileHas(a.Path, a.Content)
	if err != nil || same {
		return sdk.Change{}, err
	}
	return sdk.Change{}, sdk.Permanent(sdk.Hint(errOtherCA,
		"It was left by an earlier cluster, or the token is for another one. If this host is in no other cluster, remove what is left of it: "+filepath.Dir(a.Path)))
}
