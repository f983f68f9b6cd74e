// Package etcd is a plugin that replaces clusterflow's own plugin of that name by
// an etcd which runs already.
//
// Its phase type process accepts what the built-in one accepts, so a pipeline
// needs no change, but starts nothing: where etcd is comes from a settings file
// (see [Settings]). Nothing of etcd is ever changed or removed.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// Spec declares the plugin. The name is what makes it stand in for the other.
func Spec() sdk.Spec {
	return sdk.Spec{
		Name: "etcd", Version: "1.0.0",
		Doc:   "An etcd that others run, in place of the built-in plugin etcd.",
		Types: []sdk.Type{processType(findSettings)},
	}
}

// config is that of the built-in etcd.process. All of it says how to run an etcd,
// so none of it is used.
type config struct {
	Binary      string   `cf:"binary,required" doc:"Not used."`
	Name        string   `cf:"name,required" doc:"Not used."`
	Address     string   `cf:"address" default:"\"127.0.0.1\"" doc:"Not used."`
	ClientPort  int      `cf:"client_port" default:"2379" doc:"Not used."`
	PeerPort    int      `cf:"peer_port" default:"2380" doc:"Not used."`
	MetricsPort int      `cf:"metrics_port" default:"2381" doc:"Not used."`
	DataDir     string   `cf:"data_dir,required" doc:"Not used."`
	Certs       certs    `cf:"certs,required" doc:"Not used."`
	Client      keyPair  `cf:"client,required" doc:"Not used."`
	Healthcheck keyPair  `cf:"healthcheck,required" doc:"Not used."`
	ExtraArgs   []option `cf:"extra_args" doc:"Not used."`
	LogFile     string   `cf:"log_file,required" doc:"Not used."`
}

type certs struct {
	CA         string `cf:"ca,required"`
	ServerCert string `cf:"server_cert,required"`
	ServerKey  string `cf:"server_key,required"`
	PeerCert   string `cf:"peer_cert,required"`
	PeerKey    string `cf:"peer_key,required"`
}

type keyPair struct {
	Cert string `cf:"cert,required"`
	Key  string `cf:"key,required"`
}

type option struct {
	Name  string `cf:"name,required"`
	Value string `cf:"value,required"`
}

// outputs are those of the built-in etcd.process.
type outputs struct {
	Client  client `cf:"client" doc:"What an API server needs: endpoints, ca_file, cert_file and key_file."`
	Version string `cf:"version,late" doc:"Version of etcd, such as \"3.6.8\". With several endpoints it is the lowest."`
}

type client struct {
	Endpoints []string `cf:"endpoints,required"`
	CAFile    string   `cf:"ca_file"`
	CertFile  string   `cf:"cert_file"`
	KeyFile   string   `cf:"key_file"`
}

const (
	askEvery = time.Second
	askFor   = 20 * time.Second
)

func processType(settings func() (Settings, error)) sdk.Type {
	return resource.Phase[config, outputs]{
		Name: "process",
		Doc: "Checks that an etcd which others run answers and is healthy, and tells the API server where it is. " +
			"It takes the arguments of the built-in etcd.process and uses none of them.",
		Example: `phase "etcd.process" "etcd" {
  binary      = "/usr/local/bin/etcd"
  name        = "n1"
  data_dir    = "/var/lib/etcd"
  log_file    = "/var/log/etcd.log"
  certs       = { ca = "ca.crt", server_cert = "s.crt", server_key = "s.key", peer_cert = "p.crt", peer_key = "p.key" }
  client      = { cert = "c.crt", key = "c.key" }
  healthcheck = { cert = "h.crt", key = "h.key" }
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: fileName},
			{Kind: sdk.AccessNet, What: "endpoints in " + fileName},
		},
		Parallel: true,
		Build: func(context.Context, resource.Input[config]) (resource.Work[outputs], error) {
			s, err := settings()
			if err != nil {
				return resource.Work[outputs]{}, err
			}
			return s.work(), nil
		},
	}.Type()
}

// work waits for every endpoint and then tells where they are.
func (s Settings) work() resource.Work[outputs] {
	var work resource.Work[outputs]
	for _, endpoint := range s.Endpoints {
		work.Resources = append(work.Resources, &resource.Probe{
			Name: endpoint, Every: askEvery, Timeout: askFor,
			Check: func(ctx context.Context) error { return s.healthy(ctx, endpoint) },
			Hint: fmt.Sprintf("Ask it yourself: curl --cacert %s --cert %s --key %s %s/health",
				s.CAFile, s.CertFile, s.KeyFile, endpoint),
		})
	}
	known := outputs{Client: client(s)}
	work.Known = func() outputs { return known }
	work.Outputs = func(ctx context.Context) (outputs, error) {
		out := known
		var errs []error
		for _, endpoint := range s.Endpoints {
			v, err := s.version(ctx, endpoint)
			errs = append(errs, err)
			if out.Version == "" || older(v, out.Version) {
				out.Version = v
			}
		}
		return out, errors.Join(errs...)
	}
	return work
}
