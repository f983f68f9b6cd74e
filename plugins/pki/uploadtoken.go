package pki

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	tokenapi "k8s.io/cluster-bootstrap/token/api"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
)

// uploadDescription is what kubeadm token list shows of the token.
const uploadDescription = "Proxy for managing TTL for the kubeadm-certs secret"

// uploaded is what the cluster has of an upload.
type uploaded struct {
	data    map[string][]byte
	salt    []byte // of a derived key
	tokenID string // of the owner
	expires string // RFC 3339
	expired string // why it counts as gone, "" if it does not
}

// read reads the Secret and its owner. The error is a NotFound of the API
// machinery when there is no Secret.
func (u *upload) read(ctx context.Context) (uploaded, error) {
	secret, err := readSecret(ctx, u.object(&corev1.Secret{ObjectMeta: inSystem(sharedSecret)}))
	if err != nil {
		return uploaded{}, err
	}
	live := uploaded{data: secret.Data}
	live.salt, _ = hex.DecodeString(secret.Annotations[saltNote]) // a damaged one is none
	for _, owner := range secret.OwnerReferences {
		if id, ok := strings.CutPrefix(owner.Name, tokenapi.BootstrapTokenSecretPrefix); ok && owner.Kind == "Secret" {
			live.tokenID = id
		}
	}
	if live.tokenID == "" {
		return live, nil // somebody has made it to stay
	}
	token, err := readSecret(ctx, u.token(live.tokenID))
	if apierrors.IsNotFound(err) {
		live.expired = fmt.Sprintf("token %s, which owned it, is gone", live.tokenID)
		return live, nil
	}
	if err != nil {
		return uploaded{}, fmt.Errorf("read token %s: %w", live.tokenID, err)
	}
	live.expires = string(token.Data[tokenapi.BootstrapTokenExpirationKey])
	if at, err := time.Parse(time.RFC3339, live.expires); live.expires != "" && (err != nil || !u.now().Before(at)) {
		live.expired = "expired at " + live.expires
	}
	return live, nil
}

func readSecret(ctx context.Context, o *kubeobj.Object) (*corev1.Secret, error) {
	live, err := o.Live(ctx)
	if err != nil {
		return nil, err
	}
	return toSecret(live)
}

// makeToken stores a token without any usage and returns the reference to it.
func (u *upload) makeToken(ctx context.Context) (metav1.OwnerReference, error) {
	o := u.object(&corev1.Secret{
		ObjectMeta: inSystem(bootstraptoken.SecretName(u.TokenID)),
		Type:       tokenapi.SecretTypeBootstrapToken,
		Data: map[string][]byte{
			tokenapi.BootstrapTokenIDKey:          []byte(u.TokenID),
			tokenapi.BootstrapTokenSecretKey:      []byte(bootstraptoken.NewSecret()),
			tokenapi.BootstrapTokenDescriptionKey: []byte(uploadDescription),
			tokenapi.BootstrapTokenExpirationKey:  []byte(u.now().Add(u.ttl).UTC().Format(time.RFC3339)),
		},
	})
	if err := o.Render(ctx); err != nil {
		return metav1.OwnerReference{}, fmt.Errorf("store token %s: %w", u.TokenID, err)
	}
	live, err := o.Live(ctx)
	if err != nil {
		return metav1.OwnerReference{}, fmt.Errorf("read token %s: %w", u.TokenID, err)
	}
	return *metav1.NewControllerRef(live, corev1.SchemeGroupVersion.WithKind("Secret")), nil
}

func (u *upload) token(id string) *kubeobj.Object {
	return u.object(&corev1.Secret{ObjectMeta: inSystem(bootstraptoken.SecretName(id))})
}

var (
	// errNoSalt says that the key was not derived, and so is not known.
	errNoSalt = errors.New("the certificate key is not known here")
	// errNotYet says that a file does not exist, which an earlier phase may change.
	errNotYet = errors.New("file does not exist")
)

// key is the given one, or else that which belongs to the salt.
func (u *upload) key(salt []byte) (certificateKey, error) {
	if u.given != nil {
		return u.given, nil
	}
	if len(salt) == 0 {
		return nil, errNoSalt
	}
	for _, f := range u.files {
		if f.entry != "ca.key" {
			continue
		}
		authority, err := loadKey(f.path)
		if err != nil {
			return nil, err
		}
		if authority != nil {
			return deriveCertificateKey(authority, salt)
		}
		return nil, fmt.Errorf("%w: %s", errNotYet, f.path)
	}
	return nil, errNoSalt
}

// read returns the content of the file; one that need not exist and does not is
// empty. Others give errNotYet.
func (f sharedFile) read() ([]byte, error) {
	if f.path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(f.path)
	switch {
	case err == nil:
		return data, nil
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
		return nil, err
	case f.spare:
		return nil, nil
	}
	return nil, fmt.Errorf("%w: %s", errNotYet, f.path)
}
