package controlplane

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	tokenapi "k8s.io/cluster-bootstrap/token/api"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const tokenKindName = "bootstrap-token"

// bootstrapToken is a token in the cluster: the Secret bootstrap-token-<id>. Its
// record has the public part of the token only.
type bootstrapToken struct {
	Kubeconfig string `json:"kubeconfig"`
	TokenID    string `json:"token_id"`
	// Replaces is the id of an expired token in whose place this one comes.
	Replaces string `json:"replaces,omitempty"`

	config tokenConfig
	given  string // the secret part, if configured
	pool   *kubeapi.Pool
	now    func() time.Time
}

var _ resource.Resource = (*bootstrapToken)(nil)

func tokenKind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: tokenKindName, Restore: func(state json.RawMessage) (resource.Resource, error) {
		t := &bootstrapToken{pool: pool, now: time.Now}
		if err := json.Unmarshal(state, t); err != nil {
			return nil, fmt.Errorf("read record of a bootstrap token: %w", err)
		}
		return t, nil
	}}
}

// ID has no random part: two plans of the same thing are equal.
func (t *bootstrapToken) ID() resource.ID {
	id := "*"
	if t.given != "" {
		id = t.TokenID
	}
	return resource.ID{Kind: tokenKindName, Target: systemNamespace + "/" + bootstraptoken.SecretName(id)}
}

// Diff keeps a valid token, whatever its time to live was meant to be.
func (t *bootstrapToken) Diff(ctx context.Context) (sdk.Change, error) {
	found, err := t.read(ctx)
	switch {
	case apierrors.IsNotFound(err) && t.Replaces != "":
		return sdk.Change{Op: sdk.OpCreate, Reason: fmt.Sprintf("token %s has expired", t.Replaces)}, nil
	case apierrors.IsNotFound(err):
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case err != nil:
		return sdk.Change{}, err
	case found.expired(t.now()):
		return sdk.Change{Op: sdk.OpUpdate, Reason: "expired at " + found.expires}, nil
	}
	return t.object(t.wanted(found)).Diff(ctx)
}

// Render writes the token. The time to live counts from here.
func (t *bootstrapToken) Render(ctx context.Context) error {
	found, err := t.read(ctx)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if err != nil || found.expired(t.now()) {
		found = storedToken{}
		if t.config.TTL > 0 {
			found.expires = t.now().Add(t.config.TTL).UTC().Format(time.RFC3339)
		}
		found.secret = bootstraptoken.NewSecret()
	}
	if err := t.object(t.wanted(found)).Render(ctx); err != nil {
		return err
	}
	return t.removeReplaced(ctx)
}

// Remove deletes the token: who has it cannot join any more.
func (t *bootstrapToken) Remove(ctx context.Context) error {
	if err := t.removeReplaced(ctx); err != nil {
		return err
	}
	return t.object(&corev1.Secret{}).Remove(ctx)
}

// removeReplaced deletes the expired token. The controller manager does so too,
// if it runs its tokencleaner.
func (t *bootstrapToken) removeReplaced(ctx context.Context) error {
	if t.Replaces == "" {
		return nil
	}
	old := bootstrapToken{Kubeconfig: t.Kubeconfig, TokenID: t.Replaces, pool: t.pool}
	if err := old.object(&corev1.Secret{}).Remove(ctx); err != nil {
		return fmt.Errorf("remove expired token %s: %w", t.Replaces, err)
	}
	t.Replaces = ""
	return nil
}

// wanted is what the Secret should hold, given what it holds or shall get.
func (t *bootstrapToken) wanted(found storedToken) *corev1.Secret {
	data := map[string]string{
		tokenapi.BootstrapTokenIDKey:     t.TokenID,
		tokenapi.BootstrapTokenSecretKey: cmp.Or(t.given, found.secret),
	}
	if t.config.Description != "" {
		data[tokenapi.BootstrapTokenDescriptionKey] = t.config.Description
	}
	if found.expires != "" {
		data[tokenapi.BootstrapTokenExpirationKey] = found.expires
	}
	for _, usage := range t.config.Usages {
		data[tokenapi.BootstrapTokenUsagePrefix+usage] = "true"
	}
	if len(t.config.Groups) > 0 {
		data[tokenapi.BootstrapTokenExtraGroupsKey] = strings.Join(t.config.Groups, ",")
	}
	secret := &corev1.Secret{Type: tokenapi.SecretTypeBootstrapToken, Data: map[string][]byte{}}
	for key, value := range data {
		secret.Data[key] = []byte(value)
	}
	return secret
}

// object gives the Secret its name and place.
func (t *bootstrapToken) object(secret *corev1.Secret) *kubeobj.Object {
	secret.ObjectMeta = metav1.ObjectMeta{Namespace: systemNamespace, Name: bootstraptoken.SecretName(t.TokenID)}
	return kubeobj.Maker{Pool: t.pool, Kubeconfig: t.Kubeconfig}.Object(secret)
}

// storedToken is what is kept of a token besides its id.
type storedToken struct {
	secret  string
	expires string // RFC 3339; empty means never
}

// expired counts an unreadable time as past, as the cluster does.
func (s storedToken) expired(now time.Time) bool {
	if s.expires == "" {
		return false
	}
	at, err := time.Parse(time.RFC3339, s.expires)
	return err != nil || !now.Before(at)
}

func (t *bootstrapToken) read(ctx context.Context) (storedToken, error) {
	live, err := t.object(&corev1.Secret{}).Live(ctx)
	if err != nil {
		return storedToken{}, err
	}
	var secret corev1.Secret
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &secret); err != nil {
		return storedToken{}, fmt.Errorf("read Secret %s: not a Secret", live.GetName()) // the cause could quote it
	}
	return storedToken{
		secret:  string(secret.Data[tokenapi.BootstrapTokenSecretKey]),
		expires: string(secret.Data[tokenapi.BootstrapTokenExpirationKey]),
	}, nil
}
