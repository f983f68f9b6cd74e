package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	readyTimeout = 4 * time.Minute // kubeadm's wait for a component
	// stopTimeout is how long a component may take to end. The API server closes its
	// port at once, then waits for its clients to end their watches, which they do
	// not: what it has not finished within 5 s it will not finish.
	stopTimeout = 5 * time.Second
)

// readiness asks one component for its health.
type readiness struct {
	url     string
	certDir string // of kube-apiserver; empty for the others
}

// readiness is the question that kubeadm asks too, but of the API server it asks
// more: a live one refuses clients until it has made its default roles, and a
// component that is refused waits seconds before it asks again.
func (c processConfig) readiness() readiness {
	base := "https://" + c.hostPort()
	switch c.Component {
	case apiServerName:
		return readiness{url: base + "/readyz", certDir: c.CertDir}
	case managerName:
		return readiness{url: base + "/healthz"}
	default:
		return readiness{url: base + "/livez"}
	}
}

// check returns nil once the component is healthy. A certificate that cannot be
// right is a permanent error, since waiting does not mend it.
func (r readiness) check(ctx context.Context) error {
	if r.certDir == "" {
		// These serve a certificate of their own making.
		return component.Health{URL: r.url, TLS: &tls.Config{InsecureSkipVerify: true}}.Check(ctx)
	}
	config, accept, err := r.tls()
	if err != nil {
		return sdk.Permanent(err)
	}
	err = component.Health{URL: r.url, TLS: config, Accept: accept}.Check(ctx)
	var unknown x509.UnknownAuthorityError
	var hostname x509.HostnameError
	switch {
	case errors.As(err, &unknown):
		return sdk.Permanent(sdk.Hint(err, fmt.Sprintf("Another program may listen at %s. Or its certificate was not signed by %s.", r.url, r.file("ca.crt"))))
	case errors.As(err, &hostname):
		return sdk.Permanent(sdk.Hint(err, "Add the address to the sans of the API server's certificate."))
	}
	return err
}

// tls trusts the cluster's authority and shows the client certificate that the API
// server uses for kubelets, if it is there. Without it, a refusal shows as well
// that the server is up.
func (r readiness) tls() (config *tls.Config, accept []int, err error) {
	ca, err := os.ReadFile(r.file("ca.crt"))
	if err != nil {
		return nil, nil, err
	}
	config = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !config.RootCAs.AppendCertsFromPEM(ca) {
		return nil, nil, fmt.Errorf("read %s: no certificate in PEM form", r.file("ca.crt"))
	}
	pair, err := tls.LoadX509KeyPair(r.file("apiserver-kubelet-client.crt"), r.file("apiserver-kubelet-client.key"))
	if errors.Is(err, os.ErrNotExist) {
		return config, []int{http.StatusUnauthorized, http.StatusForbidden}, nil
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil, err
}

func (r readiness) file(name string) string { return filepath.Join(r.certDir, name) }
