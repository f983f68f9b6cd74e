package pki

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func TestKeyPairIsLikeKubeadms(t *testing.T) {
	dir := t.TempDir()
	pki := filepath.Join(dir, "pki")
	phase := phasetest.New(t, Spec(), "keypair", values{"dir": pki}.cty())
	phase.Want(t, "create: absent")
	out := phase.Apply(t)
	private, public := filepath.Join(pki, "sa.key"), filepath.Join(pki, "sa.pub")
	if out["private"].AsString() != private || out["public"].AsString() != public {
		t.Errorf("outputs: got %#v", out)
	}
	wantModes(t, map[string]os.FileMode{pki: 0o755, private: 0o600, public: 0o600})
	block, _ := pem.Decode([]byte(get(t, public)))
	if block == nil || block.Type != "PUBLIC KEY" {
		t.Fatalf("public key: got %s", get(t, public))
	}
	got, err := x509.ParsePKIXPublicKey(block.Bytes)
	key, keyErr := loadKey(private)
	if err != nil || keyErr != nil || !key.Public().(*rsa.PublicKey).Equal(got) {
		t.Errorf("the public key does not belong to the private key: %v, %v", err, keyErr)
	}
	wantNoSecret(t, private, string(phase.Private))
	phase.Undo(t)
	wantNone(t, dir)
}

func TestKeyPairDrift(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, private, public string)
		want   string
	}{
		"public absent": {func(t *testing.T, _, public string) { t.Helper(); remove(t, public) }, "update: the public key is absent"},
		"public wrong":  {func(t *testing.T, _, public string) { t.Helper(); put(t, public, []byte("x"), 0o600) }, "update: the public key does not belong to the private key"},
		"private open": {func(t *testing.T, private, _ string) {
			t.Helper()
			if err := os.Chmod(private, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "update: sa.key is open to every user: mode 0644, want 0600"},
		"private absent": {func(t *testing.T, private, _ string) { t.Helper(); remove(t, private) }, "create: absent"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			phase := phasetest.New(t, Spec(), "keypair", values{"dir": t.TempDir(), "algorithm": "ECDSA-P256"}.cty())
			out := phase.Apply(t)
			private := out["private"].AsString()
			before := get(t, private)
			tt.change(t, private, out["public"].AsString())
			phase.Want(t, tt.want)
			phase.Apply(t)
			if kept := get(t, private) == before; kept != (name != "private absent") {
				t.Errorf("private key kept: %v", kept)
			}
		})
	}
}

func TestKeyPairDamaged(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "sa.key"), []byte("x"), 0o600)
	_, err := phasetest.New(t, Spec(), "keypair", values{"dir": dir}.cty()).Plan(t)
	if err == nil || !strings.Contains(err.Error(), "no private key in PEM form") {
		t.Errorf("got %v", err)
	}
}
