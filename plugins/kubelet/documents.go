package kubelet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/rs/zerolog"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeletconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/patches"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
)

// resolvedConf lists the name servers that systemd-resolved itself asks. Those in
// /etc/resolv.conf are then an address of this host that pods cannot reach.
const resolvedConf = "/run/systemd/resolve/resolv.conf"

// documents are the forms of one KubeletConfiguration.
type documents struct {
	shared    []byte // by all nodes, for the cluster
	own       []byte // this node's, for its file
	healthz   string // URL at which own tells the health, or empty
	manifests string // directory of static pods in own, or empty
}

// shared is the configuration of all nodes: the user's over kubeadm's defaults.
func (c configConfig) shared() (kubeletconfig.Config, error) {
	config, _, err := kubeletconfig.Read(c.Configuration, kubeletconfig.Cluster{
		ServiceSubnet: c.ServiceSubnet, DNSDomain: c.DNSDomain, CertDir: c.CertDir,
	})
	if err != nil {
		return config, attrError("configuration", "%w", err)
	}
	return config, nil
}

// documents goes kubeadm's way: the resolver of this host goes into what all nodes
// share, patches and the runtime's socket do not.
func (c configConfig) documents(ctx context.Context, h host) (documents, error) {
	config, err := c.shared()
	if err != nil {
		return documents{}, err
	}
	if config.ResolverConfig == nil && h.resolved(ctx) {
		config.ResolverConfig = new(resolvedConf)
	}
	shared, err := kubeletconfig.Encode(config)
	if err != nil {
		return documents{}, err
	}
	set, err := patches.Load(c.PatchesDir)
	if err != nil {
		return documents{}, attrError("patches_dir", "%w", err)
	}
	patched, err := set.Apply(patches.KubeletConfiguration, shared, kubeletconfig.Config{})
	if err != nil {
		return documents{}, attrError("patches_dir", "%w", err)
	}
	own, err := withRuntime(patched, c.CRISocket)
	if err != nil {
		return documents{}, err
	}
	// An absent field has the kubelet's own default.
	final := kubeletconfig.Config{HealthzBindAddress: "127.0.0.1", HealthzPort: new(int32(10248))}
	if err := yaml.Unmarshal(own, &final); err != nil {
		return documents{}, fmt.Errorf("read patched KubeletConfiguration: %w", err)
	}
	return documents{shared: shared, own: own, healthz: healthzOf(final), manifests: final.StaticPodPath}, nil
}

// withRuntime sets the socket and leaves everything else as the patches made it.
func withRuntime(text []byte, socket string) ([]byte, error) {
	var fields map[string]any
	if err := yaml.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("read patched KubeletConfiguration: %w", err)
	}
	fields["containerRuntimeEndpoint"] = socket
	return yaml.Marshal(fields)
}

// healthzOf is where a kubelet with that configuration tells its health: nowhere
// if the port is 0.
func healthzOf(config kubeletconfig.Config) string {
	if *config.HealthzPort == 0 {
		return ""
	}
	address := config.HealthzBindAddress
	if ip := net.ParseIP(address); ip != nil && ip.IsUnspecified() {
		address = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(address, strconv.Itoa(int(*config.HealthzPort))) + "/healthz"
}

// resolved reports whether systemd-resolved runs. A host that cannot tell has none.
func (h host) resolved(ctx context.Context) bool {
	s, err := h.services.Service(ctx, "systemd-resolved")
	if err != nil && !errors.Is(err, systemd.ErrAbsent) {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("cannot tell whether systemd-resolved runs: resolvConf is left as it is")
	}
	return err == nil && (s.Running() || s.Active == "activating")
}
