package etcd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// fake is an etcd as far as its health endpoints go.
type fake struct {
	*httptest.Server
	health, version atomic.Value // strings
	settings        Settings
}

// newFake starts an etcd that wants a client certificate, and writes the files of
// its settings.
func newFake(t *testing.T, version string) *fake {
	t.Helper()
	f := &fake{}
	f.health.Store(`{"health":"true"}`)
	f.version.Store(version)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		body, _ := f.health.Load().(string)
		if !strings.Contains(body, "true") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, body)
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"etcdserver":%q,"etcdcluster":"3.6.0"}`, f.version.Load())
	})
	dir := t.TempDir()
	client := clientCertificate(t, dir)
	f.Server = httptest.NewUnstartedServer(mux)
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // of refused handshakes
	f.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	f.TLS.ClientCAs.AddCert(client)
	f.StartTLS()
	t.Cleanup(f.Close)
	writePEM(t, filepath.Join(dir, "ca.crt"), "CERTIFICATE", f.Certificate().Raw)
	f.settings = Settings{
		Endpoints: []string{f.URL}, CAFile: filepath.Join(dir, "ca.crt"),
		CertFile: filepath.Join(dir, "client.crt"), KeyFile: filepath.Join(dir, "client.key"),
	}
	return f
}

func clientCertificate(t *testing.T, dir string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyRaw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(dir, "client.crt"), "CERTIFICATE", raw)
	writePEM(t, filepath.Join(dir, "client.key"), "PRIVATE KEY", keyRaw)
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func writePEM(t *testing.T, path, kind string, raw []byte) {
	t.Helper()
	write(t, path, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// plugin is this plugin with settings of a test.
func plugin(t *testing.T, s Settings) sdk.Client {
	t.Helper()
	spec := Spec()
	spec.Types = []sdk.Type{processType(func() (Settings, error) { return s, nil })}
	if err := sdk.ValidateSpec(spec); err != nil {
		t.Fatal(err)
	}
	return sdk.Direct(spec)
}

// builtin is what a pipeline says to the built-in etcd.process.
func builtin(t *testing.T) cty.Value {
	t.Helper()
	return sdk.Encode(config{
		Binary: "/usr/bin/etcd", Name: "n1", Address: "127.0.0.1", ClientPort: 2379, PeerPort: 2380, MetricsPort: 2381,
		DataDir: "/var/lib/etcd", LogFile: "/var/log/etcd.log", ExtraArgs: []option{{"quota-backend-bytes", "1"}},
	})
}

func TestProcess(t *testing.T) {
	newer, older := newFake(t, "3.6.10"), newFake(t, "3.6.9")
	s := newer.settings // both have the test server's certificate
	cert, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	older.TLS.ClientCAs.AddCert(leaf)
	s.Endpoints = []string{newer.URL, older.URL}

	plan, err := plugin(t, s).Plan(t.Context(), sdk.PlanRequest{Type: "process", Config: builtin(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Changes) > 0 {
		t.Errorf("a healthy etcd needs no change: got %+v", plan.Changes)
	}
	out, err := sdk.Decode[outputs](plan.Outputs)
	if err != nil {
		t.Fatal(err)
	}
	if out.Version != "3.6.9" || out.Client.CAFile != s.CAFile || strings.Join(out.Client.Endpoints, " ") != newer.URL+" "+older.URL {
		t.Errorf("got %+v", out)
	}
}

func TestProcessWaitsForHealth(t *testing.T) {
	f := newFake(t, "3.6.8")
	f.health.Store(`{"health":"false","reason":"ETCD NO LEADER"}`)
	client := plugin(t, f.settings)
	plan, err := client.Plan(t.Context(), sdk.PlanRequest{Type: "process", Config: builtin(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Changes) != 1 || !strings.Contains(plan.Changes[0].Reason, "ETCD NO LEADER") {
		t.Fatalf("plan: got %+v, want the reason", plan.Changes)
	}
	if v := plan.Outputs.GetAttr("version"); v.IsKnown() {
		t.Errorf("version: got %#v, want it unknown", v)
	}
	result, err := client.Apply(t.Context(), sdk.ApplyRequest{Type: "process", Config: builtin(t), Private: plan.Private}, func(e sdk.Event) {
		if p, ok := e.(sdk.Progress); ok && strings.Contains(p.Label, "ETCD NO LEADER") {
			f.health.Store(`{"health":"true"}`)
		}
	})
	if err != nil || result.Status != sdk.StatusOK {
		t.Fatalf("apply: got %+v, %v", result, err)
	}
	undone, err := client.Undo(t.Context(), sdk.UndoRequest{Type: "process", Private: result.Private}, nil)
	if err != nil || undone.Status != sdk.StatusOK {
		t.Errorf("undo: got %+v, %v", undone, err)
	}
}

func TestHealthErrors(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, f *fake)
		want   string
	}{
		"no ca":       {func(_ *testing.T, f *fake) { f.settings.CAFile = "/no/such/ca" }, "read ca_file: open /no/such/ca: no such file or directory"},
		"empty ca":    {func(t *testing.T, f *fake) { t.Helper(); write(t, f.settings.CAFile, "") }, "it holds no certificate"},
		"no key":      {func(_ *testing.T, f *fake) { f.settings.KeyFile = "/no/such/key" }, "read cert_file and key_file: open /no/such/key: no such file or directory"},
		"other ca":    {func(_ *testing.T, f *fake) { f.settings.CAFile = f.settings.CertFile }, "certificate signed by unknown authority"},
		"other cert":  {func(t *testing.T, f *fake) { t.Helper(); clientCertificate(t, filepath.Dir(f.settings.CertFile)) }, "remote error: tls"},
		"down":        {func(_ *testing.T, f *fake) { f.Close() }, "connection refused"},
		"no etcd":     {func(_ *testing.T, f *fake) { f.Config.Handler = http.NotFoundHandler() }, "answered 404 Not Found"},
		"not healthy": {func(_ *testing.T, f *fake) { f.health.Store(`{"health":"false","reason":"alarm"}`) }, `it says that its health is "false", because of "alarm"`},
		"no JSON":     {func(_ *testing.T, f *fake) { f.health.Store("true") }, "read the answer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, "3.6.8")
			tt.change(t, f)
			if err := f.settings.healthy(t.Context(), f.URL); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
	f := newFake(t, "")
	if _, err := f.settings.version(t.Context(), f.URL); err == nil || !strings.Contains(err.Error(), "is that an etcd?") {
		t.Errorf("no version: got %v", err)
	}
}

func TestOlder(t *testing.T) {
	tests := map[[2]string]bool{
		{"3.6.9", "3.6.10"}: true, {"3.6.10", "3.6.9"}: false, {"3.6.0", "3.6.0"}: false,
		{"3.5.24", "3.6.0"}: true, {"3.6.0-rc.1", "3.6.1"}: true,
	}
	for pair, want := range tests {
		if got := older(pair[0], pair[1]); got != want {
			t.Errorf("older(%q, %q): got %v", pair[0], pair[1], got)
		}
	}
}
