// Command bench measures clusterflow as a user meets it, through its command
// line, and prints a table with the bars of the project and with peers that are
// installed: GNU make, a shell loop, kubeadm, terraform, go-task.
//
//	go run ./test/bench [DIR] [PATTERN]
//
// DIR holds clusterflow and its plugins, bin unless it says otherwise; PATTERN is
// a regular expression that picks rows. All figures are medians, of processes from
// their start to their end; what is measured once more is measured in the same
// minute on the same disk, so ratios mean more than figures. CPU time is that of
// the program and its plugins together: on a busy machine it tells more than the
// wall clock. Memory is the peak of the program itself, the most of all runs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	bin, pattern := "bin", ""
	if len(args) > 0 {
		bin = args[0]
	}
	if len(args) > 1 {
		pattern = args[1]
	}
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return err
	}
	bin, err = filepath.Abs(bin)
	if err != nil {
		return err
	}
	top, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	cache := filepath.Join(top, ".cache") // on a disk that outlives a power failure, unlike many a /tmp
	if err := os.MkdirAll(cache, 0o750); err != nil {
		return err
	}
	work, err := os.MkdirTemp(cache, "bench-")
	if err != nil {
		return err
	}
	b := &bench{out: out, bin: bin, top: top, work: work, wanted: wanted}
	err = b.all(ctx)
	if removed := os.RemoveAll(work); err == nil {
		err = removed
	}
	return err
}

// all measures row by row.
func (b *bench) all(ctx context.Context) error {
	b.head()
	for _, section := range []func(context.Context) error{b.pipelines, b.drawing, b.launch, b.certificates} {
		if err := section(ctx); err != nil {
			return err
		}
	}
	b.foot()
	return nil
}
