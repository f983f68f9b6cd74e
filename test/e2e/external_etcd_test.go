//go:build e2e

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExternalEtcd replaces the built-in etcd plugin by that of the example,
// which uses an etcd that runs already, in the unchanged pipeline. It takes the
// default port of the API server away, too: the pipeline must find another.
func TestExternalEtcd(t *testing.T) {
	c := newCLI(t)
	plugins := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", plugins+"/", "./cmd/...")
	build.Dir = filepath.Join(c.root, "examples/external-etcd")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the example: %v\n%s", err, out)
	}
	etcd := startEtcd(t, c)
	settings, err := json.Marshal(map[string]any{
		"endpoints": []string{etcd.url}, "ca_file": etcd.file("ca.crt"),
		"cert_file": etcd.file("client.crt"), "key_file": etcd.file("client.key"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(plugins, "external-etcd.json"), settings, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:6443")
	if err == nil {
		defer func() { _ = taken.Close() }()
	}
	c.env = []string{"CLUSTERFLOW_PLUGIN_PATH=" + plugins}
	t.Cleanup(func() { c.clusterflow("undo", "--auto-approve") })
	first := c.must("apply", "--auto-approve")
	if strings.Contains(first.stdout, "kubeadm join 127.0.0.1:6443 ") {
		t.Errorf("the API server has a port that was taken:\n%s", first.stdout)
	}
	if got := c.kubectl("get", "--raw", "/readyz/etcd"); got != "ok" {
		t.Errorf("/readyz/etcd: got %q, want ok", got)
	}
	if running := c.processes(); running["etcd"] != 0 || running["kube-apiserver"] == 0 {
		t.Errorf("processes: %v; want an API server and no etcd", running)
	}
	if second := c.must("apply", "--auto-approve"); !strings.Contains(second.stderr, "0 to change") {
		t.Errorf("second apply does not say that nothing changes:\n%s", second.stderr)
	}
	c.must("undo", "--auto-approve")
	if err := etcd.healthy(t); err != nil {
		t.Errorf("undo hurt the external etcd: %v", err)
	}
}

// externalEtcd is an etcd that somebody else runs.
type externalEtcd struct{ dir, url string }

func (e externalEtcd) file(name string) string { return filepath.Join(e.dir, name) }

func startEtcd(t *testing.T, c *cli) externalEtcd {
	t.Helper()
	e := externalEtcd{dir: t.TempDir(), url: "https://127.0.0.1:" + freePort(t)}
	e.certificates(t)
	peer := "http://127.0.0.1:" + freePort(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.root, "bin/kube/etcd"),
		"--data-dir", e.file("data"), "--listen-client-urls", e.url, "--advertise-client-urls", e.url,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer,
		"--cert-file", e.file("server.crt"), "--key-file", e.file("server.key"),
		"--trusted-ca-file", e.file("ca.crt"), "--client-cert-auth")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended it
	waitUntil(t, "the external etcd is healthy", func() bool { return e.healthy(t) == nil })
	return e
}

func (e externalEtcd) healthy(t *testing.T) error {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(e.file("client.crt"), e.file("client.key"))
	if err != nil {
		return err
	}
	ca, err := os.ReadFile(e.file("ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots}, DisableKeepAlives: true,
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+"/health", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("health: %s", resp.Status)
	}
	return nil
}

// certificates makes a CA of its own with a server and a client certificate.
func (e externalEtcd) certificates(t *testing.T) {
	t.Helper()
	var parent *x509.Certificate
	var parentKey *ecdsa.PrivateKey
	for i, name := range []string{"ca", "server", "client"} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
			BasicConstraintsValid: true, IsCA: i == 0, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		if i == 0 {
			parent, parentKey = cert, key
		}
		der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
		if err != nil {
			t.Fatal(err)
		}
		keyDER, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		e.write(t, name+".crt", "CERTIFICATE", der)
		e.write(t, name+".key", "EC PRIVATE KEY", keyDER)
	}
}

func (e externalEtcd) write(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(e.file(name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
