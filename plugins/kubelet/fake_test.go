package kubelet

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

func TestMain(m *testing.M) { sdktest.Main(m, specOn(fakeHost())) }

func fakeHost() host {
	return host{
		services: fakeServices{}, pool: kubeapi.NewPool(),
		hostname: func() (string, error) { return "N1", nil },
	}
}

// fakeServices is an init system whose services are files, so that processes can
// share it: the name of a service is the path of its state. One without a file is
// not running.
type fakeServices struct{}

// fakeState is the content of such a file.
type fakeState struct {
	systemd.Service
	Lines []string // of its journal
	// Fails says that it ends at once whenever it is started; Sick that it runs but
	// is not healthy.
	Fails, Sick bool
	// Files are what it writes when it is started the next time, by path.
	Files map[string]string
	// How often it was asked to.
	Restarted, Stopped int
}

func (fakeServices) read(name string) (fakeState, error) {
	s := fakeState{Service: systemd.Service{Name: name, Load: "loaded", Active: "inactive", Sub: "dead"}}
	if !filepath.IsAbs(name) {
		s.Load = "not-found"
		return s, nil
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

func (s fakeState) write() error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	next := s.Name + ".next"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, s.Name)
}

func (f fakeServices) Service(_ context.Context, name string) (systemd.Service, error) {
	s, err := f.read(name)
	if err == nil && s.Fails && s.Active == "activating" { // time goes by
		s.Restarts++
		err = s.write()
	}
	return s.Service, err
}

func (f fakeServices) Restart(_ context.Context, name string) error {
	s, err := f.read(name)
	if err != nil {
		return err
	}
	if s.Load == "not-found" {
		return errors.New("Unit " + name + " not found.")
	}
	s.Restarted++
	s.Active, s.Sub, s.Started = "active", "running", time.Now()
	for path, text := range s.Files {
		if err := put(path, text); err != nil {
			return err
		}
	}
	s.Files = nil
	if s.Fails {
		s.Active, s.Sub, s.Result, s.ExitCode = "activating", "auto-restart", "exit-code", 1
	}
	return s.write()
}

func (f fakeServices) Stop(_ context.Context, name string) error {
	s, err := f.read(name)
	if err != nil {
		return err
	}
	s.Stopped++
	s.Active, s.Sub = "inactive", "dead"
	return s.write()
}

func (f fakeServices) Log(_ context.Context, s systemd.Service, lines int) ([]string, error) {
	state, err := f.read(s.Name)
	return state.Lines[max(0, len(state.Lines)-lines):], err
}

// kubelets answers for the health of fake services: while they run.
func kubelets(t *testing.T) (healthz func(unit string) string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s, err := (fakeServices{}).read(r.URL.Query().Get("unit")); err != nil || !s.Running() || s.Sick {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	return func(unit string) string { return server.URL + "/healthz?unit=" + url.QueryEscape(unit) }
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := put(path, text); err != nil {
		t.Fatal(err)
	}
}

func put(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// object makes a value out of names and strings in turn.
func object(pairs ...string) cty.Value {
	values := map[string]cty.Value{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = cty.StringVal(pairs[i+1])
	}
	return cty.ObjectVal(values)
}
