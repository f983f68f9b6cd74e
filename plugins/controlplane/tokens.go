package controlplane

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	tokenapi "k8s.io/cluster-bootstrap/token/api"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const noTokenKind = "no-bootstrap-token"

type tokensConfig struct {
	Cluster kubeapi.Cluster `cf:"cluster,required" doc:"The cluster, with the kubeconfig of an administrator."`
	Delete  []string        `cf:"delete" doc:"Public parts of tokens that shall be gone, such as [\"abcdef\"]."`
}

type tokensOutputs struct {
	Tokens []listedToken `cf:"tokens,late" doc:"The bootstrap tokens that there are, without their secret parts: id, expires (RFC 3339, UTC; empty means never), usages, groups and description, by id."`
}

type listedToken struct {
	ID          string   `cf:"id"`
	Expires     string   `cf:"expires"`
	Usages      []string `cf:"usages"`
	Groups      []string `cf:"groups"`
	Description string   `cf:"description"`
}

func tokensType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[tokensConfig, tokensOutputs]{
		Name: "tokens",
		Doc:  "Lists the bootstrap tokens of a cluster, and deletes some, whoever made them. Undo does not bring them back.",
		Example: `phase "controlplane.tokens" "tokens" {
  cluster = { kubeconfig = "/etc/kubernetes/admin.conf" }
  delete  = ["abcdef"]
}`,
		Access: kubeAccess("Secrets bootstrap-token-<id> in kube-system"),
		Kinds:  []resource.Kind{{Name: noTokenKind}},
		Validate: func(c tokensConfig) error {
			for _, id := range c.Delete {
				if !bootstraptoken.ValidID(id) {
					return attrError("delete", "want the public part of each token: six lower-case letters or digits")
				}
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[tokensConfig]) (resource.Work[tokensOutputs], error) {
			path := in.Config.Cluster.Path(in.WorkDir)
			var all []resource.Resource
			for _, id := range slices.Compact(slices.Sorted(slices.Values(in.Config.Delete))) {
				all = append(all, &noToken{id: id, token: bootstrapToken{Kubeconfig: path, TokenID: id, pool: pool, now: time.Now}})
			}
			return resource.Work[tokensOutputs]{
				Resources: all,
				Outputs: func(ctx context.Context) (tokensOutputs, error) {
					list, err := listTokens(ctx, pool, path)
					return tokensOutputs{Tokens: list}, err
				},
			}, nil
		},
	}.Type()
}

// noToken is the resource "there is no such token".
type noToken struct {
	id    string
	token bootstrapToken
}

var _ resource.Resource = (*noToken)(nil)

func (n *noToken) ID() resource.ID { return resource.ID{Kind: noTokenKind, Target: n.id} }

// Diff looks whether it is there.
func (n *noToken) Diff(ctx context.Context) (sdk.Change, error) {
	_, err := n.token.read(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return sdk.Change{}, nil
	case err != nil:
		return sdk.Change{}, err
	}
	return sdk.Change{Op: sdk.OpDelete, Reason: "it is to be deleted"}, nil
}

// Render deletes the token: nobody joins with it any more.
func (n *noToken) Render(ctx context.Context) error {
	return n.token.object(&corev1.Secret{}).Remove(ctx)
}

// Remove does nothing: a token that is gone stays so.
func (n *noToken) Remove(context.Context) error { return nil }

// listTokens reads all tokens, without their secret parts.
func listTokens(ctx context.Context, pool *kubeapi.Pool, kubeconfig string) ([]listedToken, error) {
	client, err := pool.Client(kubeconfig)
	if err != nil {
		return nil, err
	}
	secrets, err := client.Objects(corev1.SchemeGroupVersion.WithResource("secrets"), systemNamespace).
		List(ctx, metav1.ListOptions{FieldSelector: "type=" + string(corev1.SecretTypeBootstrapToken)})
	if err != nil {
		return nil, client.Explain(err)
	}
	list := []listedToken{}
	for _, item := range secrets.Items {
		var secret corev1.Secret
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &secret); err != nil {
			return nil, fmt.Errorf("read Secret %s: not a Secret", item.GetName()) // the cause could quote it
		}
		if secret.Type == corev1.SecretTypeBootstrapToken {
			list = append(list, listed(secret))
		}
	}
	slices.SortFunc(list, func(a, b listedToken) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

func listed(secret corev1.Secret) listedToken {
	text := func(key string) string { return string(secret.Data[key]) }
	t := listedToken{
		ID: text(tokenapi.BootstrapTokenIDKey), Expires: text(tokenapi.BootstrapTokenExpirationKey),
		Description: text(tokenapi.BootstrapTokenDescriptionKey), Usages: []string{}, Groups: []string{},
	}
	for _, usage := range tokenapi.KnownTokenUsages {
		if text(tokenapi.BootstrapTokenUsagePrefix+usage) == "true" {
			t.Usages = append(t.Usages, usage)
		}
	}
	if groups := text(tokenapi.BootstrapTokenExtraGroupsKey); groups != "" {
		t.Groups = strings.Split(groups, ",")
	}
	return t
}
