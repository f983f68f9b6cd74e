package systemd

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

func TestRead(t *testing.T) {
	started := time.UnixMicro(1_700_000_000_123_456)
	got := read("kubelet.service", map[string]any{
		"LoadState": "loaded", "ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code",
		"NRestarts": uint32(7), "ExecMainStatus": int32(1), "InvocationID": []byte{0xab, 0x01}, "NeedDaemonReload": true,
		"ExecMainStartTimestamp": uint64(started.UnixMicro()), "Other": 3,
	})
	want := Service{
		Name: "kubelet.service", Load: "loaded", Active: "activating", Sub: "auto-restart", Started: started,
		Restarts: 7, Result: "exit-code", ExitCode: 1, Invocation: "ab01", changed: true,
	}
	if !got.Started.Equal(want.Started) {
		t.Errorf("started: got %s, want %s", got.Started, want.Started)
	}
	got.Started = want.Started
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	none := read("x.service", map[string]any{"LoadState": "not-found", "ActiveState": "inactive", "ExecMainStartTimestamp": uint64(0)})
	if none.Exists() || none.Running() || !none.Started.IsZero() {
		t.Errorf("absent unit: got %+v", none)
	}
}

func TestExit(t *testing.T) {
	for want, s := range map[string]Service{
		"exit status 3":      {Result: "exit-code", ExitCode: 3},
		"signal 9":           {Result: "signal", ExitCode: 9},
		"it ended by itself": {Result: "success"},
		"start-limit-hit":    {Result: "start-limit-hit"},
	} {
		if got := s.Exit(); got != want {
			t.Errorf("%+v: got %q, want %q", s, got, want)
		}
	}
}

func TestUnit(t *testing.T) {
	for name, want := range map[string]string{"kubelet": "kubelet.service", "kubelet.service": "kubelet.service", "k3s.agent": "k3s.agent.service"} {
		if got := unit(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestNoSystemd(t *testing.T) {
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		t.Skip("this host is run by systemd")
	}
	_, err := Manager{}.Service(t.Context(), "kubelet")
	var permanent *sdk.PermanentError
	var hint *sdk.HintError
	if !errors.Is(err, ErrAbsent) || !errors.As(err, &permanent) || !errors.As(err, &hint) {
		t.Errorf("got %v, want a permanent error with advice", err)
	}
	for _, err := range []error{Manager{}.Restart(t.Context(), "kubelet"), Manager{}.Stop(t.Context(), "kubelet")} {
		if !errors.Is(err, ErrAbsent) {
			t.Errorf("got %v", err)
		}
	}
}

func TestLog(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	script := "#!/bin/sh\nfor a; do last=$a; done\ncase $last in\n" +
		"*=run) echo \"args: $*\"; echo second;;\n*=none) ;;\n*) echo 'No permission' >&2; exit 1;;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "journalctl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	got, err := Manager{}.Log(t.Context(), Service{Invocation: "run"}, 5)
	want := []string{"args: --no-pager --quiet --output=cat --lines=5 _SYSTEMD_INVOCATION_ID=run", "second"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if got, err := (Manager{}).Log(t.Context(), Service{Invocation: "none"}, 5); err != nil || got != nil {
		t.Errorf("no lines: got %q, %v", got, err)
	}
	if _, err := (Manager{}).Log(t.Context(), Service{Name: "x.service"}, 5); err == nil || !strings.Contains(err.Error(), "No permission") {
		t.Errorf("refused: got %v", err)
	}
}
