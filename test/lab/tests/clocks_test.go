//go:build lab

package tests

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

// apparent is where an API server with another clock seems to be.
const apparent = lab.Gateway + ":7443"

// testClocks joins a cluster whose clock is another than that of h. All hosts of a lab
// have one clock, so an API server stands before that of the cluster that tells
// what it tells, signed by the same token, at another time and with a certificate that
// the cluster's CA made then.
func testClocks(ctx context.Context, t *testing.T, l *lab.Lab, first, h *lab.Host, worker string) {
	t.Helper()
	command := strings.Replace(worker, "endpoint="+first.IP+":6443", "endpoint="+apparent, 1)
	if command == worker {
		t.Fatalf("the endpoint is not in %s", worker)
	}
	file := run(t, first, "kubectl", "get", "configmap", "cluster-info", "--namespace=kube-public", "--output=jsonpath={.data.kubeconfig}")
	if err := h.Put(ctx, "/root/cluster.conf", 0o600, strings.NewReader(strings.Replace(file, first.IP+":6443", apparent, 1))); err != nil {
		t.Fatal(err)
	}
	byFile := strings.Replace(worker, "endpoint="+first.IP+":6443", "discovery_file=/root/cluster.conf", 1)
	for _, tt := range []struct {
		name          string
		ahead         time.Duration // the clock of the cluster
		issued, lasts time.Duration // its certificate, from the time here
		cause, todo   string
	}{
		{"behind the server", 10 * time.Minute, -time.Hour, 2 * time.Hour, "behind that of the API server", "timedatectl set-ntp true"},
		{"behind the certificate", 0, time.Hour, 2 * time.Hour, "has a certificate that cannot be trusted", "the certificate counts from"},
		{"after the certificate", 0, -2 * time.Hour, time.Hour, "has a certificate that cannot be trusted", "the certificate of the server has to be renewed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			serveAt(ctx, t, l, first, tt.ahead, time.Now().Add(tt.issued), tt.lasts)
			wantJoinError(ctx, t, h, command, tt.cause, tt.todo)
			wantJoinError(ctx, t, h, byFile, tt.cause, tt.todo)
		})
	}
	serveAt(ctx, t, l, first, 0, time.Now().Add(-time.Hour), 2*time.Hour)
	wantJoinAndLeave(ctx, t, first, h, command)
}

// serveAt answers for the API server of first until t ends, at that time.
func serveAt(ctx context.Context, t *testing.T, l *lab.Lab, first *lab.Host, ahead time.Duration, begin time.Time, lasts time.Duration) {
	t.Helper()
	info := run(t, first, "kubectl", "get", "configmap", "cluster-info", "--namespace=kube-public", "--output=json")
	listener, err := l.Listen(ctx, apparent)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		fmt.Fprint(w, info)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.TLS = &tls.Config{Certificates: []tls.Certificate{issue(ctx, t, first, begin, lasts)}}
	server.StartTLS()
	t.Cleanup(server.Close)
}

// issue has the CA of the cluster make a certificate for the gateway.
func issue(ctx context.Context, t *testing.T, first *lab.Host, begin time.Time, lasts time.Duration) tls.Certificate {
	t.Helper()
	var parts [2][]byte
	for i, name := range []string{"ca.crt", "ca.key"} {
		text, err := first.Get(ctx, "/etc/kubernetes/pki/"+name)
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = text
	}
	ca, err := tls.X509KeyPair(parts[0], parts[1])
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "kube-apiserver"},
		NotBefore: begin, NotAfter: begin.Add(lasts), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.ParseIP(lab.Gateway)},
	}, ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
