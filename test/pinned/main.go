// Command pinned builds programs that clusterflow uses but does not own:
// Kubernetes and etcd for the embedded pipeline, linters and code generators
// for developers, and what else the hosts of the lab run.
//
//	go run ./test/pinned kube [DIR]
//	go run ./test/pinned tools [DIR]
//	go run ./test/pinned lab [DIR]
//
// It must be started at the top of the clone. Each program is built from a Go
// module of its own whose go.mod and go.sum pin every source file, so nothing
// but the Go module proxy is needed. Results are kept in a cache outside the
// clone, in a directory named after everything that went into them. A second
// run with the same inputs only points the symbolic link DIR there.
//
// The cache is $CLUSTERFLOW_CACHE, or $XDG_CACHE_HOME/clusterflow, or
// $HOME/.cache/clusterflow, or without any of these .cache in the clone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

var errUsage = errors.New("usage: go run ./test/pinned kube|tools|lab [LINK]")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stderr, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pinned:", err)
		os.Exit(1)
	}
}

// run makes the set named by args[0] and links args[1], if given, to it.
func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errUsage
	}
	programs, err := programsOf(args[0])
	if err != nil {
		return err
	}
	top, err := filepath.Abs(".")
	if err != nil {
		return err
	}
	s := set{name: args[0], programs: programs, top: top, cache: cacheDir(os.Getenv, top), out: out}
	dir, err := s.ensure(ctx)
	if err != nil || len(args) == 1 {
		return err
	}
	return link(dir, args[1])
}

// cacheDir answers where finished programs are kept.
func cacheDir(getenv func(string) string, top string) string {
	if dir := getenv("CLUSTERFLOW_CACHE"); dir != "" {
		return dir
	}
	if dir := getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "clusterflow")
	}
	if dir := getenv("HOME"); dir != "" {
		return filepath.Join(dir, ".cache", "clusterflow")
	}
	return filepath.Join(top, ".cache")
}

// link makes name a symbolic link to dir, in one step if it already is one.
func link(dir, name string) error {
	if old, err := os.Readlink(name); err == nil && old == dir {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temp := fmt.Sprintf("%s.%d", name, os.Getpid())
	if err := os.Symlink(dir, temp); err != nil {
		return err
	}
	if err := os.Rename(temp, name); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return nil
}
