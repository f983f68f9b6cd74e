package kubelet

import (
	"context"
	"net/url"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type startConfig struct {
	Config            string        `cf:"config" default:"\"/var/lib/kubelet/config.yaml\"" doc:"Path of the kubelet's configuration, as its unit names it."`
	Flags             string        `cf:"flags" doc:"Path of an environment file that the unit reads, such as kubeadm-flags.env. Optional."`
	Kubeconfig        string        `cf:"kubeconfig" default:"\"/etc/kubernetes/kubelet.conf\"" doc:"Path of the kubelet's kubeconfig, as its unit names it."`
	ClientCertificate string        `cf:"client_certificate" default:"\"/var/lib/kubelet/pki/kubelet-client-current.pem\"" doc:"Path at which the kubelet keeps the client certificate that it renews."`
	StoreCertificate  bool          `cf:"store_certificate" doc:"Before the first start, move the kubeconfig's own client certificate to client_certificate, as kubelet.finalize has it. So that has nothing to do, and the kubelet need not be restarted."`
	Unit              string        `cf:"unit" default:"\"kubelet\"" doc:"Name of its systemd service."`
	Healthz           string        `cf:"healthz" default:"\"http://127.0.0.1:10248/healthz\"" doc:"URL at which it tells its health: output of kubelet.config. Empty: it is not asked."`
	Within            time.Duration `cf:"within" default:"\"4m\"" doc:"How long it may take to get healthy."`
}

type startOutputs struct {
	Healthz string `cf:"healthz" doc:"URL that tells whether it is healthy; empty if none does."`
	Unit    string `cf:"unit" doc:"Name of its systemd service."`
}

func startType(h host) sdk.Type {
	return resource.Phase[startConfig, startOutputs]{
		Name: "start",
		Doc: "The kubelet as a service of systemd, running with its present files: it is started, or restarted when its configuration, flags or kubeconfig " +
			"changed since. Needs these files and the cluster's ca.crt, no more: static pods and their files may come later. " +
			"A kubelet that cannot work is recognized early, with the cause. Undo stops it, ends the pods that it ran, and removes the certificates and records that it made.",
		Example: `phase "kubelet.start" "kubelet" {
  config     = "/var/lib/kubelet/config.yaml"
  flags      = "/var/lib/kubelet/kubeadm-flags.env"
  kubeconfig = "/etc/kubernetes/kubelet.conf"
}`,
		CancelGrace: 15 * time.Second,
		Access: []sdk.Access{
			{Kind: sdk.AccessUnit, What: "config.unit", Write: true},
			{Kind: sdk.AccessPath, What: "config.config, config.flags, config.kubeconfig, config.client_certificate", Write: true},
			{Kind: sdk.AccessExec, What: "journalctl"},
			{Kind: sdk.AccessNet, What: "tcp"},
		},
		Kinds:    []resource.Kind{serviceKindOf(h)},
		Validate: func(c startConfig) error { return validateService(c.Unit, c.Healthz, c.Within) },
		Build: func(_ context.Context, in resource.Input[startConfig]) (resource.Work[startOutputs], error) {
			return buildStart(h, in), nil
		},
	}.Type()
}

// validateService checks what all types with a service have.
func validateService(unit, healthz string, within time.Duration) error {
	if unit == "" {
		return attrError("unit", "must not be empty")
	}
	if u, err := url.Parse(healthz); err != nil || healthz != "" && (u.Scheme != "http" || u.Host == "") {
		return attrError("healthz", "%q is not a URL such as http://127.0.0.1:10248/healthz", healthz)
	}
	if within <= 0 {
		return attrError("within", "must be more than 0s")
	}
	return nil
}

func buildStart(h host, in resource.Input[startConfig]) resource.Work[startOutputs] {
	c := in.Config
	for _, path := range []*string{&c.Config, &c.Flags, &c.Kubeconfig, &c.ClientCertificate} {
		*path = hostpath.Abs(in.WorkDir, *path)
	}
	s := (&service{
		Unit: c.Unit, manager: h.services, config: c.Config, healthz: c.Healthz, within: c.Within,
		inputs: given(c.Config, c.Flags, c.Kubeconfig),
		admit: func() error {
			ca, err := authorityOf(c.Kubeconfig)
			if err != nil {
				return err
			}
			return admitCertificate(c.ClientCertificate, ca)
		},
	}).recall(in.Record, c.ClientCertificate)
	if c.StoreCertificate {
		s.prepare = func() error { return storeCertificate(c.Kubeconfig, c.ClientCertificate, time.Now()) }
	}
	return resource.Work[startOutputs]{
		Resources: []resource.Resource{s},
		Known:     func() startOutputs { return startOutputs{Healthz: c.Healthz, Unit: c.Unit} },
	}
}

// given drops what is empty.
func given(paths ...string) []string {
	var out []string
	for _, path := range paths {
		if path != "" {
			out = append(out, path)
		}
	}
	return out
}
