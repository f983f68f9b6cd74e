package pki

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	uploadKindName = "shared certificates"
	// saltNote is the annotation with what a derived key is made from besides the
	// authority's private key.
	saltNote = "clusterflow/certificate-key-salt"
	saltSize = 16
)

// upload is the resource: the Secret kubeadm-certs, and the bootstrap token that
// owns it. The token is good for nothing but to expire: then the controller
// manager removes it, and its garbage collector what it owns.
type upload struct {
	Kubeconfig string `json:"kubeconfig"`
	// TokenID is the public part of that token.
	TokenID string `json:"token_id"`

	files []sharedFile // nil when restored
	given certificateKey
	ttl   time.Duration
	pool  *kubeapi.Pool
	now   func() time.Time
}

var _ resource.Resource = (*upload)(nil)

func uploadKind(pool *kubeapi.Pool) resource.Kind {
	return resource.Kind{Name: uploadKindName, Restore: func(state json.RawMessage) (resource.Resource, error) {
		u := &upload{pool: pool, now: time.Now}
		if err := json.Unmarshal(state, u); err != nil {
			return nil, fmt.Errorf("read record of %s: %w", uploadKindName, err)
		}
		return u, nil
	}}
}

func (u *upload) ID() resource.ID {
	return resource.ID{Kind: uploadKindName, Target: systemNamespace + "/" + sharedSecret}
}

// Diff compares the Secret, decrypted, with the files.
func (u *upload) Diff(ctx context.Context) (sdk.Change, error) {
	live, err := u.read(ctx)
	switch {
	case apierrors.IsNotFound(err):
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case err != nil:
		return sdk.Change{}, err
	case u.files == nil:
		return sdk.Change{}, nil
	case live.expired != "":
		return sdk.Change{Op: sdk.OpCreate, Reason: live.expired}, nil
	}
	reason, err := u.differs(live)
	if err != nil || reason == "" {
		return sdk.Change{}, err
	}
	return sdk.Change{Op: sdk.OpUpdate, Reason: reason}, nil
}

// differs says why what is uploaded is not what the files hold, "" if it is.
func (u *upload) differs(live uploaded) (string, error) {
	key, err := u.key(live.salt)
	switch {
	case errors.Is(err, errNoSalt):
		return "somebody else has uploaded it, with a key that is not known here", nil
	case errors.Is(err, errNotYet):
		return "the authority is yet to be made", nil
	case err != nil:
		return "", err
	}
	for _, f := range u.files {
		want, err := f.read()
		if errors.Is(err, errNotYet) {
			return f.path + " is yet to be made", nil
		}
		if err != nil {
			return "", err
		}
		have := live.data[f.entry]
		if len(have) > 0 {
			if have, err = key.open(have); err != nil {
				return f.entry + ": " + err.Error(), nil
			}
		}
		if !bytes.Equal(have, want) {
			return f.entry + " differs from " + cmp.Or(f.path, "none"), nil
		}
	}
	return "", nil
}

// Render uploads the files afresh, with a token and a salt of their own.
func (u *upload) Render(ctx context.Context) error {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return fmt.Errorf("make salt: %w", err)
	}
	data, err := u.seal(salt)
	if err != nil {
		return err
	}
	if err := u.Remove(ctx); err != nil {
		return fmt.Errorf("remove the former upload: %w", err)
	}
	owner, err := u.makeToken(ctx)
	if err != nil {
		return err
	}
	meta := inSystem(sharedSecret)
	meta.OwnerReferences = []metav1.OwnerReference{owner}
	if u.given == nil {
		meta.Annotations = map[string]string{saltNote: hex.EncodeToString(salt)}
	}
	return u.object(&corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: data}).Render(ctx)
}

// seal encrypts the files. What does not exist and need not is uploaded as an
// empty value, as kubeadm does.
func (u *upload) seal(salt []byte) (map[string][]byte, error) {
	key, err := u.key(salt)
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	for _, f := range u.files {
		plain, err := f.read()
		if err != nil {
			return nil, sdk.Hint(err, "All control-plane nodes need it. With a certificate authority whose key is kept elsewhere nothing can be shared: "+
				"give each node its certificates, and leave this phase out.")
		}
		sealed := []byte{}
		if plain != nil {
			if sealed, err = key.seal(plain); err != nil {
				return nil, err
			}
		}
		data[f.entry] = sealed
	}
	return data, nil
}

// Remove deletes the Secret and the tokens that it has or had.
func (u *upload) Remove(ctx context.Context) error {
	live, _ := u.read(ctx) // whatever is wrong, the removal meets it too, and tries again
	if err := u.object(&corev1.Secret{ObjectMeta: inSystem(sharedSecret)}).Remove(ctx); err != nil {
		return err
	}
	for _, id := range []string{live.tokenID, u.TokenID} {
		if id == "" {
			continue
		}
		if err := u.token(id).Remove(ctx); err != nil {
			return fmt.Errorf("remove token %s: %w", id, err)
		}
	}
	return nil
}

// outputs reads the upload back from the cluster.
func (u *upload) outputs(ctx context.Context) (uploadOutputs, error) {
	live, err := u.read(ctx)
	if err != nil {
		return uploadOutputs{}, fmt.Errorf("read Secret %s: %w", sharedSecret, err)
	}
	key, err := u.key(live.salt)
	if err != nil {
		return uploadOutputs{}, fmt.Errorf("find certificate key: %w", err)
	}
	return uploadOutputs{Key: key.text(), Expires: live.expires}, nil
}

func (u *upload) object(secret *corev1.Secret) *kubeobj.Object {
	return kubeobj.Maker{Pool: u.pool, Kubeconfig: u.Kubeconfig}.Object(secret)
}
