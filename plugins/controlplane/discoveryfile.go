package controlplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/sdk"
)

// byFile believes a kubeconfig, and sees that its server answers under its CA.
func (c discoveryConfig) byFile(ctx context.Context) (found, error) {
	text, err := c.readFile(ctx)
	if err != nil {
		return found{}, err
	}
	file, err := readDiscovery(text)
	if err != nil {
		return found{}, sdk.Permanent(fmt.Errorf("read %s: %w", c.File, err))
	}
	if c.Token != "" {
		file.Token = c.Token
	}
	if !bootstraptoken.Valid(file.Token) {
		return found{}, sdk.Permanent(sdk.Hint(fmt.Errorf("%s has no bootstrap token", c.File),
			"Set token as well. The kubelet asks for its certificate with it; other credentials of the file are not used."))
	}
	server, err := url.Parse(file.Server)
	if err != nil || server.Scheme != "https" || server.Host == "" {
		return found{}, sdk.Permanent(fmt.Errorf("read %s: server %q is not a URL such as https://192.0.2.10:6443", c.File, file.Server))
	}
	ca, err := c.authority(file)
	if err != nil {
		return found{}, sdk.Permanent(fmt.Errorf("read %s: %w", c.File, err))
	}
	if err := c.checkPins(ca); err != nil {
		return found{}, err
	}
	status, _, clock, err := c.knock(ctx, server.Host, ca)
	if err != nil {
		return found{}, err
	}
	if status >= http.StatusInternalServerError {
		return found{}, fmt.Errorf("%s answers with status %d", server.Host, status)
	}
	return found{server: file.Server, ca: ca, token: file.Token}, checkClock(time.Now(), clock)
}

// knock asks for anything: who has a certificate of the CA is the server.
func (c discoveryConfig) knock(ctx context.Context, host string, ca []byte) (status int, body []byte, clock time.Time, err error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: poolOf(ca)}
	status, body, clock, err = get(ctx, "https://"+host+clusterInfoPath, config)
	if err != nil {
		err = explainAsk(ctx, host, err)
	}
	return status, body, clock, err
}

// authority is the CA in the file, or beside it.
func (c discoveryConfig) authority(file kubeconfig.Config) ([]byte, error) {
	switch {
	case len(file.CA) > 0:
		return file.CA, nil
	case file.CAFile == "":
		return nil, sdk.Hint(errors.New("it does not tell the CA of the cluster"), "Put it in as certificate-authority-data.")
	case strings.Contains(c.File, "://"):
		return nil, fmt.Errorf("the CA is in another file, %s: put it in as certificate-authority-data", file.CAFile)
	}
	return os.ReadFile(hostpath.Abs(filepath.Dir(c.File), file.CAFile))
}

// readFile reads the path, or asks the URL as the host's own CAs allow.
func (c discoveryConfig) readFile(ctx context.Context) ([]byte, error) {
	if !strings.Contains(c.File, "://") {
		text, err := os.ReadFile(c.File)
		if errors.Is(err, fs.ErrNotExist) {
			err = sdk.Permanent(sdk.Hint(err, "Give the path of a kubeconfig with the cluster's server and CA: kubectl get configmap cluster-info -n kube-public -o jsonpath={.data.kubeconfig}"))
		}
		return text, err
	}
	status, body, _, err := get(ctx, c.File, &tls.Config{MinVersion: tls.VersionTLS12})
	switch {
	case err != nil:
		return nil, explainFetch(c.File, err)
	case status != http.StatusOK:
		return nil, fmt.Errorf("read %s: status %d", c.File, status)
	}
	return body, nil
}

// readDiscovery reads a kubeconfig, or one with nothing but a cluster.
func readDiscovery(text []byte) (kubeconfig.Config, error) {
	file, err := kubeconfig.Parse(text)
	if err == nil {
		return file, nil
	}
	var bare clientcmdv1.Config
	if yaml.Unmarshal(text, &bare) != nil || bare.CurrentContext != "" || len(bare.Clusters) != 1 {
		return kubeconfig.Config{}, err
	}
	cluster := bare.Clusters[0].Cluster
	return kubeconfig.Config{Server: cluster.Server, CA: cluster.CertificateAuthorityData, CAFile: cluster.CertificateAuthority}, nil
}

// joined tells the cluster that this host is a node of: the kubelet has a
// certificate that has not ended. A cluster without one of the pins is another.
func (c discoveryConfig) joined(now time.Time) (found, bool) {
	text, err := os.ReadFile(c.Kubeconfig)
	if err != nil {
		return found{}, false
	}
	file, err := kubeconfig.Parse(text)
	if err != nil || file.ClientCertFile == "" {
		return found{}, false
	}
	ca := file.CA
	if len(ca) == 0 {
		if ca, err = os.ReadFile(file.CAFile); err != nil {
			return found{}, false
		}
	}
	pair, err := tls.LoadX509KeyPair(file.ClientCertFile, file.ClientKeyFile)
	if err != nil || now.After(pair.Leaf.NotAfter) || c.checkPins(ca) != nil {
		return found{}, false
	}
	return found{server: file.Server, ca: ca, token: c.Token, kubeconfig: c.Kubeconfig}, true
}
