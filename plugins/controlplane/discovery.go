package controlplane

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type discoveryConfig struct {
	Endpoint         string        `cf:"endpoint" doc:"Where an API server is: host:port; the port is 6443 if not given. With a token."`
	Token            string        `cf:"token,sensitive" doc:"Bootstrap token, such as \"abcdef.0123456789abcdef\". With a file it is the token for everything after discovery. A host that is a node already needs none."`
	CAPins           []string      `cf:"ca_pins" doc:"Digests of the public keys of CAs, sha256:<hex>, one of which the cluster must have. Needed with endpoint, unless skip_ca_verification."`
	SkipVerification bool          `cf:"skip_ca_verification" doc:"Believe any CA that is signed with the token. Whoever knows the token can then pose as the cluster."`
	File             string        `cf:"file" doc:"Path or https URL of a kubeconfig that says where the cluster is and which CA it has. In place of endpoint."`
	Kubeconfig       string        `cf:"kubeconfig" default:"\"/etc/kubernetes/kubelet.conf\"" doc:"Kubeconfig of the kubelet. Once this host is a node, it tells where the cluster is, and no token is needed any more."`
	Within           time.Duration `cf:"within" default:"\"5m\"" doc:"How long to wait for the API server to answer. For the token's signature it is half a minute at most."`
}

type discoveryOutputs struct {
	Server  string          `cf:"server,late" doc:"URL of the API server that nodes use."`
	CA      string          `cf:"ca,late" doc:"The cluster's CA certificates, PEM."`
	Cluster kubeapi.Cluster `cf:"cluster,late" doc:"The cluster: server, ca and ca_pin, for phases that also take the token, and kubeconfig: that of the kubelet, or empty before it has one."`
	Token   string          `cf:"token,sensitive,late" doc:"The bootstrap token, or that of the file; empty if there is none."`
}

func discoveryType(_ *kubeapi.Pool) sdk.Type {
	return resource.Phase[discoveryConfig, discoveryOutputs]{
		Name: "discovery",
		Doc: "Finds out where a cluster is and which CA it has, and proves it: by a bootstrap token, with which the cluster has signed the answer, and pins of the CA, " +
			"or by a kubeconfig in a file or behind an https URL. It changes nothing, so a plan does it too. " +
			"Once the host is a node of the cluster, the kubelet's kubeconfig says the same, and an expired token does not matter.",
		Example: `phase "controlplane.discovery" "discovery" {
  endpoint = "192.0.2.10:6443"
  token    = "abcdef.0123456789abcdef"
  ca_pins  = ["sha256:b82353e3a63fdd169d3a05b09900c2f8bec00902577a6d4701fd5ee00b151f08"]
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessNet, What: "config.endpoint, config.file"},
			{Kind: sdk.AccessPath, What: "config.file, config.kubeconfig"},
			{Kind: sdk.AccessKube, What: "ConfigMap cluster-info in kube-public"},
		},
		Kinds:    []resource.Kind{{Name: discoveryKind}},
		Validate: validateDiscovery,
		Build: func(_ context.Context, in resource.Input[discoveryConfig]) (resource.Work[discoveryOutputs], error) {
			c := in.Config
			c.Endpoint = withPort(c.Endpoint)
			c.Kubeconfig = hostpath.Abs(in.WorkDir, c.Kubeconfig)
			if c.File != "" && !strings.Contains(c.File, "://") {
				c.File = hostpath.Abs(in.WorkDir, c.File)
			}
			d := &discovery{config: c}
			return resource.Work[discoveryOutputs]{Resources: []resource.Resource{d}, Outputs: d.outputs}, nil
		},
	}.Type()
}

func validateDiscovery(c discoveryConfig) error {
	switch {
	case c.Endpoint != "" && c.File != "":
		return attrError("endpoint", "set either endpoint or file: both say where the cluster is")
	case c.Within <= 0:
		return attrError("within", "must be longer than zero")
	case c.Token != "" && !bootstraptoken.Valid(c.Token):
		return attrError("token", "it is no bootstrap token: want six and sixteen lower-case letters or digits with a dot between")
	}
	if err := validatePins(c.CAPins); err != nil {
		return err
	}
	switch {
	case c.File != "":
		return validateDiscoveryFile(c.File)
	case c.Endpoint == "":
		return nil // a node needs none
	}
	host, _, err := net.SplitHostPort(withPort(c.Endpoint))
	if err != nil || host == "" || strings.ContainsAny(c.Endpoint, "/@?#") {
		return attrError("endpoint", "%q is not a host and port such as 192.0.2.10:6443", c.Endpoint)
	}
	return nil
}

func validatePins(pins []string) error {
	pin := regexp.MustCompile(`\Asha256:[0-9a-fA-F]{64}\z`)
	for _, p := range pins {
		if !pin.MatchString(p) {
			return attrError("ca_pins", "%q is not a pin: want sha256: and 64 hexadecimal digits", p)
		}
	}
	return nil
}

func validateDiscoveryFile(file string) error {
	scheme, _, isURL := strings.Cut(file, "://")
	if isURL && scheme != "https" {
		return attrError("file", "%q is neither a path nor an https URL", file)
	}
	if u, err := url.Parse(file); isURL && (err != nil || u.Host == "") {
		return attrError("file", "%q is not a URL such as https://example.com/cluster.conf", file)
	}
	return nil
}

const discoveryKind = "discovery"

// found is what discovery finds.
type found struct {
	server     string
	ca         []byte
	token      string // of the file, or the one that was given
	kubeconfig string // of the kubelet, once the host is a node
}

// discovery is the resource "the cluster is found". There is nothing to remove.
type discovery struct {
	config discoveryConfig
	found  *found
}

var _ resource.Resource = (*discovery)(nil)

func (d *discovery) ID() resource.ID {
	if d.config.File != "" {
		return resource.ID{Kind: discoveryKind, Target: d.config.File}
	}
	return resource.ID{Kind: discoveryKind, Target: cmp.Or(d.config.Endpoint, d.config.Kubeconfig)}
}

// Diff tries once. What may still come is left to Render.
func (d *discovery) Diff(ctx context.Context) (sdk.Change, error) {
	if d.found != nil {
		return sdk.Change{}, nil
	}
	limit := min(checkTimeout, d.config.Within)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	switch err := d.find(ctx); {
	case isPermanent(err):
		return sdk.Change{}, err
	case err != nil:
		return sdk.Change{Op: sdk.OpRun, Reason: err.Error()}, nil
	}
	return sdk.Change{}, nil
}

// Render tries until the cluster answers.
func (d *discovery) Render(ctx context.Context) error {
	begin := time.Now()
	return resource.WaitFor(ctx, resource.Probe{
		Name: "the cluster at " + d.ID().Target, Every: findEvery, Timeout: d.config.Within,
		Check: func(ctx context.Context) error {
			err := d.find(ctx)
			if isUnsigned(err) && time.Since(begin) > signedWithin {
				return sdk.Permanent(err)
			}
			return err
		},
	})
}

// Remove does nothing.
func (d *discovery) Remove(context.Context) error { return nil }

// find asks the files of this host, then the cluster.
func (d *discovery) find(ctx context.Context) (err error) {
	if have, ok := d.config.joined(time.Now()); ok {
		d.found = &have
		return nil
	}
	var got found
	switch c := d.config; {
	case c.File != "":
		got, err = c.byFile(ctx)
	default:
		got, err = c.byToken(ctx)
	}
	if err == nil {
		d.found = &got
	}
	return err
}

func (d *discovery) outputs(context.Context) (discoveryOutputs, error) {
	pins, err := kubeapi.Pins(d.found.ca)
	if err != nil {
		return discoveryOutputs{}, fmt.Errorf("read CA of the cluster: %w", err)
	}
	return discoveryOutputs{
		Server: d.found.server, CA: string(d.found.ca), Token: d.found.token,
		Cluster: kubeapi.Cluster{Kubeconfig: d.found.kubeconfig, Server: d.found.server, CAPin: pins[0], CA: string(d.found.ca)},
	}, nil
}
