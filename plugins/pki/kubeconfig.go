package pki

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type kubeconfigConfig struct {
	Path          string        `cf:"path,required" doc:"Where the file goes."`
	CA            signer        `cf:"ca,required" doc:"The cluster's authority, which signs the client certificate: a pki.ca phase, or an object with the paths cert and key."`
	Server        string        `cf:"server,required" doc:"URL of the API server, such as \"https://192.0.2.10:6443\"."`
	ClusterName   string        `cf:"cluster_name" default:"\"kubernetes\"" doc:"Name of the cluster within the file."`
	User          string        `cf:"user,required" doc:"Name of the user, such as \"kubernetes-admin\"."`
	Organizations []string      `cf:"organizations" doc:"Groups of the user."`
	Algorithm     string        `cf:"algorithm" default:"\"RSA-2048\"" enum:"RSA-2048 RSA-3072 RSA-4096 ECDSA-P256 ECDSA-P384" doc:"Kind of private key."`
	Validity      time.Duration `cf:"validity" default:"\"8760h\"" doc:"How long the client certificate is valid from now on."`
	RenewBefore   time.Duration `cf:"renew_before" default:"\"720h\"" doc:"A client certificate that ends sooner than this is made anew. For short-lived ones it is at most a third of their life."`
}

type kubeconfigOutputs struct {
	Path   string `cf:"path" doc:"Where the file is."`
	Server string `cf:"server" doc:"URL of the API server, as configured."`
}

func kubeconfigType() sdk.Type {
	return resource.Phase[kubeconfigConfig, kubeconfigOutputs]{
		Name: "kubeconfig",
		Doc: "A kubeconfig file with a client certificate of its own. One that exists is made anew when it differs from the config or ends soon. " +
			"One of another cluster is not touched but an error, unless this phase made it.",
		Example: `phase "pki.kubeconfig" "admin" {
  path          = "/etc/kubernetes/admin.conf"
  ca            = { cert = "/etc/kubernetes/pki/ca.crt", key = "/etc/kubernetes/pki/ca.key" }
  server        = "https://192.0.2.10:6443"
  user          = "kubernetes-admin"
  organizations = ["kubeadm:cluster-admins"]
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.path", Write: true},
			{Kind: sdk.AccessPath, What: "config.ca"},
		},
		Kinds:    []resource.Kind{resource.KindOf[clientFile](kubeconfigKind)},
		Validate: validateKubeconfig,
		Build:    buildKubeconfig,
	}.Type()
}

func validateKubeconfig(c kubeconfigConfig) error {
	if c.Path == "" || c.User == "" || c.ClusterName == "" {
		return errors.New("path, user and cluster_name: must not be empty")
	}
	if u, err := url.Parse(c.Server); err != nil || u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf(`server %q: want a URL such as "https://192.0.2.10:6443"`, c.Server)
	}
	return validPeriod("validity", c.Validity)
}

func buildKubeconfig(_ context.Context, in resource.Input[kubeconfigConfig]) (resource.Work[kubeconfigOutputs], error) {
	c := in.Config
	id, err := newIdentity(c.User, c.Organizations, nil, []string{"client"})
	if err != nil {
		return resource.Work[kubeconfigOutputs]{}, err
	}
	f := &clientFile{
		Path: hostpath.Abs(in.WorkDir, c.Path), cluster: c.ClusterName, server: c.Server,
		id: id, ca: c.CA.in(in.WorkDir),
		terms: terms{algorithm: c.Algorithm, validity: c.Validity, renewBefore: c.RenewBefore, now: time.Now()},
	}
	old, made := recall[clientFile](in.Record, f.ID())
	f.Dirs, f.ours = old.Dirs, made
	known := kubeconfigOutputs{Path: f.Path, Server: c.Server}
	return resource.Work[kubeconfigOutputs]{
		Resources: []resource.Resource{f},
		Known:     func() kubeconfigOutputs { return known },
	}, nil
}
