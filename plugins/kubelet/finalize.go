package kubelet

import (
	"context"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type finalizeConfig struct {
	Kubeconfig        string        `cf:"kubeconfig" default:"\"/etc/kubernetes/kubelet.conf\"" doc:"Path of the kubelet's kubeconfig."`
	ClientCertificate string        `cf:"client_certificate" default:"\"/var/lib/kubelet/pki/kubelet-client-current.pem\"" doc:"Path at which the kubelet keeps the client certificate that it renews: output of kubelet.config."`
	Unit              string        `cf:"unit" default:"\"kubelet\"" doc:"Name of its systemd service."`
	Healthz           string        `cf:"healthz" default:"\"http://127.0.0.1:10248/healthz\"" doc:"URL at which it tells its health: output of kubelet.start. Empty: it is not asked."`
	Within            time.Duration `cf:"within" default:"\"4m\"" doc:"How long the certificate may take to appear, and the kubelet to get healthy again."`
}

type finalizeOutputs struct {
	Kubeconfig string `cf:"kubeconfig" doc:"Path of the kubelet's kubeconfig."`
}

func finalizeType(h host) sdk.Type {
	return resource.Phase[finalizeConfig, finalizeOutputs]{
		Name: "finalize",
		Doc: "Points kubelet.conf at the client certificate that the kubelet renews by itself, and restarts the kubelet once. " +
			"Without it the file keeps the certificate with which the node was made, which ends after a year. It comes after kubelet.start. Undo leaves the file as it is.",
		Example: `phase "kubelet.finalize" "kubelet_rotation" {
  kubeconfig = "/etc/kubernetes/kubelet.conf"
}`,
		CancelGrace: 15 * time.Second,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.kubeconfig", Write: true},
			{Kind: sdk.AccessPath, What: "config.client_certificate"},
			{Kind: sdk.AccessUnit, What: "config.unit", Write: true},
			{Kind: sdk.AccessExec, What: "journalctl"},
			{Kind: sdk.AccessNet, What: "tcp"},
		},
		Kinds:    []resource.Kind{{Name: rotationKind}, {Name: restartKind}},
		Validate: func(c finalizeConfig) error { return validateService(c.Unit, c.Healthz, c.Within) },
		Build: func(_ context.Context, in resource.Input[finalizeConfig]) (resource.Work[finalizeOutputs], error) {
			return buildFinalize(h, in), nil
		},
	}.Type()
}

func buildFinalize(h host, in resource.Input[finalizeConfig]) resource.Work[finalizeOutputs] {
	c := in.Config
	for _, path := range []*string{&c.Kubeconfig, &c.ClientCertificate} {
		*path = hostpath.Abs(in.WorkDir, *path)
	}
	r := &rotation{
		kubeconfig: c.Kubeconfig, certificate: c.ClientCertificate, within: c.Within,
		watch: &watch{manager: h.services, unit: c.Unit},
	}
	s := &service{
		Unit: c.Unit, manager: h.services, healthz: c.Healthz, within: c.Within, inputs: []string{c.Kubeconfig},
	}
	return resource.Work[finalizeOutputs]{
		Resources: []resource.Resource{r, &restart{service: s, after: r}},
		Known:     func() finalizeOutputs { return finalizeOutputs{Kubeconfig: c.Kubeconfig} },
	}
}
