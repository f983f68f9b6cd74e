package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	modeDataDir  = 0o700
	readyTimeout = 2 * time.Minute // kubeadm's timeout for etcd calls
)

type processConfig struct {
	Binary      string           `cf:"binary,required" doc:"Path of the etcd program, 3.6 or newer."`
	Name        string           `cf:"name,required" doc:"Name of the member."`
	Address     string           `cf:"address" default:"\"127.0.0.1\"" doc:"IP address on which others reach it."`
	ClientPort  int              `cf:"client_port" default:"2379" doc:"Port for clients."`
	PeerPort    int              `cf:"peer_port" default:"2380" doc:"Port for other members."`
	MetricsPort int              `cf:"metrics_port" default:"2381" doc:"Port for health and metrics, plain HTTP on the loopback address."`
	DataDir     string           `cf:"data_dir,required" doc:"Directory of the data, mode 0700. It is deleted on undo unless it was there before."`
	Certs       certs            `cf:"certs,required" doc:"Paths: ca, server_cert, server_key, peer_cert, peer_key."`
	Client      keyPair          `cf:"client,required" doc:"Paths cert and key with which an API server connects; passed on in the output client."`
	Healthcheck keyPair          `cf:"healthcheck,required" doc:"Paths cert and key with which this phase asks for etcd's health."`
	ExtraArgs   []component.Flag `cf:"extra_args" doc:"More flags, as objects with name and value. One replaces the defaults of its name."`
	LogFile     string           `cf:"log_file,required" doc:"File that gets what etcd prints."`
}

// keyPair is the certificate and key of one who connects.
type keyPair struct {
	Cert string `cf:"cert,required"`
	Key  string `cf:"key,required"`
}

func processType() sdk.Type {
	return resource.Phase[processConfig, outputs]{
		Name: "process",
		Doc: "An etcd of one member as a process of this host, with kubeadm's flags. It outlives clusterflow. " +
			"It is restarted when its flags, its program or its certificates change. Nothing restarts it when it dies but the next apply.",
		Example: `phase "etcd.process" "etcd" {
  binary   = "/usr/local/bin/etcd"
  name     = "n1"
  data_dir = "/var/lib/etcd"
  log_file = "/var/log/etcd.log"
  certs = {
    ca          = "/etc/kubernetes/pki/etcd/ca.crt"
    server_cert = "/etc/kubernetes/pki/etcd/server.crt"
    server_key  = "/etc/kubernetes/pki/etcd/server.key"
    peer_cert   = "/etc/kubernetes/pki/etcd/peer.crt"
    peer_key    = "/etc/kubernetes/pki/etcd/peer.key"
  }
  client = {
    cert = "/etc/kubernetes/pki/apiserver-etcd-client.crt"
    key  = "/etc/kubernetes/pki/apiserver-etcd-client.key"
  }
  healthcheck = {
    cert = "/etc/kubernetes/pki/etcd/healthcheck-client.crt"
    key  = "/etc/kubernetes/pki/etcd/healthcheck-client.key"
  }
}`,
		CancelGrace: 15 * time.Second, // to stop an etcd that is not ready yet
		Access: []sdk.Access{
			{Kind: sdk.AccessExec, What: "config.binary"},
			{Kind: sdk.AccessPath, What: "config.certs"},
			{Kind: sdk.AccessPath, What: "config.healthcheck"},
			{Kind: sdk.AccessPath, What: "config.data_dir", Write: true},
			{Kind: sdk.AccessPath, What: "config.log_file", Write: true},
			{Kind: sdk.AccessNet, What: "tcp"},
		},
		Validate: validateProcess,
		Build:    buildProcess,
	}.Type()
}

func validateProcess(c processConfig) error {
	return validateListen(c.Name, c.Address, c.ClientPort, c.PeerPort, c.MetricsPort)
}

// validateListen checks what a member is called and where it listens.
func validateListen(name, address string, client, peer, metrics int) error {
	var errs []error
	if _, err := netip.ParseAddr(address); err != nil {
		errs = append(errs, fmt.Errorf("address %q: want an IP address", address))
	}
	ports := map[int]string{}
	for _, p := range []struct {
		name string
		port int
	}{{"client_port", client}, {"peer_port", peer}, {"metrics_port", metrics}} {
		if p.port < 1 || p.port > 65535 {
			errs = append(errs, fmt.Errorf("%s %d: want a port from 1 to 65535", p.name, p.port))
		} else if other, taken := ports[p.port]; taken {
			errs = append(errs, fmt.Errorf("%s %d: is %s already", p.name, p.port, other))
		}
		ports[p.port] = p.name
	}
	if name == "" {
		errs = append(errs, errors.New("name: must not be empty"))
	}
	return errors.Join(errs...)
}

func buildProcess(_ context.Context, in resource.Input[processConfig]) (resource.Work[outputs], error) {
	c := in.Config
	abs := func(path string) string { return hostpath.Abs(in.WorkDir, path) }
	files := certs{
		CA: abs(c.Certs.CA), ServerCert: abs(c.Certs.ServerCert), ServerKey: abs(c.Certs.ServerKey),
		PeerCert: abs(c.Certs.PeerCert), PeerKey: abs(c.Certs.PeerKey),
	}
	m := member{
		Name: c.Name, Address: c.Address, Loopback: loopbackFor(c.Address),
		ClientPort: c.ClientPort, PeerPort: c.PeerPort, MetricsPort: c.MetricsPort,
		DataDir: abs(c.DataDir), Certs: files, Extra: c.ExtraArgs,
	}
	local := asker{CAFile: files.CA, CertFile: abs(c.Healthcheck.Cert), KeyFile: abs(c.Healthcheck.Key)}
	endpoint := m.health()
	args := m.args()
	process := (&resource.Process{
		Name: "etcd " + c.Name, Argv: append([]string{abs(c.Binary)}, args...),
		LogFile: abs(c.LogFile), Inputs: component.Files(args), Listens: m.listens(), ReadyTimeout: readyTimeout,
		Ready: func(ctx context.Context) error { return local.health(ctx, endpoint) },
	}).Recall(in.Record)
	known := outputs{Client: client{
		Endpoints: m.endpoints(), CAFile: files.CA, CertFile: abs(c.Client.Cert), KeyFile: abs(c.Client.Key),
	}}
	return resource.Work[outputs]{
		Resources: []resource.Resource{
			&resource.Dir{Path: m.DataDir, Mode: modeDataDir, Contents: true},
			process,
		},
		Known: func() outputs { return known },
		Outputs: func(ctx context.Context) (out outputs, err error) {
			out = known
			out.Version, err = local.version(ctx, endpoint)
			return out, err
		},
	}, nil
}
