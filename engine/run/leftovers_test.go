package run

import (
	"slices"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/sdk"
)

// What an undo could not remove is listed, and stays recorded.
func TestLeftovers(t *testing.T) {
	r := newRig(t, `phase "t.thing" "a" {
  name    = "a"
  private = "stuck"
}
phase "t.thing" "b" { name = "b" }`)
	r.apply(t.Context())
	r.expect(r.undo(t.Context()), event.RunDegraded, "a failed, b succeeded")
	want := []string{"thing a"}
	if got := r.ended("a").Leftovers; !slices.Equal(got, want) {
		t.Errorf("event: got %q, want %q", got, want)
	}
	if got := r.state().Nodes["phase.a"].Leftovers; !slices.Equal(got, want) {
		t.Errorf("state: got %q, want %q", got, want)
	}
	r.hcl = `phase "t.thing" "a" { name = "a" }`
	r.apply(t.Context())
	if got := r.state().Nodes["phase.a"].Leftovers; got != nil {
		t.Errorf("after the next apply: got %q", got)
	}
}

func TestLeftoverCommands(t *testing.T) {
	for name, tt := range map[string]struct {
		kind, target, want string
	}{
		"file":      {"file", "/etc/a.conf", "file /etc/a.conf: rm -f -- /etc/a.conf"},
		"quoted":    {"directory", "/var/lib/it's here", `directory /var/lib/it's here: rmdir -- '/var/lib/it'\''s here'`},
		"other":     {"member", "cp1", "member cp1"},
		"shell":     {"file", "$(reboot)", "file $(reboot): rm -f -- '$(reboot)'"},
		"empty":     {"file", "", "file : rm -f -- ''"},
		"unit":      {"unit", "kubelet.service", "unit kubelet.service: systemctl disable --now -- kubelet.service"},
		"mountname": {"mount", "/run/x", "mount /run/x: umount -- /run/x"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := leftover(sdk.Change{Kind: tt.kind, Target: tt.target}); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
