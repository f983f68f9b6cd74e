package preflight

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// etcdServer answers like an etcd that wants client certificates.
func etcdServer(t *testing.T, m *machine, answer func(http.ResponseWriter)) hostConfig {
	t.Helper()
	ca := phasetest.NewAuthority(t, m.work("ca"))
	ca.Write(t, m.work("server"))
	ca.Write(t, m.work("client"))
	pair, err := tls.LoadX509KeyPair(m.work("server.crt"), m.work("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(m.work("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		equal(t, "path", r.URL.Path, "/version")
		answer(w)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	return hostConfig{Role: roleInit, EtcdEndpoints: []string{server.URL}, EtcdCA: "ca.crt", EtcdCert: "client.crt", EtcdKey: "client.key"}
}

func TestEtcdVersion(t *testing.T) {
	says := func(body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { _, _ = w.Write([]byte(body)) }
	}
	tests := map[string]struct {
		answer func(http.ResponseWriter)
		want   string
	}{
		"new":      {says(`{"etcdserver":"3.6.8","etcdcluster":"3.6.0"}`), "ok: URL: 3.6.8"},
		"oldest":   {says(`{"etcdserver":"3.5.24"}`), "ok: URL: 3.5.24"},
		"old":      {says(`{"etcdserver":"3.5.23"}`), "error: etcd at URL is 3.5.23"},
		"not etcd": {says(`hello`), "error: etcd at URL does not tell its version: it is no etcd: invalid character 'h' looking for beginning of value"},
		"strange":  {says(`{}`), "error: read version of etcd at URL: malformed version: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := good(t)
			c := etcdServer(t, m, tt.answer)
			got := m.say(m.ask(t, c, "ExternalEtcdVersion"))
			equal(t, "verdict", strings.ReplaceAll(got, c.EtcdEndpoints[0], "URL"), tt.want)
		})
	}
}

// TestEtcdVersionRetries has an etcd that is late by one answer.
func TestEtcdVersionRetries(t *testing.T) {
	m, asked := good(t), 0
	c := etcdServer(t, m, func(w http.ResponseWriter) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{"etcdserver":"3.6.8"}`))
	})
	if got := m.say(m.ask(t, c, "ExternalEtcdVersion")); !strings.HasPrefix(got, "ok: ") || asked != 2 {
		t.Errorf("got %s after %d answers", got, asked)
	}
}

func TestEtcdFiles(t *testing.T) {
	m := good(t)
	c := hostConfig{Role: roleInit, EtcdEndpoints: []string{"https://e:2379"}, EtcdCA: "ca.crt", EtcdCert: "c.crt", EtcdKey: "c.key"}
	write(t, m.work("ca.crt"), "x", 0o600)
	equal(t, "files", m.say(m.ask(t, c, "ExternalEtcdClientCertificates")), "error: c.crt does not exist; error: c.key does not exist")
	equal(t, "authority", m.say(m.ask(t, c, "ExternalEtcdVersion")), "error: read ca.crt: it holds no certificate")
	c.EtcdEndpoints = nil
	equal(t, "none", m.say(m.ask(t, c, "ExternalEtcdVersion")), "error: etcd_endpoints is not set")
	write(t, m.work("c.crt"), "x", 0o600)
	write(t, m.work("c.key"), "x", 0o600)
	equal(t, "all there", m.say(m.ask(t, c, "ExternalEtcdClientCertificates")), "ok: 3 files are there")
}
