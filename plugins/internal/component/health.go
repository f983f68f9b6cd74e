package component

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	healthTimeout = 2 * time.Second
	healthBody    = 512 // bytes of an answer that are shown
)

// Health asks one health endpoint.
type Health struct {
	URL string
	TLS *tls.Config
	// Accept lists statuses that prove health besides 200.
	Accept []int
}

// Check returns nil if the endpoint says that the component is healthy, else what
// it said. It takes at most 2 s.
func (h Health) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, healthTimeout, fmt.Errorf("no answer within %s", healthTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: h.TLS, DisableKeepAlives: true, // each check proves that a connection can be made
		DialContext: (&net.Dialer{}).DialContext, // no proxy: the component is on this host
	}}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusOK || slices.Contains(h.Accept, resp.StatusCode) {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, healthBody))
	if err != nil {
		return fmt.Errorf("get %s: %s", h.URL, resp.Status)
	}
	return fmt.Errorf("get %s: %s%s", h.URL, resp.Status, failedChecks(string(body)))
}

// failedChecks picks the failed checks out of a verbose answer, whose lines are
// such as "[-]etcd failed: reason withheld".
func failedChecks(body string) string {
	var failed []string
	for line := range strings.Lines(body) {
		if check, ok := strings.CutPrefix(line, "[-]"); ok {
			name, _, _ := strings.Cut(check, " ")
			failed = append(failed, strings.TrimSpace(name))
		}
	}
	if len(failed) == 0 {
		return ""
	}
	return ": " + strings.Join(failed, ", ")
}
