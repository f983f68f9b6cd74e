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
	"syscall"
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
	slices.SortFunc(samples, func(a, b sample) int { return int(a.wall - b.wall) })
	mid, last := samples[len(samples)/2], samples[len(samples)-1]
	out := figure{time: mid.wall, cpu: mid.cpu, least: samples[0].wall, most: last.wall, runs: len(samples)}
	for _, s := range samples {
		out.memory = max(out.memory, s.memory)
	}
	return out, nil
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
	err := cmd.Run()
	s := sample{wall: time.Since(begin)}
	if err != nil {
		return s, fmt.Errorf("%s %v: %w\n%s", filepath.Base(name), args, err, tail(printed.Bytes()))
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.memory = usage.Maxrss << 10
	}
	return s, nil
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

// row is a line of the table.
type row struct {
	name string
	figure
	bar    time.Duration // zero: there is none
	memory int64         // bar, in bytes
	than   *figure       // what it is compared with
}

func (b *bench) head() {
	fmt.Fprintf(b.out, "%-52s %9s %17s %9s %6s %7s %8s\n", "", "median", "least…most", "bar", "× bar", "memory", "× first")
}

// show prints a row.
func (b *bench) show(r row) {
	bar, ratio, memory, than := "", "", "", ""
	if r.bar > 0 {
		bar, ratio = short(r.bar), fmt.Sprintf("%.2f", r.time.Seconds()/r.bar.Seconds())
	}
	if r.figure.memory > 0 {
		memory = fmt.Sprintf("%d MB", r.figure.memory>>20)
		if r.memory > 0 {
			memory += fmt.Sprintf("/%d", r.memory>>20)
		}
	}
	if r.than != nil && r.than.time > 0 {
		than = fmt.Sprintf("%.1f", r.time.Seconds()/r.than.time.Seconds())
	}
	fmt.Fprintf(b.out, "%-52s %9s %17s %9s %6s %7s %8s\n", r.name, short(r.time), short(r.least)+"…"+short(r.most), bar, ratio, memory, than)
}

func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}
