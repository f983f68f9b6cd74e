package preflight

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-version"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	oldestEtcd   = "3.5.24" // of kubeadm 1.34 to 1.36
	etcdTry      = 5 * time.Second
	etcdEvery    = 2 * time.Second
	etcdWithin   = 20 * time.Second // as long as kubeadm tries
	largestReply = 64 << 10
)

func (c hostConfig) etcdFiles() []string {
	var out []string
	for _, path := range []string{c.EtcdCA, c.EtcdCert, c.EtcdKey} {
		if path != "" {
			out = append(out, path)
		}
	}
	return out
}

// etcdCertificates looks for the files with which one connects to an etcd elsewhere.
func (m machine) etcdCertificates(c hostConfig) verdict {
	var v verdict
	for _, path := range c.etcdFiles() {
		_, err := os.Stat(m.abs(path))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			v.errors = append(v.errors, finding{fmt.Sprintf("%s does not exist", path), "Copy it from the host of etcd, or correct etcd_ca, etcd_cert and etcd_key."})
		case err != nil:
			v.errors = append(v.errors, finding{err.Error(), ""})
		}
	}
	v.note = fmt.Sprintf("%d files are there", len(c.etcdFiles()))
	return v
}

// etcdVersion asks every endpoint of an etcd elsewhere, all at once.
func (m machine) etcdVersion(ctx context.Context, c hostConfig) verdict {
	if len(c.EtcdEndpoints) == 0 {
		return fail("etcd_endpoints is not set", "Set it, so that there is something to check.")
	}
	client, err := m.etcdClient(c)
	if err != nil {
		return unreadable(err)
	}
	defer client.CloseIdleConnections()
	answers := make([]verdict, len(c.EtcdEndpoints))
	var group sync.WaitGroup
	for i, endpoint := range c.EtcdEndpoints {
		group.Go(func() { answers[i] = etcdEndpoint(ctx, client, endpoint) })
	}
	group.Wait()
	var all verdict
	var notes []string
	for _, v := range answers {
		all.errors = append(all.errors, v.errors...)
		notes = append(notes, v.note)
	}
	all.note = strings.Join(notes, ", ")
	return all
}

func etcdEndpoint(ctx context.Context, client *http.Client, endpoint string) verdict {
	var have string
	err := resource.WaitFor(ctx, resource.Probe{Name: endpoint, Every: etcdEvery, Timeout: etcdWithin, Check: func(ctx context.Context) (err error) {
		have, err = askEtcd(ctx, client, endpoint)
		return err
	}})
	if err != nil {
		return fail(fmt.Sprintf("etcd at %s does not tell its version: %v", endpoint, err),
			"Is etcd running there, is the endpoint right, and does a firewall let this host through?")
	}
	got, err := version.NewVersion(have)
	if err != nil {
		return unreadable(fmt.Errorf("read version of etcd at %s: %w", endpoint, err))
	}
	if got.LessThan(version.Must(version.NewVersion(oldestEtcd))) {
		return fail(fmt.Sprintf("etcd at %s is %s", endpoint, have), fmt.Sprintf("Kubernetes 1.%d wants %s or newer: upgrade etcd first.", supportedMinor, oldestEtcd))
	}
	return pass("%s: %s", endpoint, have)
}

func askEtcd(ctx context.Context, client *http.Client, endpoint string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, etcdTry, fmt.Errorf("no answer within %s", etcdTry))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(endpoint, "/")+"/version", nil)
	if err != nil {
		return "", sdk.Permanent(err)
	}
	response, err := client.Do(request)
	if err != nil {
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, largestReply))
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", errors.New(response.Status)
	}
	var answer struct {
		Server string `json:"etcdserver"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", sdk.Permanent(fmt.Errorf("it is no etcd: %w", err))
	}
	return answer.Server, nil
}

func (m machine) etcdClient(c hostConfig) (*http.Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.EtcdCA != "" {
		ca, err := os.ReadFile(m.abs(c.EtcdCA))
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("read %s: it holds no certificate", c.EtcdCA)
		}
	}
	if c.EtcdCert != "" {
		pair, err := tls.LoadX509KeyPair(m.abs(c.EtcdCert), m.abs(c.EtcdKey))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}, nil
}
