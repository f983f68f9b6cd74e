package component

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/livez":
		case "/forbidden":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/rbac/bootstrap-roles failed: not finished\n")
		}
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	known := &tls.Config{RootCAs: roots}
	tests := map[string]struct {
		health Health
		want   string // empty: healthy
	}{
		"healthy":     {Health{URL: server.URL + "/livez", TLS: known}, ""},
		"accepted":    {Health{URL: server.URL + "/forbidden", TLS: known, Accept: []int{403}}, ""},
		"forbidden":   {Health{URL: server.URL + "/forbidden", TLS: known}, "403 Forbidden"},
		"failed":      {Health{URL: server.URL + "/healthz", TLS: known}, "500 Internal Server Error: etcd, poststarthook/rbac/bootstrap-roles"},
		"unknown CA":  {Health{URL: server.URL + "/livez"}, "certificate signed by unknown authority"},
		"no listener": {Health{URL: "https://127.0.0.1:1/livez"}, "connection refused"},
		"bad URL":     {Health{URL: "https://\x00"}, "invalid control character"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := tt.health.Check(t.Context())
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestHealthStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	if err := (Health{URL: server.URL}).Check(ctx); err == nil {
		t.Error("got no error from a server that never answers")
	}
}
