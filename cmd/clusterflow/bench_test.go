package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkCommand runs the command line on 1 000 phases that do nothing, with a
// real plugin process and the journal on disk: what a user waits for, but for the
// start of the program itself.
func BenchmarkCommand(b *testing.B) {
	const phases = 1000
	var wide, chain strings.Builder
	for i := range phases {
		before := "0"
		if i > 0 {
			before = fmt.Sprintf("phase.p%d.value", i-1)
		}
		fmt.Fprintf(&wide, "phase \"core.noop\" \"p%d\" { value = %d }\n", i, i)
		fmt.Fprintf(&chain, "phase \"core.noop\" \"p%d\" { value = %s }\n", i, before)
	}
	for name, text := range map[string]string{"wide": wide.String(), "chain": chain.String()} {
		b.Run(name, func(b *testing.B) {
			dir := newSite(b, text)
			b.Run("validate", func(b *testing.B) { dir.bench(b, false, "validate") })
			b.Run("graph", func(b *testing.B) { dir.bench(b, false, "graph") })
			b.Run("first apply", func(b *testing.B) { dir.bench(b, true, "apply", "--auto-approve") })
			b.Run("second apply", func(b *testing.B) { dir.bench(b, false, "apply", "--auto-approve") })
		})
	}
}

// site is a directory with a pipeline.
type site struct{ dir, pipeline, state string }

func newSite(tb testing.TB, text string) *site {
	tb.Helper()
	run, err := runDir()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(run) })
	s := &site{dir: tb.TempDir()}
	s.pipeline, s.state = filepath.Join(s.dir, "site.hcl"), filepath.Join(s.dir, "state")
	if err := os.WriteFile(s.pipeline, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := link(filepath.Join(s.dir, "bin", "clusterflow-plugin-core")); err != nil {
		tb.Fatal(err)
	}
	tb.Setenv("XDG_RUNTIME_DIR", run)
	tb.Setenv("HOME", s.dir)
	tb.Setenv("CLUSTERFLOW_PLUGIN_PATH", filepath.Join(s.dir, "bin"))
	tb.Setenv("CLUSTERFLOW_STATE_DIR", s.state)
	return s
}

func (s *site) bench(b *testing.B, forget bool, args ...string) {
	b.Helper()
	args = append(args, s.pipeline)
	for b.Loop() {
		if forget {
			if err := os.RemoveAll(s.state); err != nil {
				b.Fatal(err)
			}
		}
		var out bytes.Buffer
		a := &app{streams: streams{in: &out, out: &out, err: &out}, signals: &signals{}}
		root := newRootCmd(a)
		root.SetArgs(args)
		if code := a.exitCode(context.Background(), root.ExecuteContext(b.Context())); code != exitDone {
			b.Fatalf("exit code %d: %s", code, out.String())
		}
	}
}
