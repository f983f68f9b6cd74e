package controlplane

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	tokenapi "k8s.io/cluster-bootstrap/token/api"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type tokenConfig struct {
	Cluster     kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
	TTL         time.Duration   `cf:"ttl" default:"\"24h\"" doc:"How long the token is valid from its creation; 0s means for ever."`
	Usages      []string        `cf:"usages" default:"[\"signing\",\"authentication\"]" doc:"What the token is for: signing (of cluster-info, by which a node trusts the cluster) and authentication (by which the cluster trusts a node)."`
	Groups      []string        `cf:"groups" default:"[\"system:bootstrappers:kubeadm:default-node-token\"]" doc:"Groups of who authenticates with the token, besides system:bootstrappers."`
	Description string          `cf:"description" doc:"What the token is for, to be read by people."`
	Token       string          `cf:"token,sensitive" doc:"The token itself, such as abcdef.0123456789abcdef. A random one by default."`
}

type tokenOutputs struct {
	Token   string `cf:"token,sensitive,late" doc:"The token, for kubeadm join."`
	ID      string `cf:"id,late" doc:"The public part of the token."`
	Expires string `cf:"expires,late" doc:"When it stops being valid (RFC 3339, UTC); empty means never."`
}

func tokenType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[tokenConfig, tokenOutputs]{
		Name: "token",
		Doc: "Makes a bootstrap token, with which nodes join. As long as it is valid it is kept; then another one takes its place. " +
			"The token is kept in the cluster alone, in no file and no record of clusterflow.",
		Example: `phase "controlplane.token" "bootstrap_token" {
  cluster     = phase.control_plane.cluster
  ttl         = "2h"
  description = "workers of rack 7"
}`,
		Access:   kubeAccess("Secret kube-system/bootstrap-token-<id>"),
		Kinds:    []resource.Kind{tokenKind(pool)},
		Validate: validateToken,
		Build: func(ctx context.Context, in resource.Input[tokenConfig]) (resource.Work[tokenOutputs], error) {
			t, err := chooseToken(ctx, pool, in)
			if err != nil {
				return resource.Work[tokenOutputs]{}, err
			}
			return resource.Work[tokenOutputs]{Resources: []resource.Resource{t}, Outputs: t.outputs}, nil
		},
	}.Type()
}

func validateToken(c tokenConfig) error {
	if c.TTL < 0 {
		return attrError("ttl", "must not be negative; 0s means for ever")
	}
	for _, u := range c.Usages {
		if !slices.Contains(tokenapi.KnownTokenUsages, u) {
			return attrError("usages", "%q is not one of %s", u, strings.Join(tokenapi.KnownTokenUsages, ", "))
		}
	}
	for _, g := range c.Groups {
		if !bootstraptoken.ValidGroup(g) {
			return attrError("groups", "%q is not a group such as %s", g, nodeTokenGroup)
		}
	}
	if len(c.Groups) > 0 && !slices.Contains(c.Usages, "authentication") {
		return attrError("groups", `groups need the usage "authentication"`)
	}
	if c.Token != "" && !bootstraptoken.Valid(c.Token) { // the value is secret, and so not shown
		return attrError("token", "want six and sixteen lower-case letters or digits with a dot between, such as abcdef.0123456789abcdef")
	}
	return nil
}

// chooseToken decides which token the phase is about: the configured one, that of
// the record while it is valid or about to be made, else a new one.
func chooseToken(ctx context.Context, pool *kubeapi.Pool, in resource.Input[tokenConfig]) (*bootstrapToken, error) {
	t := &bootstrapToken{
		Kubeconfig: in.Config.Cluster.Path(in.WorkDir),
		config:     in.Config, pool: pool, now: time.Now,
	}
	if in.Config.Token != "" {
		t.TokenID, t.given, _ = strings.Cut(in.Config.Token, ".")
		return t, nil
	}
	if e, ok := in.Record.Find(t.ID()); ok {
		var old bootstrapToken
		if err := json.Unmarshal(e.State, &old); err != nil {
			return nil, fmt.Errorf("read record of a bootstrap token: %w", err)
		}
		t.TokenID, t.Replaces = old.TokenID, old.Replaces
		found, err := t.read(ctx)
		if err != nil || !found.expired(t.now()) { // an error is for Diff to report
			return t, nil
		}
		t.Replaces = old.TokenID
	}
	t.TokenID = bootstraptoken.NewID() // the secret part is made when it is stored
	return t, nil
}

// outputs reads the token back from the cluster.
func (t *bootstrapToken) outputs(ctx context.Context) (tokenOutputs, error) {
	found, err := t.read(ctx)
	if err != nil {
		return tokenOutputs{}, fmt.Errorf("read token %s: %w", t.TokenID, err)
	}
	return tokenOutputs{
		Token: bootstraptoken.Join(t.TokenID, found.secret), ID: t.TokenID, Expires: found.expires,
	}, nil
}
