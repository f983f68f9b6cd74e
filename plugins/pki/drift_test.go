package pki

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// edit changes something about a certificate that was made from a config, or
// about the config.
type edit func(t *testing.T, config values, s signer) values

func set(name string, value any) edit {
	return func(_ *testing.T, c values, _ signer) values { return c.with(name, value) }
}

func onFile(name string, change func(t *testing.T, path string)) edit {
	return func(t *testing.T, c values, _ signer) values {
		t.Helper()
		change(t, filepath.Join(c["dir"].(string), name))
		return c
	}
}

func onCert(change func(x *x509.Certificate)) edit {
	return func(t *testing.T, c values, s signer) values {
		t.Helper()
		resign(t, s, c, change)
		return c
	}
}

// resign makes the certificate of a config again, with one thing changed.
func resign(t *testing.T, s signer, config values, change func(*x509.Certificate)) {
	t.Helper()
	ca, caKey := loadPair(t, s.Cert, s.Key)
	path := filepath.Join(config["dir"].(string), "apiserver.crt")
	cert, key := loadPair(t, path, strings.TrimSuffix(path, ".crt")+".key")
	change(cert)
	changed, err := create(&x509.Certificate{
		SerialNumber: cert.SerialNumber, Subject: cert.Subject, DNSNames: cert.DNSNames, IPAddresses: cert.IPAddresses,
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, KeyUsage: cert.KeyUsage, ExtKeyUsage: cert.ExtKeyUsage,
		BasicConstraintsValid: true,
	}, issuer{ca, caKey}, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, encodeCertificate(changed), 0o644)
}

func TestCertDrift(t *testing.T) {
	now := time.Now()
	inAMonth := func(x *x509.Certificate) {
		x.NotBefore, x.NotAfter = now.Add(-8000*time.Hour), now.Add(700*time.Hour)
	}
	tests := map[string]struct {
		edit edit
		want string // empty: no change
	}{
		"name":           {set("common_name", "other"), `common name "kube-apiserver", want "other"`},
		"group":          {set("organizations", []string{"g"}), `organizations [], want ["g"]`},
		"more names":     {set("sans", []string{"n1", "n2", "10.96.0.1", "::1"}), "not valid for n2, ::1"},
		"less names":     {set("sans", []string{"n1"}), "valid for 10.96.0.1 too"},
		"order of names": {set("sans", []string{"10.96.0.1", "N1"}), ""},
		"more usage":     {set("usages", []string{"server", "client"}), "not valid for use as a client"},
		"less usage": {onCert(func(x *x509.Certificate) {
			x.ExtKeyUsage = append(x.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
		}), "valid for use as a client too"},
		"algorithm": {set("algorithm", "ECDSA-P384"), ""},
		"no key":    {onFile("apiserver.key", remove), "its private key "},
		"other key": {onFile("apiserver.key", func(t *testing.T, path string) {
			t.Helper()
			put(t, path, mustEncode(t, newTestKey(t)), 0o600)
		}), "does not belong to its private key"},
		"open key": {onFile("apiserver.key", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Chmod(path, 0o604); err != nil {
				t.Fatal(err)
			}
		}), "apiserver.key is open to every user: mode 0604, want 0600"},
		"garbage": {onFile("apiserver.crt", func(t *testing.T, path string) { t.Helper(); put(t, path, nil, 0o644) }), "no certificate in PEM form"},
		"other authority": {func(t *testing.T, c values, s signer) values {
			t.Helper()
			newAuthority(t, filepath.Dir(s.Cert))
			return c
		}, `not signed by the authority "kubernetes"`},
		"expired":          {onCert(func(x *x509.Certificate) { x.NotAfter = now.Add(-time.Minute) }), "expired on " + day(now.Add(-time.Minute))},
		"not yet valid":    {onCert(func(x *x509.Certificate) { x.NotBefore = now.Add(time.Hour) }), "not valid before "},
		"ends soon":        {onCert(inAMonth), "expires on " + day(now.Add(700*time.Hour))},
		"short-lived":      {onCert(func(x *x509.Certificate) { x.NotAfter = now.Add(time.Hour) }), ""},
		"short-lived, old": {onCert(func(x *x509.Certificate) { x.NotBefore, x.NotAfter = now.Add(-3*time.Hour), now.Add(time.Hour) }), "expires on "},
		"ends late enough": {func(t *testing.T, c values, s signer) values {
			t.Helper()
			return onCert(inAMonth)(t, c, s).with("renew_before", 600*time.Hour)
		}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ca := newAuthority(t, filepath.Join(dir, "ca"))
			config := certValues(dir, ca)
			phase := phasetest.New(t, Spec(), "cert", config.cty())
			phase.Apply(t)
			phase.Set(t, tt.edit(t, config, ca).cty())
			wantReason(t, phase, tt.want)
			phase.Apply(t) // and nothing is left to do
		})
	}
}

// wantReason plans and wants one change whose reason begins with want, or none.
func wantReason(t *testing.T, phase *phasetest.Phase, want string) {
	t.Helper()
	plan, err := phase.Plan(t)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case want == "" && len(plan.Changes) > 0:
		t.Errorf("got %+v, want no change", plan.Changes)
	case want != "" && (len(plan.Changes) != 1 || !strings.HasPrefix(plan.Changes[0].Reason, want)):
		t.Errorf("got %+v, want an update: %s", plan.Changes, want)
	}
}
