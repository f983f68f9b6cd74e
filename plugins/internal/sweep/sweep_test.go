package sweep_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestNothing(t *testing.T) {
	if got := sweep.Resources(nil); got != nil {
		t.Errorf("got %v, want no resources", got)
	}
}

// TestFailure goes on after a failure, tells all of them at the end, and plans none of it.
func TestFailure(t *testing.T) {
	var removed []string
	thing := func(target string, err error) sweep.Thing {
		return sweep.Thing{Kind: "mount", Target: target, Reason: "tmpfs", Remove: func(context.Context) error {
			removed = append(removed, target)
			return err
		}}
	}
	busy := errors.New("busy")
	all := sweep.Resources([]sweep.Thing{thing("/a", busy), thing("/a", nil), thing("/b", busy), thing("/c", nil)})
	ids := map[string]bool{}
	changes := 0
	for _, r := range all {
		ids[r.ID().Target] = true
		change, err := r.Diff(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if change.Op == sdk.OpNone {
			continue
		}
		if changes++; change.Op != sdk.OpDelete || change.Kind != "mount" || change.Reason != "tmpfs" {
			t.Errorf("got %+v, want a mount to delete", change)
		}
	}
	if len(ids) != len(all) || changes != 4 {
		t.Errorf("got ids %v and %d changes, want one id for each of %d resources, and 4 changes", ids, changes, len(all))
	}
	var last error
	for _, r := range all {
		last = r.Render(t.Context())
	}
	if strings.Join(removed, " ") != "/a /a /b /c" {
		t.Errorf("removed %q", removed)
	}
	if !errors.Is(last, busy) || strings.Count(last.Error(), "busy") != 2 || !strings.Contains(last.Error(), "remove mount /b: busy") {
		t.Errorf("got %v, want two failures", last)
	}
	if change, err := all[len(all)-1].Diff(t.Context()); err != nil || change.Op != sdk.OpRun {
		t.Errorf("after failures: got %+v, %v, want a run that tells them", change, err)
	}
}

// TestCancelled ends at once.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	all := sweep.Resources([]sweep.Thing{{Kind: "x", Target: "y", Remove: func(ctx context.Context) error { return ctx.Err() }}})
	if err := all[0].Render(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}
