//go:build lab

package tests

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

// install puts clusterflow on a host that has nothing but what a distribution installs.
func install(ctx context.Context, t *testing.T, h *lab.Host) (dir string) {
	t.Helper()
	for _, name := range []string{"/etc/kubernetes", "/var/lib/kubelet/config.yaml", "/usr/bin/kubeadm"} {
		if _, err := h.Get(ctx, name); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%s is not bare: %s: %v", h.Name, name, err)
		}
	}
	dir, err := h.InstallClusterflow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func apply(ctx context.Context, t *testing.T, h *lab.Host, variables, pipeline string) string {
	t.Helper()
	began := time.Now()
	out, err := h.Clusterflow(ctx, variables, "apply", pipeline, "--auto-approve")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s: apply %s took %.1fs", h.Name, pipeline, time.Since(began).Seconds())
	return out
}

// changes answers the addresses of what apply init.hcl would certainly change, sorted. Phases
// that take an output of these are decided during the run.
func changes(ctx context.Context, t *testing.T, h *lab.Host, variables string) []string {
	t.Helper()
	out, err := h.Clusterflow(ctx, variables, "plan", "init.hcl", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var plan struct {
		Phases []struct{ Address, Action string }
	}
	if err := json.Unmarshal([]byte(out), &plan); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, phase := range plan.Phases {
		if phase.Action == "apply" {
			all = append(all, phase.Address)
		}
	}
	slices.Sort(all)
	return all
}

// applied applies a pipeline and answers the addresses of what that changed, sorted.
func applied(ctx context.Context, t *testing.T, h *lab.Host, variables, pipeline string) []string {
	t.Helper()
	out, err := h.Clusterflow(ctx, variables, "apply", pipeline, "--auto-approve", "--json")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var all []string
	for line := range strings.Lines(out) {
		var event struct {
			Event, Node string
			Changes     json.RawMessage // how many, once the phase has ended
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("read event %s: %v", line, err)
		}
		if event.Event == "node_ended" && len(event.Changes) > 0 {
			all = append(all, event.Node)
		}
	}
	slices.Sort(all)
	return all
}
