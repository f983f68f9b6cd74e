//go:build lab

package tests

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

const (
	probeEvery = 100 * time.Millisecond
	// probeWithin is when a request counts as lost: half of what clients of Kubernetes
	// give a request.
	probeWithin = 5 * time.Second
	probeErrors = 5 // that are kept for the report
)

// probePaths take turns: the health of an API server, and an object that it reads
// from etcd.
func probePaths() []string {
	return []string{"/readyz", "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"}
}

// probe asks one API server again and again. Each request is on its own, with a
// connection of its own: one that hangs does not keep the next from being sent.
type probe struct {
	name   string
	client *http.Client
	server string
	cancel context.CancelFunc
	ended  chan struct{}

	mu           sync.Mutex
	sent, failed int
	slowest, gap time.Duration
	last         time.Time // when the last answer came
	errs         []string
}

// probeClient is the administrator of the cluster, as h knows it. It connects from
// the host via.
func probeClient(t *testing.T, h, via *lab.Host) *http.Client {
	t.Helper()
	field := func(path string) []byte {
		text := run(t, h, "kubectl", "config", "view", "--raw", "-o", "jsonpath={"+path+"}")
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatalf("%s of admin.conf: %v", path, err)
		}
		return data
	}
	pair, err := tls.X509KeyPair(field(".users[0].user.client-certificate-data"), field(".users[0].user.client-key-data"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(field(".clusters[0].cluster.certificate-authority-data"))
	return &http.Client{Timeout: probeWithin, Transport: &http.Transport{
		DisableKeepAlives: true, DialContext: via.Dial,
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}}
}

// startProbe asks address (host:port) until stop.
func startProbe(t *testing.T, client *http.Client, name, address string) *probe {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &probe{name: name, client: client, server: "https://" + address, cancel: cancel, ended: make(chan struct{}), last: time.Now()}
	go p.run(ctx)
	t.Cleanup(func() { p.stop() })
	return p
}

func (p *probe) run(ctx context.Context) {
	defer close(p.ended)
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	var group sync.WaitGroup
	defer group.Wait()
	paths := probePaths()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		group.Go(func() { p.ask(context.WithoutCancel(ctx), paths[n%len(paths)]) })
	}
}

// ask sends one request, which counts also if the probe stops meanwhile.
func (p *probe) ask(ctx context.Context, path string) {
	began := time.Now()
	_, err := get(ctx, p.client, p.server+path)
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	p.slowest = max(p.slowest, now.Sub(began))
	if err == nil {
		p.gap, p.last = max(p.gap, now.Sub(p.last)), now
		return
	}
	if p.failed++; len(p.errs) < probeErrors {
		p.errs = append(p.errs, fmt.Sprintf("%s %s after %s: %v", began.Format("15:04:05.000"), path, now.Sub(began).Round(time.Millisecond), err))
	}
}

// get answers the body of an answer that is OK.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}

// stop ends the probe and answers what it saw.
func (p *probe) stop() (report string, sent, failed int) {
	p.cancel()
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	report = fmt.Sprintf("%s: %d requests, %d lost, longest time without an answer %s, slowest %s", p.name, p.sent, p.failed,
		p.gap.Round(time.Millisecond), p.slowest.Round(time.Millisecond))
	if len(p.errs) > 0 {
		report += "\n\t" + strings.Join(p.errs, "\n\t")
	}
	return report, p.sent, p.failed
}

// wantNoneLost demands that every request was answered, and that there were some.
func (p *probe) wantNoneLost(t *testing.T) {
	t.Helper()
	report, sent, failed := p.stop()
	t.Log(report)
	if failed > 0 || sent == 0 {
		t.Errorf("requests were lost: %s", report)
	}
}
