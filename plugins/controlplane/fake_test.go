package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

// TestMain makes the test binary a component when it is started with a
// component's flags, so that phases run a real process.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && strings.HasPrefix(os.Args[1], "--a") { // --advertise-address, --allocate-…, --authentication-…
		if err := runFake(os.Args[1:]); err != nil {
			panic(err)
		}
		return
	}
	sdktest.Main(m, Spec())
}

// runFake answers for its health until SIGTERM: an API server to clients of its
// authority, the others to everybody, under a certificate that nobody knows.
func runFake(args []string) error {
	flags := map[string]string{"secure-port": "0"}
	for _, arg := range args {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		flags[name] = value
	}
	if flags["feature-gates"] != "" {
		return fmt.Errorf("unrecognized feature gate: %s", flags["feature-gates"])
	}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", net.JoinHostPort(flags["bind-address"], flags["secure-port"]))
	if err != nil {
		return err
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case flags["tls-cert-file"] != "" && len(r.TLS.PeerCertificates) == 0:
			w.WriteHeader(http.StatusUnauthorized)
		case !slices.Contains([]string{"/livez", "/readyz", "/healthz"}, r.URL.Path):
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	server.Listener = listener
	if path := flags["tls-cert-file"]; path != "" {
		if server.TLS, err = serverTLS(path, flags["tls-private-key-file"], flags["client-ca-file"]); err != nil {
			return err
		}
	}
	server.StartTLS()
	<-stopped
	server.Close()
	return nil
}

func serverTLS(certFile, keyFile, caFile string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven}, nil
}
