package pki

import (
	"crypto/x509"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func caValues(dir string) values {
	return values{"dir": dir, "base": "etcd/ca", "common_name": "etcd-ca", "algorithm": "ECDSA-P256"}
}

func TestCAIsLikeKubeadms(t *testing.T) {
	dir := t.TempDir()
	pki := filepath.Join(dir, "pki")
	phase := phasetest.New(t, Spec(), "ca", values{"dir": pki, "base": "etcd/ca", "common_name": "etcd-ca"}.cty())
	plan := phase.Want(t, "create: absent")
	if got := plan.Outputs.GetAttr("cert").AsString(); got != filepath.Join(pki, "etcd/ca.crt") {
		t.Errorf("cert: got %q before apply", got)
	}
	if plan.Outputs.GetAttr("pin").IsKnown() {
		t.Error("pin: known before apply")
	}
	start := time.Now()
	out := phase.Apply(t)
	cert, _ := loadPair(t, out["cert"].AsString(), out["key"].AsString())
	if cert.Subject.String() != "CN=etcd-ca" || cert.Issuer.String() != "CN=etcd-ca" {
		t.Errorf("names: got %s by %s", cert.Subject, cert.Issuer)
	}
	if !slices.Equal(cert.DNSNames, []string{"etcd-ca"}) || len(cert.IPAddresses) > 0 {
		t.Errorf("alternative names: got %v, %v", cert.DNSNames, cert.IPAddresses)
	}
	if want := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign; cert.KeyUsage != want {
		t.Errorf("key usage: got %b, want %b", cert.KeyUsage, want)
	}
	if !cert.IsCA || !cert.BasicConstraintsValid || cert.MaxPathLen > 0 || cert.MaxPathLenZero || len(cert.ExtKeyUsage) > 0 {
		t.Errorf("constraints: got CA %v, path length %d, usages %v", cert.IsCA, cert.MaxPathLen, cert.ExtKeyUsage)
	}
	if s := cert.SerialNumber; s.Sign() <= 0 || !s.IsInt64() || s.Int64() == math.MaxInt64 {
		t.Errorf("serial: got %s", s)
	}
	if cert.SignatureAlgorithm != x509.SHA256WithRSA || cert.PublicKeyAlgorithm != x509.RSA {
		t.Errorf("algorithms: got %s, %s", cert.SignatureAlgorithm, cert.PublicKeyAlgorithm)
	}
	wantValidity(t, cert, start.Add(-5*time.Minute), start.Add(87600*time.Hour))
	wantModes(t, map[string]os.FileMode{
		pki: 0o755, filepath.Join(pki, "etcd"): 0o755,
		filepath.Join(pki, "etcd/ca.crt"): 0o644, filepath.Join(pki, "etcd/ca.key"): 0o600,
	})
	if got := out["pin"].AsString(); got != pin(cert) || len(got) != len("sha256:")+64 {
		t.Errorf("pin: got %q", got)
	}
	wantNoSecret(t, out["key"].AsString(), string(phase.Private))
	phase.Undo(t)
	wantNone(t, dir)
}

// TestCAExists tries every state in which an authority may be found.
func TestCAExists(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, s signer)
		want    string // of the error; empty: kept as it is
	}{
		"complete":     {func(*testing.T, signer) {}, ""},
		"without key":  {func(t *testing.T, s signer) { t.Helper(); remove(t, s.Key) }, ""},
		"without cert": {func(t *testing.T, s signer) { t.Helper(); remove(t, s.Cert) }, "there is a key, "},
		"other key":    {func(t *testing.T, s signer) { t.Helper(); put(t, s.Key, mustEncode(t, newTestKey(t)), 0o600) }, "does not belong to the certificate"},
		"broken key":   {func(t *testing.T, s signer) { t.Helper(); put(t, s.Key, []byte("no key"), 0o600) }, "no private key in PEM form"},
		"broken cert":  {func(t *testing.T, s signer) { t.Helper(); put(t, s.Cert, []byte("no cert"), 0o644) }, "no certificate in PEM form"},
		"not a CA": {func(t *testing.T, s signer) {
			t.Helper()
			replaceCA(t, s, func(c *x509.Certificate) { c.IsCA = false })
		}, "is not that of an authority"},
		"may not sign": {func(t *testing.T, s signer) {
			t.Helper()
			replaceCA(t, s, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
		}, "may not sign certificates"},
		"expired": {func(t *testing.T, s signer) {
			t.Helper()
			replaceCA(t, s, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
		}, "expired on"},
		"of the future": {func(t *testing.T, s signer) {
			t.Helper()
			replaceCA(t, s, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) })
		}, "is not valid before"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := newAuthority(t, dir)
			tt.prepare(t, s)
			before := snapshot(t, dir)
			phase := phasetest.New(t, Spec(), "ca", caValues(dir).with("base", "ca").cty())
			if tt.want == "" {
				phase.Apply(t)
				phase.Undo(t)
			} else if _, err := phase.Plan(t); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("plan: got %v, want %q", err, tt.want)
			}
			if after := snapshot(t, dir); after != before {
				t.Errorf("the files were changed:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// replaceCA writes a certificate for the same key, with one thing changed.
func replaceCA(t *testing.T, s signer, change func(*x509.Certificate)) {
	t.Helper()
	cert, key := loadPair(t, s.Cert, s.Key)
	change(cert)
	template := &x509.Certificate{
		SerialNumber: cert.SerialNumber, Subject: cert.Subject, DNSNames: cert.DNSNames,
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, KeyUsage: cert.KeyUsage, ExtKeyUsage: cert.ExtKeyUsage,
		BasicConstraintsValid: true, IsCA: cert.IsCA,
	}
	changed, err := create(template, issuer{template, key}, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	put(t, s.Cert, encodeCertificate(changed), 0o644)
}

func snapshot(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range entries {
		out.WriteString(e.Name() + "\n" + get(t, filepath.Join(dir, e.Name())))
	}
	return out.String()
}

// TestCAInterrupted is a kill between key and certificate.
func TestCAInterrupted(t *testing.T) {
	dir := t.TempDir()
	phase := phasetest.New(t, Spec(), "ca", caValues(dir).cty())
	phase.Want(t, "create: absent")
	key := newTestKey(t)
	keyFile := filepath.Join(dir, "etcd/ca.key")
	put(t, keyFile, mustEncode(t, key), 0o600)
	phase.Want(t, "create: an interrupted run made only its key")
	out := phase.Apply(t)
	if cert, _ := loadPair(t, out["cert"].AsString(), keyFile); !belongs(key, cert) {
		t.Error("the key was replaced")
	}
	remove(t, out["cert"].AsString())
	if _, err := phase.Plan(t); err == nil || !strings.Contains(err.Error(), "there is a key") {
		t.Errorf("certificate lost after success: got %v, want an error", err)
	}
	remove(t, keyFile)
	phase.Want(t, "create: absent; all that the lost one signed has to be made anew")
}

func TestCAKeyIsConcealed(t *testing.T) {
	dir := t.TempDir()
	s := newAuthority(t, dir)
	if err := os.Chmod(s.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	phase := phasetest.New(t, Spec(), "ca", caValues(dir).with("base", "ca").cty())
	phase.Want(t, "update: ca.key is open to every user: mode 0644, want 0600")
	phase.Apply(t)
	wantModes(t, map[string]os.FileMode{s.Key: 0o600})
}

func TestCAValidate(t *testing.T) {
	tests := map[string]struct {
		config values
		want   string
	}{
		"good":     {caValues("/pki"), ""},
		"no name":  {caValues("/pki").with("common_name", ""), "common_name: must not be empty"},
		"escape":   {caValues("/pki").with("base", "../ca"), `base "../ca"`},
		"absolute": {caValues("/pki").with("base", "/ca"), `base "/ca"`},
		"validity": {caValues("/pki").with("validity", -time.Hour), "validity -1h0m0s: want a positive duration"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := phasetest.New(t, Spec(), "ca", tt.config.cty()).Validate(t)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A host that joins has the authority of the others, or none.
func TestExistingIsNeverMade(t *testing.T) {
	dir := t.TempDir()
	for typ, config := range map[string]values{"ca": caValues(dir), "keypair": {"dir": dir}} {
		existing := config.cty()
		existing["existing"] = cty.True
		r := phasetest.New(t, Spec(), typ, existing).Try(t)
		if len(r.Diagnostics) == 0 || !strings.Contains(r.Diagnostics[0].Summary, "this host must not make one of its own") {
			t.Errorf("%s: got %s, %v", typ, r.Status, r.Diagnostics)
		}
		phasetest.New(t, Spec(), typ, config.cty()).Apply(t)
		phasetest.New(t, Spec(), typ, existing).Want(t)
	}
}
