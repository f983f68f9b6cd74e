package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// shape is a DAG of phases that do nothing.
type shape struct {
	size  int
	chain bool
}

func (s shape) String() string {
	if s.chain {
		return fmt.Sprintf("%d phases in a chain", s.size)
	}
	return fmt.Sprintf("%d phases side by side", s.size)
}

// pipelines applies DAGs of phases that do nothing, with the journal on disk, and
// lets others do as much.
func (b *bench) pipelines(ctx context.Context) error {
	for _, c := range []struct {
		shape
		bar    time.Duration
		memory int64
		peers  []peer
	}{
		{shape{100, false}, 0, 0, []peer{terraform(), task()}},
		{shape{100, true}, 0, 0, []peer{terraform(), task()}},
		{shape{1000, false}, 150 * time.Millisecond, 0, []peer{makeTrue(), loop()}},
		{shape{1000, true}, 800 * time.Millisecond, 0, []peer{makeTrue()}},
		{shape{10000, false}, 1500 * time.Millisecond, 60 << 20, nil},
	} {
		if !b.wanted.MatchString("apply " + c.String()) {
			continue
		}
		dir, err := b.site(c.shape)
		if err != nil {
			return err
		}
		first, err := measure(func() (sample, error) {
			if err := fresh(dir, "state"); err != nil {
				return sample{}, err
			}
			return b.clusterflow(ctx, dir, "apply", "site.hcl", "--auto-approve")
		})
		if err != nil {
			return err
		}
		b.show(row{name: "apply " + c.String(), figure: first, bar: c.bar, memory: c.memory})
		again, err := measure(func() (sample, error) { return b.clusterflow(ctx, dir, "apply", "site.hcl", "--auto-approve") })
		if err != nil {
			return err
		}
		b.show(row{name: "  again, nothing to do", figure: again})
		if err := b.withoutDisk(ctx, dir, &first); err != nil {
			return err
		}
		if err := b.compare(ctx, c.peers, c.shape, &first); err != nil {
			return err
		}
	}
	return nil
}

// withoutDisk measures the same with the state in memory, where nothing waits for
// a disk: the rest is what a journal that survives a power failure costs.
func (b *bench) withoutDisk(ctx context.Context, dir string, first *figure) error {
	const memory = "/dev/shm"
	if info, err := os.Stat(memory); err != nil || !info.IsDir() {
		return nil
	}
	state, err := os.MkdirTemp(memory, "clusterflow-bench-")
	if err != nil {
		return err
	}
	f, err := measure(func() (sample, error) {
		if err := fresh(state, "site"); err != nil {
			return sample{}, err
		}
		return b.command(ctx, dir, filepath.Join(b.bin, "clusterflow"), "apply", "site.hcl", "--auto-approve", "--state-dir", state)
	})
	if removed := os.RemoveAll(state); err == nil {
		err = removed
	}
	if err != nil {
		return err
	}
	b.show(row{name: "  journal off the disk, in memory", figure: f, than: first})
	return nil
}

// site writes a pipeline and returns its directory.
func (b *bench) site(s shape) (string, error) {
	dir, err := os.MkdirTemp(b.work, "site-")
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for i := range s.size {
		value := fmt.Sprint(i)
		if s.chain && i > 0 {
			value = fmt.Sprintf("phase.p%d.value", i-1)
		}
		fmt.Fprintf(&text, "phase \"core.noop\" \"p%d\" { value = %s }\n", i, value)
	}
	return dir, os.WriteFile(filepath.Join(dir, "site.hcl"), []byte(text.String()), 0o600)
}

// drawing measures from the start of the program to the drawn graph.
func (b *bench) drawing(ctx context.Context) error {
	for _, c := range []struct {
		shape
		bar time.Duration
	}{
		{shape{100, false}, 50 * time.Millisecond},
		{shape{100, true}, 50 * time.Millisecond},
		{shape{1000, false}, 150 * time.Millisecond},
		{shape{1000, true}, 150 * time.Millisecond},
	} {
		for _, format := range []string{"dot", "ascii", "svg"} {
			name := "graph --format " + format + ", " + c.String()
			if !b.wanted.MatchString(name) {
				continue
			}
			dir, err := b.site(c.shape)
			if err != nil {
				return err
			}
			bar := c.bar
			if format != "dot" {
				bar = 0
			}
			f, err := measure(func() (sample, error) { return b.clusterflow(ctx, dir, "graph", "site.hcl", "--format", format) })
			if err != nil {
				return err
			}
			b.show(row{name: name, figure: f, bar: bar})
		}
	}
	return nil
}

// peer does as much as a pipeline of phases that do nothing. prepare writes its
// files and returns what to run each time.
type peer struct {
	name, program string
	prepare       func(ctx context.Context, b *bench, dir string, s shape) (func() (sample, error), error)
}

// compare measures the peers that are installed.
func (b *bench) compare(ctx context.Context, peers []peer, s shape, first *figure) error {
	for _, p := range peers {
		if _, err := exec.LookPath(p.program); err != nil {
			continue
		}
		dir, err := os.MkdirTemp(b.work, "peer-")
		if err != nil {
			return err
		}
		f, err := p.prepare(ctx, b, dir, s)
		if err != nil {
			return err
		}
		got, err := measure(f)
		if err != nil {
			return err
		}
		b.show(row{name: "  " + p.name, figure: got, than: first})
	}
	return nil
}
