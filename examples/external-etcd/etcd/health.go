package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	askTimeout = 5 * time.Second
	maxAnswer  = 64 << 10
)

// healthy reports why an endpoint does not serve, nil if it does.
func (s Settings) healthy(ctx context.Context, endpoint string) error {
	var answer struct {
		Health string `json:"health"`
		Reason string `json:"reason"`
	}
	if err := s.get(ctx, endpoint+"/health", &answer); err != nil {
		return err
	}
	if answer.Health != "true" {
		return fmt.Errorf("it says that its health is %q, because of %q", answer.Health, answer.Reason)
	}
	return nil
}

// version is that of the server at an endpoint, such as "3.6.8".
func (s Settings) version(ctx context.Context, endpoint string) (string, error) {
	var answer struct {
		Server string `json:"etcdserver"`
	}
	if err := s.get(ctx, endpoint+"/version", &answer); err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	if answer.Server == "" {
		return "", fmt.Errorf("ask %s for the version: is that an etcd?", endpoint)
	}
	return answer.Server, nil
}

// get asks etcd as the API server will: with the same certificate.
func (s Settings) get(ctx context.Context, url string, answer any) error {
	client, err := s.client()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	// An unhealthy etcd answers 503 and says why in the body.
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return fmt.Errorf("GET %s: answered %s", url, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("GET %s: read the answer: %w", url, err)
	}
	return nil
}

func (s Settings) client() (*http.Client, error) {
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("read ca_file %s: it holds no certificate", s.CAFile)
	}
	pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read cert_file and key_file: %w", err)
	}
	return &http.Client{
		Timeout: askTimeout,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		},
	}, nil
}

// older compares versions such as "3.5.24" and "3.6.0".
func older(a, b string) bool { return slices.Compare(numbers(a), numbers(b)) < 0 }

func numbers(version string) []int {
	var out []int
	for part := range strings.SplitSeq(version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil { // such as 0-rc
			n, _ = strconv.Atoi(strings.SplitN(part, "-", 2)[0])
		}
		out = append(out, n)
	}
	return out
}
