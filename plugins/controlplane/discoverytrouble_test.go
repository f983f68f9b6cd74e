package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// validFrom makes a certificate for this host that is its own CA, valid for an hour.
func validFrom(t *testing.T, begin time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kube-apiserver"}, NotBefore: begin, NotAfter: begin.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serveInfo is an API server whose clock is ahead by that much, with cluster-info that
// is signed. The kubeconfig says where it is.
func serveInfo(t *testing.T, cert tls.Certificate, ahead time.Duration) (endpoint, kubeconfig string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	kubeconfig = fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters:\n- name: \"\"\n  cluster:\n    server: https://%s\n    certificate-authority-data: %s\n",
		server.Listener.Addr(), base64.StdEncoding.EncodeToString(pemOf(&x509.Certificate{Raw: cert.Certificate[0]})))
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		fmt.Fprintf(w, `{"data": {"kubeconfig": %q, "jws-kubeconfig-abcdef": %q}}`, kubeconfig, detached(kubeconfig, testToken16))
	})
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), kubeconfig
}

// TestDiscoveryClock has a clock here that is not that of the cluster.
func TestDiscoveryClock(t *testing.T) {
	t.Parallel()
	const future, past = "the certificate counts from", "the certificate of the server has to be renewed"
	tests := map[string]struct {
		begin      time.Duration // of the certificate, from now
		ahead      time.Duration // of the server's clock
		want, hint string
	}{
		"as here":                 {-time.Minute, 0, "", ""},
		"a little ahead":          {-time.Minute, maxBehind - time.Minute, "", ""},
		"ahead":                   {-time.Minute, 10 * time.Minute, "behind that of the API server", "timedatectl set-ntp true"},
		"certificate of tomorrow": {24 * time.Hour, 0, "has a certificate that cannot be trusted", future},
		"expired certificate":     {-24 * time.Hour, 0, "has a certificate that cannot be trusted", past},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, kubeconfig := serveInfo(t, validFrom(t, time.Now().Add(tt.begin)), tt.ahead)
			path := filepath.Join(t.TempDir(), "cluster.conf")
			if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := discoveryConfig{Endpoint: endpoint, Token: joinToken, SkipVerification: true}.byToken(t.Context())
			wantTrouble(t, "by token", err, tt.want, tt.hint)
			_, err = discoveryConfig{File: path, Token: joinToken}.byFile(t.Context())
			wantTrouble(t, "by file", err, tt.want, tt.hint)
			if tt.begin < 0 && tt.hint != past {
				return
			}
			_, err = discoveryConfig{File: "https://" + endpoint, Token: joinToken}.byFile(t.Context())
			wantTrouble(t, "by URL", err, "read https://"+endpoint, tt.hint)
		})
	}
}

// wantTrouble demands an error that no other try mends; none where want is empty.
func wantTrouble(t *testing.T, name string, err error, want, hint string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	if err == nil || !isPermanent(err) || !strings.Contains(err.Error(), want) || !strings.Contains(sdk.Diagnose(err)[0].Detail, hint) {
		t.Errorf("%s: got %v\n%+v\nwant %q, %q", name, err, sdk.Diagnose(err), want, hint)
	}
}

// TestDiscoverySilence tells apart the ways in which nobody answers.
func TestDiscoverySilence(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // whose connections nobody takes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for name, tt := range map[string]struct{ endpoint, hint string }{
		"refused": {"127.0.0.1:1", "nothing listens on the port"},
		"silent":  {silent.Addr().String(), "Nothing comes back, not even a refusal"},
		"plain":   {strings.TrimPrefix(plain.URL, "http://"), "does not speak TLS"},
		"no name": {"nobody.invalid:6443", "getent hosts nobody.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &discovery{config: discoveryConfig{Endpoint: tt.endpoint, Token: joinToken, SkipVerification: true, Within: 500 * time.Millisecond}}
			err := d.Render(t.Context())
			if err == nil || !strings.Contains(err.Error(), "no API server answers at "+tt.endpoint) || !strings.Contains(sdk.Diagnose(err)[0].Detail, tt.hint) {
				t.Errorf("got %v\n%+v\nwant %q", err, sdk.Diagnose(err), tt.hint)
			}
		})
	}
}
