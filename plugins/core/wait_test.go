package core

import (
	"encoding/pem"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

func TestWaitHTTP(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/denied", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	mux.Handle("/moved", http.RedirectHandler("/ok", http.StatusFound))
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of refused handshakes
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	put(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	broken := filepath.Join(t.TempDir(), "broken.pem")
	put(t, broken, "no certificate")

	tests := map[string]struct {
		path string
		http object
		want string // part of the last answer; empty: it is there
	}{
		"answered":     {"/ok", object{"ca_file": text(ca)}, ""},
		"trusts":       {"/ok", object{"insecure": cty.True}, ""},
		"distrusts":    {"/ok", nil, "certificate signed by unknown authority"},
		"other code":   {"/denied", object{"ca_file": text(ca)}, "answered 401 Unauthorized"},
		"wanted code":  {"/denied", object{"ca_file": text(ca), "status": cty.ListVal([]cty.Value{cty.NumberIntVal(200), cty.NumberIntVal(401)})}, ""},
		"redirect":     {"/moved", object{"ca_file": text(ca)}, "answered 302 Found"},
		"no ca file":   {"/ok", object{"ca_file": text("/no/such/file")}, "read ca_file: open /no/such/file: no such file or directory"},
		"empty ca":     {"/ok", object{"ca_file": text(broken)}, "read ca_file " + broken + ": it holds no certificate"},
		"another host": {"/ok", object{"url": text("http://127.0.0.1:1/")}, "connection refused"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of them take all their time
			request := object{"url": text(server.URL + tt.path)}
			for k, v := range tt.http {
				request[k] = v
			}
			d := drive(t, "wait", object{"http": cty.ObjectVal(request), "every": text("1ms"), "within": text("1s")})
			if tt.want == "" {
				equal(t, "plan", d.changes(t), "")
				return
			}
			if got := d.changes(t); !strings.Contains(got, tt.want) {
				t.Errorf("plan: got %q, want %q in it", got, tt.want)
			}
			summary, detail := d.fails(t)
			if !strings.Contains(summary, "timed out after 1s; last answer: ") || !strings.Contains(summary, tt.want) {
				t.Errorf("error: got %q, want %q in it", summary, tt.want)
			}
			if !strings.HasPrefix(detail, "Ask yourself: curl -v http") {
				t.Errorf("hint: got %q", detail)
			}
		})
	}
}

func TestWaitUntil(t *testing.T) {
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 4 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	d := drive(t, "wait", object{"http": request(server.URL), "every": text("1ms")})
	d.apply(t)
	equal(t, "plan", d.changes(t), "")
	if result := d.TryUndo(t); result.Status != sdk.StatusOK {
		t.Errorf("undo: got %+v", result)
	}
}

func TestWaitTCPAndFile(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	d := drive(t, "wait", object{"tcp": text(address), "every": text("1ms"), "within": text("20ms")})
	equal(t, "plan", d.changes(t), "")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	summary, detail := d.fails(t)
	if !strings.HasPrefix(summary, "wait tcp "+address+": timed out after 20ms; last answer: ") {
		t.Errorf("error: got %q", summary)
	}
	if !strings.Contains(detail, "nc -vz 127.0.0.1 ") {
		t.Errorf("hint: got %q", detail)
	}

	dir := t.TempDir()
	t.Chdir(dir)
	f := drive(t, "wait", object{"file": text("f"), "every": text("1ms"), "within": text("20ms")})
	path := filepath.Join(dir, "f")
	equal(t, "plan", f.changes(t), "> wait "+path+": stat "+path+": no such file or directory")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	equal(t, "plan", f.changes(t), "")
}

func TestTCPHintOfIPv6(t *testing.T) {
	p := newProbe("/", waitConfig{TCP: "[::1]:80"})
	if !strings.Contains(p.Hint, "nc -vz ::1 80") {
		t.Errorf("got %q", p.Hint)
	}
}
