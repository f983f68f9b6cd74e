package pki

import (
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

func certValues(dir string, ca signer) values {
	return values{
		"dir": dir, "base": "apiserver", "ca": ca, "common_name": "kube-apiserver", "algorithm": "ECDSA-P256",
		"sans": []string{"n1", "10.96.0.1"}, "usages": []string{"server"},
	}
}

func TestCertIsLikeKubeadms(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, t.TempDir())
	authority, _ := loadPair(t, ca.Cert, ca.Key)
	pki := filepath.Join(dir, "pki")
	phase := phasetest.New(t, Spec(), "cert", values{
		"dir": pki, "base": "etcd/server", "ca": ca, "common_name": "n1", "organizations": []string{"o1"},
		"sans":   []string{"N1", "localhost", "10.99.0.11", "*.Example.org", "127.0.0.1", "::1", "n1", "::ffff:10.99.0.11"},
		"usages": []string{"client", "server"},
	}.cty())
	phase.Want(t, "create: absent")
	start := time.Now()
	out := phase.Apply(t)
	cert, _ := loadPair(t, out["cert"].AsString(), out["key"].AsString())
	if cert.Subject.String() != "CN=n1,O=o1" || cert.Issuer.String() != "CN=kubernetes" {
		t.Errorf("names: got %s by %s", cert.Subject, cert.Issuer)
	}
	if !slices.Equal(cert.DNSNames, []string{"*.example.org", "localhost", "n1"}) {
		t.Errorf("DNS names: got %v", cert.DNSNames)
	}
	ips := []net.IP{net.IPv4(10, 99, 0, 11), net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if !slices.EqualFunc(cert.IPAddresses, ips, net.IP.Equal) {
		t.Errorf("addresses: got %v, want %v", cert.IPAddresses, ips)
	}
	wantLeafExtensions(t, cert, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
	if cert.PublicKeyAlgorithm != x509.RSA || cert.SerialNumber.Sign() <= 0 || !cert.SerialNumber.IsInt64() {
		t.Errorf("got %s key, serial %s", cert.PublicKeyAlgorithm, cert.SerialNumber)
	}
	if err := cert.CheckSignatureFrom(authority); err != nil {
		t.Error(err)
	}
	wantValidity(t, cert, start.Add(-5*time.Minute), start.Add(8760*time.Hour))
	if got := out["not_after"].AsString(); got != cert.NotAfter.Format("2006-01-02T15:04:05Z") {
		t.Errorf("not_after: got %q, want %s", got, cert.NotAfter)
	}
	wantModes(t, map[string]os.FileMode{
		filepath.Join(pki, "etcd"): 0o755, out["cert"].AsString(): 0o644, out["key"].AsString(): 0o600,
	})
	wantNoSecret(t, out["key"].AsString(), string(phase.Private))
	phase.Undo(t)
	wantNone(t, dir)
}

func wantLeafExtensions(t *testing.T, cert *x509.Certificate, usages ...x509.ExtKeyUsage) {
	t.Helper()
	if want := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment; cert.KeyUsage != want {
		t.Errorf("key usage: got %b, want %b", cert.KeyUsage, want)
	}
	if !slices.Equal(cert.ExtKeyUsage, usages) {
		t.Errorf("extended key usage: got %v, want %v", cert.ExtKeyUsage, usages)
	}
	if cert.IsCA || !cert.BasicConstraintsValid {
		t.Errorf("constraints: got CA %v, valid %v", cert.IsCA, cert.BasicConstraintsValid)
	}
}

// TestCertBeforeItsCA plans before the authority exists, as on the first run.
func TestCertBeforeItsCA(t *testing.T) {
	dir := t.TempDir()
	later := filepath.Join(dir, "ca")
	config := certValues(dir, signer{Cert: filepath.Join(later, "ca.crt"), Key: filepath.Join(later, "ca.key")})
	phase := phasetest.New(t, Spec(), "cert", config.cty())
	phase.Want(t, "create: absent")
	result := phase.Try(t)
	if result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics.Error(), "it does not exist") {
		t.Errorf("apply without an authority: got %+v", result.Diagnostics)
	}
	newAuthority(t, later)
	phase.Apply(t)
	remove(t, filepath.Join(later, "ca.crt"))
	phase.Want(t, "update: not signed by the authority that is to be made")
	newAuthority(t, later)
	phase.Apply(t)
}

// TestCertInterrupted is a kill between key and certificate: the key is kept.
func TestCertInterrupted(t *testing.T) {
	dir := t.TempDir()
	phase := phasetest.New(t, Spec(), "cert", certValues(dir, newAuthority(t, filepath.Join(dir, "ca"))).cty())
	key := newTestKey(t)
	put(t, filepath.Join(dir, "apiserver.key"), mustEncode(t, key), 0o600)
	phase.Want(t, "create: absent, its key is there")
	out := phase.Apply(t)
	if cert, _ := loadPair(t, out["cert"].AsString(), out["key"].AsString()); !belongs(key, cert) {
		t.Error("the key was replaced")
	}
}

// TestCertWithIntermediate accepts a chain in the certificate's file.
func TestCertWithIntermediate(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	root, rootKey := loadPair(t, ca.Cert, ca.Key)
	middleKey, leafKey := newTestKey(t), newTestKey(t)
	template := &x509.Certificate{
		SerialNumber: root.SerialNumber, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	template.Subject.CommonName = "intermediate"
	middle, err := create(template, issuer{root, rootKey}, middleKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	id, err := newIdentity("kube-apiserver", nil, []string{"n1", "10.96.0.1"}, []string{"server"})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := issuer{middle, middleKey}.sign(id, leafKey.Public(), time.Now(), time.Now().Add(8760*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "apiserver.key"), mustEncode(t, leafKey), 0o600)
	put(t, filepath.Join(dir, "apiserver.crt"), append(encodeCertificate(cert), encodeCertificate(middle)...), 0o644)
	remove(t, ca.Key)
	phasetest.New(t, Spec(), "cert", certValues(dir, ca).cty()).Want(t)
}

func TestCertValidate(t *testing.T) {
	good := certValues("/pki", signer{"/pki/ca.crt", "/pki/ca.key"})
	tests := map[string]struct {
		config values
		want   string
	}{
		"good":         {good, ""},
		"no usage":     {good.with("usages", []string{}), `want "server", "client" or both`},
		"other usage":  {good.with("usages", []string{"signer"}), `"signer" is neither`},
		"bad SAN":      {good.with("sans", []string{"n_1"}), `"n_1" is neither an IP address nor a DNS name`},
		"zone":         {good.with("sans", []string{"fe80::1%eth0"}), "is neither an IP address"},
		"two wildcard": {good.with("sans", []string{"*.*.org"}), "is neither an IP address"},
		"no name":      {good.with("common_name", ""), "common_name: must not be empty"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := phasetest.New(t, Spec(), "cert", tt.config.cty()).Validate(t)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
