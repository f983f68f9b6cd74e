package kubelet

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestStart(t *testing.T) {
	looping := fakeState{Service: systemd.Service{Load: "loaded", Active: "activating", Sub: "auto-restart", Result: "exit-code", ExitCode: 1, Restarts: 7}}
	byItself := running(time.Now().Add(3 * time.Second))
	byItself.Restarts = 1
	failing := running(time.Now().Add(-time.Second)) // it has not noticed yet that there is none
	failing.Restarts = 7
	adopted := running(time.Now().Add(-time.Minute))
	adopted.Restarts = 1
	tests := map[string]struct {
		state    fakeState
		plan     []string
		restarts int
		ours     bool // undo stops it
	}{
		"not running":             {fakeState{}, []string{"create: not running"}, 1, true},
		"waiting for its config":  {looping, []string{"create: it keeps failing: exit status 1"}, 1, true},
		"started by itself":       {byItself, []string{"create: it was started by itself, as long as there was no configuration"}, 0, true},
		"about to fail":           {failing, []string{"create: it was started by itself, as long as there was no configuration"}, 1, true},
		"failed long ago":         {adopted, []string{"update: changed since it started: "}, 1, false},
		"runs with older files":   {running(time.Now().Add(-time.Hour)), []string{"update: changed since it started: "}, 1, false},
		"runs with present files": {running(time.Now().Add(time.Hour)), nil, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStarted(t, tt.state)
			want := tt.plan
			if len(want) == 1 && strings.HasSuffix(want[0], ": changed since it started: ") {
				want = []string{want[0] + s.config}
			}
			s.Want(t, want...)
			s.Apply(t)
			s.Apply(t)
			if got := s.state(t).Restarted; got != tt.restarts {
				t.Errorf("restarted %d times, want %d", got, tt.restarts)
			}
			s.rotate(t, s.authority)
			s.Undo(t)
			_, err := os.Stat(s.dir + "/pki")
			if stopped := s.state(t).Stopped == 1; stopped != tt.ours || errors.Is(err, os.ErrNotExist) != tt.ours {
				t.Errorf("stopped: %v, certificates: %v, want that only of a kubelet of ours", stopped, err)
			}
		})
	}
}

// TestStartAgain restarts for files that change, also if they look older.
func TestStartAgain(t *testing.T) {
	s := newStarted(t, fakeState{})
	s.Apply(t)
	for i, path := range []string{s.config, s.conf} {
		s.touch(t, path)
		s.Want(t, "update: changed since it started: "+path)
		s.Apply(t)
		if got := s.state(t).Restarted; got != i+2 {
			t.Errorf("%s: restarted %d times, want %d", path, got, i+2)
		}
	}
	s.rotate(t, s.authority)
	s.Want(t)
}

// TestStartKeepsCertificates that were there before.
func TestStartKeepsCertificates(t *testing.T) {
	s := newStarted(t, fakeState{})
	s.rotate(t, s.authority)
	s.Apply(t)
	s.Undo(t)
	readFile(t, s.pem)
}

// TestStartUndone ends the pods that the kubelet ran, which nobody else would, and
// removes what it kept. What is not a kubelet's stays.
func TestStartUndone(t *testing.T) {
	runtime := critest.New(t)
	runtime.Set(func(s *critest.State) {
		s.Sandboxes = []*runtimeapi.PodSandbox{sandbox("a", "kube-system", "1"), sandbox("mine", "default", "")}
	})
	s := newStarted(t, fakeState{})
	writeFile(t, s.config, "containerRuntimeEndpoint: "+runtime.Socket+"\n")
	s.Apply(t)
	s.rotate(t, s.authority)
	for _, name := range []string{"pods/1/volumes/token", "cpu_manager_state", "pki/mine.key", "containers.conf"} {
		writeFile(t, filepath.Join(s.dir, name), "x")
	}
	s.Undo(t)
	runtime.Set(func(state *critest.State) {
		if len(state.Sandboxes) != 1 || state.Sandboxes[0].GetId() != "mine" {
			t.Errorf("left are %v, want the one that no kubelet made", state.Sandboxes)
		}
	})
	for name, want := range map[string]bool{
		"pods": false, "cpu_manager_state": false, "pki/" + filepath.Base(s.pem): false, "pki/mine.key": true, "containers.conf": true, "config.yaml": true,
	} {
		if got := exists(filepath.Join(s.dir, name)); got != want {
			t.Errorf("%s is there: %t, want %t", name, got, want)
		}
	}
}

func TestStartFails(t *testing.T) {
	t.Parallel()
	loaded := func(lines ...string) fakeState {
		return fakeState{Service: systemd.Service{Load: "loaded", Active: "inactive"}, Fails: true, Lines: lines}
	}
	gaveUp := fakeState{Service: systemd.Service{Load: "loaded", Active: "inactive"}, Sick: true, Lines: []string{"I0101 all is well"}}
	const swap = `E1123 07:00:00.000000    1234 run.go:72] "command failed" err="failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false"`
	const cri = `E1123 07:00:00.000000    1234 run.go:72] "command failed" err="failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint \"unix:///x\": rpc error: code = Unavailable"`
	const odd = `E1123 07:00:00.000000    1234 run.go:72] "command failed" err="failed to run Kubelet: \"odd\" thing"`
	tests := map[string]struct {
		state      fakeState
		change     func(t *testing.T, s started)
		want, hint string
		permanent  bool
	}{
		"known cause":     {state: loaded("I0101 running with swap on is not supported", swap), want: "it does not run: exit status 1: swap is on", hint: "swapoff -a", permanent: true},
		"passing cause":   {state: loaded(cri), want: "it was started 4 times: exit status 1: the container runtime does not answer", hint: "cri_socket"},
		"unknown cause":   {state: loaded("I0101 told", "first", odd, "last"), want: `it was started 4 times: exit status 1: failed to run Kubelet: "odd" thing`, hint: "The last lines of its log are:\n  first\n"},
		"silent":          {state: loaded(), want: "it was started 4 times: exit status 1", hint: "It wrote nothing to its log."},
		"never healthy":   {state: gaveUp, want: "timed out after 2s; last answer: get http", hint: "  I0101 all is well"},
		"no config":       {change: func(t *testing.T, s started) { t.Helper(); remove(t, s.config) }, want: "config.yaml: no such file", hint: "does the phase that makes it come first"},
		"no kubeconfig":   {change: func(t *testing.T, s started) { t.Helper(); remove(t, s.conf) }, want: "kubelet.conf: no such file", hint: "does the phase that makes it come first"},
		"other cluster's": {change: func(t *testing.T, s started) { t.Helper(); s.rotate(t, phasetest.NewAuthority(t, s.dir+"/other")) }, want: "it is not of this cluster", hint: "rm -r ", permanent: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStarted(t, tt.state)
			if tt.change != nil {
				tt.change(t, s)
			}
			wantFailure(t, s.Try(t), tt.want, tt.hint, tt.permanent)
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func wantFailure(t *testing.T, result sdk.Result, want, hint string, permanent bool) {
	t.Helper()
	if result.Status != sdk.StatusFailed || len(result.Diagnostics) == 0 {
		t.Fatalf("got %s, %v", result.Status, result.Diagnostics)
	}
	d := result.Diagnostics[0]
	if !strings.Contains(d.Summary, want) || !strings.Contains(d.Detail, hint) || d.Permanent != permanent {
		t.Errorf("got %q (permanent: %v) with\n%s\nwant %q (%v) with\n%s", d.Summary, d.Permanent, d.Detail, want, permanent, hint)
	}
}

// TestStartBesideAnother refuses to take another program for the kubelet.
func TestStartBesideAnother(t *testing.T) {
	s := newStarted(t, fakeState{})
	other := filepath.Join(s.dir, "other")
	if err := (fakeServices{}).Restart(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	values := s.Config.AsValueMap()
	values["healthz"] = cty.StringVal(kubelets(t)(other))
	s.Set(t, values)
	wantFailure(t, s.Try(t), "another program answers at http://127.0.0.1:", "ss -ltnp", true)
	if got := s.state(t).Restarted; got != 0 {
		t.Errorf("restarted %d times", got)
	}
}

func TestStartNoService(t *testing.T) {
	s := newStarted(t, fakeState{})
	values := s.Config.AsValueMap()
	values["unit"] = cty.StringVal("kubelet")
	s.Set(t, values)
	s.Want(t, "create: there is no such service yet")
	wantFailure(t, s.Try(t), "Unit kubelet not found", "Install the kubelet", false)
}

func TestStartNoSystemd(t *testing.T) {
	h := fakeHost()
	h.services = oneService{err: systemd.ErrAbsent}
	if _, err := (&service{manager: h.services}).Diff(t.Context()); !errors.Is(err, systemd.ErrAbsent) {
		t.Errorf("got %v", err)
	}
}

// TestStartStops with its context.
func TestStartStops(t *testing.T) {
	s := newStarted(t, fakeState{Service: systemd.Service{Load: "loaded", Active: "inactive"}, Sick: true})
	cause := errors.New("ctrl-c")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	r := &service{Unit: s.unit, manager: fakeServices{}, healthz: kubelets(t)(s.unit), within: time.Hour}
	if err := r.Render(ctx); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
}

func TestStartValidate(t *testing.T) {
	for name, value := range map[string]cty.Value{
		"unit": cty.StringVal(""), "healthz": cty.StringVal("127.0.0.1:10248"), "within": cty.StringVal("0s"),
	} {
		if got := phasetest.New(t, Spec(), "start", map[string]cty.Value{name: value}).Validate(t); got == "" {
			t.Errorf("%s = %#v: got no error", name, value)
		}
	}
}
