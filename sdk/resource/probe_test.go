package resource_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// counting is a check that holds from the n-th time on.
func counting(n int) func(context.Context) error {
	var tries int
	return func(context.Context) error {
		tries++
		if tries < n {
			return fmt.Errorf("not yet, %d", tries/2)
		}
		return nil
	}
}

func TestProbe(t *testing.T) {
	var progress []sdk.Progress
	ctx := sdk.WithEmitter(t.Context(), func(e sdk.Event) {
		if p, ok := e.(sdk.Progress); ok {
			progress = append(progress, p)
		}
	})
	p := &resource.Probe{Name: "it", Every: time.Millisecond, Check: counting(6)}
	change, err := p.Diff(ctx)
	if err != nil || change.Op != sdk.OpRun || change.Reason != "not yet, 0" {
		t.Fatalf("diff: got %+v, %v", change, err)
	}
	if err := p.Render(ctx); err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, x := range progress {
		labels = append(labels, x.Label)
	}
	equal(t, "progress", strings.Join(labels, "; "), "not yet, 1; not yet, 2; it")
	if !progress[len(progress)-1].Done {
		t.Error("the last progress is not done")
	}
	if change, err := p.Diff(ctx); err != nil || change.Op != sdk.OpNone {
		t.Errorf("diff when it holds: got %+v, %v", change, err)
	}
}

func TestProbeEnds(t *testing.T) {
	cancelled, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	never := func(context.Context) error { return sdk.Hint(errors.New("refused"), "Open it.") }
	tests := map[string]struct {
		ctx   context.Context
		probe resource.Probe
		want  string
		hint  string
	}{
		"timeout":        {t.Context(), resource.Probe{Timeout: time.Millisecond, Check: never, Hint: "Look."}, "timed out after 1ms; last answer: refused", "Look."},
		"hint of answer": {t.Context(), resource.Probe{Timeout: time.Millisecond, Check: never}, "timed out after 1ms; last answer: refused", "Open it."},
		"cancelled":      {cancelled, resource.Probe{Check: never}, "interrupted; last answer: refused", "Open it."},
		"permanent": {t.Context(), resource.Probe{Timeout: time.Hour, Check: func(context.Context) error {
			return sdk.Permanent(errors.New("wrong certificate"))
		}}, "wrong certificate", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.probe.Every = time.Millisecond
			err := resource.WaitFor(tt.ctx, tt.probe)
			if err == nil {
				t.Fatal("it ended well")
			}
			equal(t, "error", err.Error(), tt.want)
			equal(t, "hint", sdk.Diagnose(err)[0].Detail, tt.hint)
		})
	}
}

// TestProbePlanDoesNotHang asks a check that never answers by itself.
func TestProbePlanDoesNotHang(t *testing.T) {
	p := &resource.Probe{Name: "it", Check: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	change, err := p.Diff(t.Context())
	if err != nil || change.Op != sdk.OpRun {
		t.Errorf("got %+v, %v", change, err)
	}
}
