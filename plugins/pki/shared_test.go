package pki

import (
	"bytes"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// sharedDir is a directory with all that control-plane nodes share.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	newAuthority(t, dir)
	for _, base := range []string{"front-proxy-ca", "etcd/ca"} {
		other := newAuthority(t, t.TempDir())
		put(t, filepath.Join(dir, base+".crt"), []byte(get(t, other.Cert)), 0o644)
		put(t, filepath.Join(dir, base+".key"), []byte(get(t, other.Key)), 0o600)
	}
	key := newTestKey(t)
	public, err := encodePublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "sa.key"), mustEncode(t, key), 0o600)
	put(t, filepath.Join(dir, "sa.pub"), public, 0o600)
	return dir
}

func newUploadPhase(t *testing.T, fake *kubeapitest.Fake, dir string, set map[string]cty.Value) *phasetest.Phase {
	t.Helper()
	config := map[string]cty.Value{"cluster": kubeapitest.ClusterValue(fake.Admin), "cert_dir": cty.StringVal(dir)}
	for name, v := range set {
		config[name] = v
	}
	return phasetest.New(t, Spec(), "upload", config)
}

// wantUploaded decrypts the Secret and compares it with the files.
func wantUploaded(t *testing.T, secret *corev1.Secret, keyText, dir string) {
	t.Helper()
	key, err := parseCertificateKey(keyText)
	if err != nil {
		t.Fatal(err)
	}
	files := sharedFiles("/", dir, nil)
	if len(secret.Data) != len(files) {
		t.Errorf("got %d entries, want %d", len(secret.Data), len(files))
	}
	for _, f := range files {
		plain, err := key.open(secret.Data[f.entry])
		if err != nil || !bytes.Equal(plain, []byte(get(t, f.path))) {
			t.Errorf("%s: got %v, want the content of %s", f.entry, err, f.path)
		}
	}
}

func liveSecret(t *testing.T, fake *kubeapitest.Fake, path string) *corev1.Secret {
	t.Helper()
	live := fake.Object(path)
	if live == nil {
		t.Fatalf("there is no %s", path)
	}
	secret, err := toSecret(live)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func ownerID(s *corev1.Secret) string {
	return strings.TrimPrefix(s.OwnerReferences[0].Name, "bootstrap-token-")
}

func setField(t *testing.T, fake *kubeapitest.Fake, path, field, value string) {
	t.Helper()
	object := fake.Object(path)
	if err := unstructured.SetNestedField(object.Object, base64.StdEncoding.EncodeToString([]byte(value)), "data", field); err != nil {
		t.Fatal(err)
	}
	fake.Put(t, path, "somebody", object.Object)
}

func failure(t *testing.T, result sdk.Result) string {
	t.Helper()
	if result.Status == sdk.StatusOK || len(result.Diagnostics) == 0 {
		t.Fatalf("got %+v, want a failure", result)
	}
	return result.Diagnostics[0].Summary
}
