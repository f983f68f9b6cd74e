package resume

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fake is a host with systemd, as far as a unit can tell.
func fake(t *testing.T) (system System, calls *[]string) {
	t.Helper()
	dir := t.TempDir()
	calls = &[]string{}
	return System{UnitDir: dir, Booted: dir, Systemctl: func(_ context.Context, args ...string) error {
		*calls = append(*calls, strings.Join(args, " "))
		if slices.Contains(args, "clusterflow-resume-broken.service") {
			return errors.New("no luck")
		}
		return nil
	}}, calls
}

func TestUnit(t *testing.T) {
	system, calls := fake(t)
	u := Unit{
		Name: "init", Dir: "/srv/my site", System: system,
		Argv: []string{"/usr/bin/clusterflow", "apply", "init.hcl", "--var", `text=50% of "$HOME"`, "--auto-approve"},
		Env:  []string{"PATH=/usr/bin", `CLUSTERFLOW_VAR_x=a\b`},
	}
	if err := u.Disarm(t.Context()); err != nil || len(*calls) > 0 {
		t.Errorf("disarm of nothing: got %v, %v", err, *calls)
	}
	if err := u.Arm(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(system.UnitDir, "clusterflow-resume-init.service"))
	if err != nil {
		t.Fatal(err)
	}
	want := `# Made by clusterflow to go on with a run after a boot; it removes itself when the run has ended.
[Unit]
Description=Go on with clusterflow pipeline init
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
TimeoutStartSec=infinity
WorkingDirectory=/srv/my site
Environment="PATH=/usr/bin"
Environment="CLUSTERFLOW_VAR_x=a\\b"
ExecStart="/usr/bin/clusterflow" "apply" "init.hcl" "--var" "text=50%% of \"$$HOME\"" "--auto-approve"

[Install]
WantedBy=multi-user.target
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("unit (-want +got):\n%s", diff)
	}
	if err := u.Disarm(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCalls := []string{
		"daemon-reload", "enable clusterflow-resume-init.service", "disable clusterflow-resume-init.service", "daemon-reload",
	}
	if diff := cmp.Diff(wantCalls, *calls); diff != "" {
		t.Errorf("systemctl (-want +got):\n%s", diff)
	}
	if left, _ := os.ReadDir(system.UnitDir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestGoesDown(t *testing.T) {
	for state, want := range map[string]bool{"running": false, "degraded": false, "starting": false, "stopping": true, "": true} {
		u := Unit{System: System{State: func(context.Context) string { return state }}}
		if got := u.GoesDown(t.Context()); got != want {
			t.Errorf("%q: got %v, want %v", state, got, want)
		}
	}
}

func TestUnitRefused(t *testing.T) {
	system, _ := fake(t)
	reason := errors.New("the variable is sensitive")
	elsewhere := system
	elsewhere.Booted = filepath.Join(system.UnitDir, "absent")
	for name, tt := range map[string]struct {
		unit Unit
		want error
	}{
		"no systemd": {Unit{Name: "a", System: elsewhere}, ErrNoSystemd},
		"unable":     {Unit{Name: "a", System: system, Unable: reason}, reason},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.unit.Arm(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	if err := (Unit{Name: "broken", System: system}).Arm(t.Context()); err == nil {
		t.Error("systemctl fails: no error")
	}
	if left, _ := os.ReadDir(system.UnitDir); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
