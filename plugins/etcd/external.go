package etcd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	externalEvery   = time.Second
	externalTimeout = 20 * time.Second // as long as kubeadm tries: four times, 5 s apart
)

type externalConfig struct {
	Endpoints []string `cf:"endpoints,required" doc:"Client URLs of the members, such as \"https://192.0.2.20:2379\"."`
	CAFile    string   `cf:"ca_file" doc:"Authority that signed the members' certificates. Required with https."`
	CertFile  string   `cf:"cert_file" doc:"Certificate with which an API server connects."`
	KeyFile   string   `cf:"key_file" doc:"Its private key."`
	// The default is the minimum of kubeadm 1.34 to 1.36.
	MinimumVersion string `cf:"minimum_version" default:"\"3.5.24\"" doc:"Lowest version that is accepted. The default is what Kubernetes 1.36 asks for."`
}

func externalType() sdk.Type {
	return resource.Phase[externalConfig, outputs]{
		Name: "external",
		Doc:  "An etcd that others run. It is not touched; the phase checks that every endpoint answers to the client certificate and is new enough.",
		Example: `phase "etcd.external" "etcd" {
  endpoints = ["https://192.0.2.20:2379", "https://192.0.2.21:2379", "https://192.0.2.22:2379"]
  ca_file   = "/etc/kubernetes/pki/etcd/ca.crt"
  cert_file = "/etc/kubernetes/pki/apiserver-etcd-client.crt"
  key_file  = "/etc/kubernetes/pki/apiserver-etcd-client.key"
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessNet, What: "config.endpoints"},
			{Kind: sdk.AccessPath, What: "config.ca_file"},
			{Kind: sdk.AccessPath, What: "config.cert_file"},
			{Kind: sdk.AccessPath, What: "config.key_file"},
		},
		Parallel: true,
		Validate: validateExternal,
		Build:    buildExternal,
	}.Type()
}

func validateExternal(c externalConfig) error {
	var errs []error
	if len(c.Endpoints) == 0 {
		errs = append(errs, errors.New("endpoints: want at least one"))
	}
	for _, e := range c.Endpoints {
		errs = append(errs, validEndpoint(e, c))
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("cert_file and key_file: want both or neither"))
	}
	if _, err := version.ParseGeneric(c.MinimumVersion); err != nil {
		errs = append(errs, fmt.Errorf("minimum_version: %w", err))
	}
	return errors.Join(errs...)
}

func validEndpoint(endpoint string, c externalConfig) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Port() == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf(`endpoint %q: want a URL such as "https://192.0.2.20:2379"`, endpoint)
	case u.Scheme == "http" && c.CAFile+c.CertFile != "":
		return fmt.Errorf("endpoint %q: want https, as there are TLS files", endpoint)
	case u.Scheme == "https" && c.CAFile == "":
		return fmt.Errorf("endpoint %q: want ca_file, to verify its certificate", endpoint)
	}
	return nil
}

func buildExternal(_ context.Context, in resource.Input[externalConfig]) (resource.Work[outputs], error) {
	c := in.Config
	minimum, err := version.ParseGeneric(c.MinimumVersion)
	if err != nil {
		return resource.Work[outputs]{}, fmt.Errorf("minimum_version: %w", err)
	}
	as := asker{
		CAFile: hostpath.Abs(in.WorkDir, c.CAFile), CertFile: hostpath.Abs(in.WorkDir, c.CertFile),
		KeyFile: hostpath.Abs(in.WorkDir, c.KeyFile),
	}
	work := resource.Work[outputs]{
		Known: func() outputs { return outputs{Client: client{c.Endpoints, as.CAFile, as.CertFile, as.KeyFile}} },
	}
	for _, endpoint := range c.Endpoints {
		work.Resources = append(work.Resources, &resource.Probe{
			Name: endpoint, Every: externalEvery, Timeout: externalTimeout,
			Check: func(ctx context.Context) error { return as.usable(ctx, endpoint, minimum) },
			Hint:  "Is etcd running there, is the endpoint right, and does a firewall let this host through?",
		})
	}
	work.Outputs = func(ctx context.Context) (outputs, error) {
		out := work.Known()
		lowest, err := as.lowest(ctx, c.Endpoints)
		out.Version = lowest
		return out, err
	}
	return work, nil
}

// usable reports why an endpoint cannot serve an API server.
func (a asker) usable(ctx context.Context, endpoint string, minimum *version.Version) error {
	text, err := a.version(ctx, endpoint)
	if err != nil {
		return permanently(err)
	}
	have, err := version.ParseGeneric(text)
	if err != nil {
		return sdk.Permanent(fmt.Errorf("version: %w", err))
	}
	if have.LessThan(minimum) {
		return sdk.Permanent(sdk.Hint(fmt.Errorf("etcd %s, want %s or newer", text, minimum),
			"Upgrade this etcd first. To accept it at your own risk, set minimum_version."))
	}
	if err := a.health(ctx, endpoint); err != nil {
		return fmt.Errorf("no consistent read, so probably no quorum: %w", err)
	}
	return nil
}

// lowest returns the lowest version among the endpoints.
func (a asker) lowest(ctx context.Context, endpoints []string) (string, error) {
	var lowest *version.Version
	for _, e := range endpoints {
		text, err := a.version(ctx, e)
		if err != nil {
			return "", fmt.Errorf("ask %s for its version: %w", e, err)
		}
		v, err := version.ParseGeneric(text)
		if err != nil {
			return "", fmt.Errorf("version of %s: %w", e, err)
		}
		if lowest == nil || v.LessThan(lowest) {
			lowest = v
		}
	}
	return lowest.String(), nil
}
