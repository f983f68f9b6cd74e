package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// leastRuns is how often everything is measured; what takes long, no more often.
const (
	leastRuns = 5
	mostRuns  = 11
	enough    = 4 * time.Second
)

type bench struct {
	out            io.Writer
	bin, top, work string
	wanted         *regexp.Regexp
	met, missed    int // bars
}

// figure is the median of some runs.
type figure struct {
	time, least, most time.Duration
	cpu               time.Duration
	memory            int64 // the most of a run, in bytes
	runs              int
}

// measure runs f until the median means something.
func measure(f func() (sample, error)) (figure, error) {
	var samples []sample
	begin := time.Now()
	for len(samples) < leastRuns || len(samples) < mostRuns && time.Since(begin) < enough {
		s, err := f()
		if err != nil {
			return figure{}, err
		}
		samples = append(samples, s)
	}
	return figureOf(samples), nil
}

// measureTimes is measure with a number of runs.
func measureTimes(runs int, f func() (sample, error)) (figure, error) {
	samples := make([]sample, runs)
	for i := range samples {
		var err error
		if samples[i], err = f(); err != nil {
			return figure{}, err
		}
	}
	return figureOf(samples), nil
}

func figureOf(samples []sample) figure {
	slices.SortFunc(samples, func(a, b sample) int { return int(a.wall - b.wall) })
	mid, last := samples[len(samples)/2], samples[len(samples)-1]
	out := figure{time: mid.wall, cpu: mid.cpu, least: samples[0].wall, most: last.wall, runs: len(samples)}
	for _, s := range samples {
		out.memory = max(out.memory, s.memory)
	}
	return out
}

// sample is one run of a program.
type sample struct {
	wall, cpu time.Duration
	memory    int64
}

// command runs a program to its end. What it prints is shown if it fails.
func (b *bench) command(ctx context.Context, dir, name string, args ...string) (sample, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "NO_COLOR=1",
		"CLUSTERFLOW_PLUGIN_PATH="+b.bin, "XDG_CACHE_HOME="+filepath.Join(b.work, "cache"))
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return sample{}, err
	}
	ended, peak := make(chan struct{}), make(chan int64, 1)
	go func() { peak <- watchMemory(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	s := sample{wall: time.Since(begin)}
	close(ended)
	s.memory = <-peak
	if err != nil {
		return s, fmt.Errorf("%s %v: %w\n%s", filepath.Base(name), args, err, tail(printed.Bytes()))
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return s, nil
}

// watchMemory returns the peak of a process's memory, in bytes, or 0 where the
// system does not tell. What the kernel tells of a process that has ended counts
// its children and what it was made from as well, so this looks while it runs.
func watchMemory(pid int, ended <-chan struct{}) int64 {
	const often = 5 * time.Millisecond
	tick := time.NewTicker(often)
	defer tick.Stop()
	var peak int64
	for {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
			if _, line, ok := strings.Cut(string(text), "VmHWM:"); ok {
				var kib int64
				if _, err := fmt.Sscan(line, &kib); err == nil {
					peak = max(peak, kib<<10)
				}
			}
		}
		select {
		case <-tick.C:
		case <-ended:
			return peak
		}
	}
}

func tail(text []byte) []byte {
	const most = 2000
	return text[max(0, len(text)-most):]
}

// clusterflow runs the program that is measured.
func (b *bench) clusterflow(ctx context.Context, dir string, args ...string) (sample, error) {
	return b.command(ctx, dir, filepath.Join(b.bin, "clusterflow"), append(args, "--state-dir", filepath.Join(dir, "state"))...)
}

// fresh removes what a run left in a directory.
func fresh(dir string, names ...string) error {
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}
