package pki

import (
	"crypto"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
)

func TestExamples(t *testing.T) { kubeapitest.Examples(t, Spec()) }

// values is a config in short: strings, durations, lists of strings and objects.
type values map[string]any

func (v values) cty() map[string]cty.Value {
	out := map[string]cty.Value{}
	for name, x := range v {
		switch x := x.(type) {
		case string:
			out[name] = cty.StringVal(x)
		case time.Duration:
			out[name] = cty.StringVal(x.String())
		case []string:
			list := []cty.Value{}
			for _, s := range x {
				list = append(list, cty.StringVal(s))
			}
			out[name] = cty.TupleVal(list)
		case signer:
			out[name] = cty.ObjectVal(map[string]cty.Value{"cert": cty.StringVal(x.Cert), "key": cty.StringVal(x.Key)})
		}
	}
	return out
}

func (v values) with(name string, value any) values {
	out := values{name: value}
	for k, x := range v {
		if k != name {
			out[k] = x
		}
	}
	return out
}

// newAuthority makes an authority in dir, on its own and not through the plugin.
func newAuthority(t *testing.T, dir string) signer {
	t.Helper()
	s := signer{Cert: filepath.Join(dir, "ca.crt"), Key: filepath.Join(dir, "ca.key")}
	key := newTestKey(t)
	cert, err := selfSign("kubernetes", key, time.Now(), 87600*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s.Key, mustEncode(t, key), 0o600)
	put(t, s.Cert, encodeCertificate(cert), 0o644)
	return s
}

func newTestKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := newKey("ECDSA-P256")
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustEncode(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	data, err := encodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func put(t *testing.T, path string, data []byte, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func loadPair(t *testing.T, certFile, keyFile string) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	certs, err := loadCertificates(certFile)
	if err != nil || len(certs) != 1 {
		t.Fatalf("%s: got %d certificates, %v", certFile, len(certs), err)
	}
	key, err := loadKey(keyFile)
	if err != nil || key == nil {
		t.Fatalf("%s: got %v", keyFile, err)
	}
	if !belongs(key, certs[0]) {
		t.Errorf("%s does not belong to %s", keyFile, certFile)
	}
	return certs[0], key
}

func wantModes(t *testing.T, modes map[string]os.FileMode) {
	t.Helper()
	for path, want := range modes {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %04o, want %04o", path, got, want)
		}
	}
}

// wantNone checks that undo left nothing in dir.
func wantNone(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left", filepath.Join(dir, e.Name()))
	}
}

// wantValidity checks when a certificate begins and ends, to the minute.
func wantValidity(t *testing.T, cert *x509.Certificate, from, to time.Time) {
	t.Helper()
	if d := cert.NotBefore.Sub(from).Abs(); d > time.Minute {
		t.Errorf("not before: got %s, want %s", cert.NotBefore, from)
	}
	if d := cert.NotAfter.Sub(to).Abs(); d > time.Minute {
		t.Errorf("not after: got %s, want %s", cert.NotAfter, to)
	}
}

// wantNoSecret checks that text holds no part of a private key.
func wantNoSecret(t *testing.T, keyFile, text string) {
	t.Helper()
	for line := range strings.Lines(get(t, keyFile)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-") && strings.Contains(text, line) {
			t.Errorf("%s shows in %s", keyFile, text)
		}
	}
}
