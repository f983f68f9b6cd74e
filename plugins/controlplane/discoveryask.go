package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	tokenapi "k8s.io/cluster-bootstrap/token/api"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	clusterInfoPath = "/api/v1/namespaces/" + publicNamespace + "/configmaps/" + tokenapi.ConfigMapClusterInfo
	maxClusterInfo  = 1 << 20 // what etcd stores of one object at most
	askTimeout      = 10 * time.Second
	// maxBehind is how far this host's clock may be behind: 5 min, by which the
	// controller manager dates back the certificates that it signs.
	maxBehind = 5 * time.Minute
)

// clusterInfoText is the ConfigMap cluster-info.
type clusterInfoText struct {
	kubeconfig string
	signatures map[string]string // by key
	clock      time.Time         // of the server; zero if it did not tell
}

// askClusterInfo reads cluster-info without credentials. With ca the server must
// have a certificate of it, without it is not verified: what it says then proves
// nothing.
func askClusterInfo(ctx context.Context, endpoint string, ca []byte) (clusterInfoText, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: ca == nil, RootCAs: poolOf(ca)}
	status, body, clock, err := get(ctx, "https://"+endpoint+clusterInfoPath, config)
	switch {
	case err != nil:
		return clusterInfoText{}, explainAsk(ctx, endpoint, err)
	case status == http.StatusNotFound:
		return clusterInfoText{}, sdk.Hint(fmt.Errorf("%s has no cluster-info", endpoint),
			"Is it an API server? Its cluster must publish cluster-info: apply controlplane.cluster_info, or kubeadm init phase bootstrap-token.")
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return clusterInfoText{}, sdk.Permanent(sdk.Hint(fmt.Errorf("%s lets nobody read cluster-info without credentials (status %d)", endpoint, status),
			"The Role kubeadm:bootstrap-signer-clusterinfo in kube-public allows it, unless the API server runs with --anonymous-auth=false. Else join with a discovery file."))
	case status != http.StatusOK:
		return clusterInfoText{}, fmt.Errorf("%s answers with status %d", endpoint, status)
	}
	var info corev1.ConfigMap
	if err := json.Unmarshal(body, &info); err != nil {
		return clusterInfoText{}, sdk.Hint(fmt.Errorf("what %s answers is no cluster-info", endpoint), "Is it an API server?")
	}
	text := clusterInfoText{kubeconfig: info.Data[tokenapi.KubeConfigKey], signatures: map[string]string{}, clock: clock}
	for key, value := range info.Data {
		if strings.HasPrefix(key, tokenapi.JWSSignatureKeyPrefix) {
			text.signatures[key] = value
		}
	}
	return text, nil
}

// poolOf makes the certificates of a PEM text the ones to believe.
func poolOf(ca []byte) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return pool
}

// get fetches a URL, whatever the status is.
func get(ctx context.Context, from string, config *tls.Config) (status int, body []byte, clock time.Time, err error) {
	transport := &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: askTimeout}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return 0, nil, clock, err
	}
	resp, err := client.Do(req)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return 0, nil, clock, err
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxClusterInfo))
	if closeErr := resp.Body.Close(); err == nil {
		err = closeErr
	}
	clock, _ = http.ParseTime(resp.Header.Get("Date"))
	return resp.StatusCode, body, clock, err
}

// checkClock refuses a clock so far behind that new certificates seem to be of the
// future.
func checkClock(here, server time.Time) error {
	if behind := server.Sub(here).Round(time.Second); !server.IsZero() && behind > maxBehind {
		return sdk.Permanent(sdk.Hint(fmt.Errorf("the clock of this host is %s behind that of the API server", behind),
			"The certificates that the cluster signs would not be valid yet. Set it, and let it be kept right: timedatectl set-ntp true."))
	}
	return nil
}
