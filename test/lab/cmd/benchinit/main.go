// Command benchinit measures clusterflow apply init.hcl beside kubeadm init, in
// turn, on one host of a lab that has the images and is made anew each time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

// within is how long one cluster may take.
const within = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchinit:", err)
		os.Exit(1)
	}
}

// sample is one cluster: how long the command took, and how long it was from the
// start of the command until all pods were Ready.
type sample struct{ command, ready time.Duration }

func run(ctx context.Context, out, log io.Writer) (err error) {
	rounds := flag.Int("n", 5, "how often each is measured")
	flag.Parse()
	l, err := lab.Up(ctx, lab.Options{Name: "bench-init", Images: true, Kubeadm: true, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Down(context.WithoutCancel(ctx))) }()
	h := l.Host("n1")
	var theirs, ours []sample
	var paths []path
	for i := range *rounds {
		a, err := measure(ctx, h, func(ctx context.Context) error { return h.KubeadmInit(ctx) })
		if err != nil {
			return err
		}
		var events string
		b, err := measure(ctx, h, func(ctx context.Context) (err error) {
			events, err = h.Clusterflow(ctx, lab.Variables, "apply", "init.hcl", "--auto-approve", "--json")
			return err
		})
		if err != nil {
			return err
		}
		p, err := criticalPath(events, b.command)
		if err != nil {
			return err
		}
		theirs, ours, paths = append(theirs, a), append(ours, b), append(paths, p)
		load, err := os.ReadFile("/proc/loadavg")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "round %d: kubeadm %s, clusterflow %s; load %s\n", i+1, a, b, strings.Fields(string(load))[0])
	}
	report(out, theirs, ours, paths)
	return nil
}

func (s sample) String() string {
	return fmt.Sprintf("%.1fs (pods Ready %.1fs)", s.command.Seconds(), s.ready.Seconds())
}

// measure makes h new and then a cluster.
func measure(ctx context.Context, h *lab.Host, initialize func(context.Context) error) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := h.Wipe(ctx); err != nil {
		return sample{}, err
	}
	if _, err := h.InstallClusterflow(ctx); err != nil {
		return sample{}, err
	}
	if _, err := h.Run(ctx, "crictl", "version"); err != nil { // containerd is up
		return sample{}, err
	}
	began := time.Now()
	if err := initialize(ctx); err != nil {
		return sample{}, err
	}
	s := sample{command: time.Since(began)}
	if err := h.WaitForCluster(ctx); err != nil {
		return sample{}, err
	}
	s.ready = time.Since(began)
	return s, nil
}

func report(out io.Writer, theirs, ours []sample, paths []path) {
	command := func(s sample) time.Duration { return s.command }
	ready := func(s sample) time.Duration { return s.ready }
	for _, line := range []struct {
		name  string
		value func(sample) time.Duration
	}{{"command", command}, {"all pods Ready", ready}} {
		a, b := median(theirs, line.value), median(ours, line.value)
		fmt.Fprintf(out, "%-15s kubeadm %5.2fs  clusterflow %5.2fs  ratio %.2f\n", line.name, a.Seconds(), b.Seconds(), b.Seconds()/a.Seconds())
	}
	slices.SortFunc(paths, func(a, b path) int { return int(a.total - b.total) })
	fmt.Fprint(out, paths[len(paths)/2])
}

func median(all []sample, value func(sample) time.Duration) time.Duration {
	var values []time.Duration
	for _, s := range all {
		values = append(values, value(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
