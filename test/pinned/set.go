package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// buildFlags are the flags of every build. Readonly makes a go.mod or go.sum
// that does not pin everything an error instead of a look for newer versions.
const buildFlags = "-mod=readonly -trimpath -buildvcs=false -v"

// set is a group of programs that are kept in one directory of the cache.
type set struct {
	name     string
	programs []program
	top      string // the clone
	cache    string
	out      io.Writer // for people
}

// ensure returns the directory that holds every program of s, after building
// those it lacks. Programs appear in it whole or not at all, so it may be
// interrupted at any time and run again, also by two processes at once.
func (s set) ensure(ctx context.Context) (string, error) {
	key, err := s.key()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(s.cache, s.name+"-"+key)
	if s.missing(dir) == 0 {
		_ = use(dir, time.Now()) // a cache that others own stays as it is
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := s.lock(ctx, filepath.Join(dir, ".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := s.buildMissing(ctx, dir); err != nil {
		return dir, err
	}
	return dir, s.prune(dir, time.Now())
}

// key names what goes into s: the recipe, the pinned modules, what is written
// in this clone, the compiler.
func (s set) key() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, buildFlags, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, p := range s.programs {
		fmt.Fprintf(h, "%q\n", []string{p.name, p.module, p.pkg, p.linkerFlags("")})
		own, err := filepath.Glob(filepath.Join(s.top, p.module, "*.go"))
		if err != nil {
			return "", err
		}
		module := filepath.Join(s.top, p.module)
		for _, file := range append([]string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")}, own...) {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", fmt.Errorf("%w; start this at the top of the clone", err)
			}
			fmt.Fprintf(h, "%s %x\n", filepath.Base(file), sha256.Sum256(text))
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:6]), nil
}

// missing counts the programs of s that dir lacks.
func (s set) missing(dir string) int {
	n := 0
	for _, p := range s.programs {
		if !isProgram(filepath.Join(dir, p.name)) {
			n++
		}
	}
	return n
}

func isProgram(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// lock waits until no other process builds into the directory of file. The
// kernel gives the lock back when its holder dies.
func (s set) lock(ctx context.Context, file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", file, err), f.Close())
		}
		if !told {
			fmt.Fprintf(s.out, "%s: another process is building the same; waiting for it\n", s.name)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-tick.C:
		}
	}
}

// buildMissing builds what dir lacks. The caller holds the lock.
func (s set) buildMissing(ctx context.Context, dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, ".tmp-*")) // by a process that was killed
	if err != nil {
		return err
	}
	for _, file := range left {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	n := s.missing(dir)
	if n == 0 {
		return nil // another process built them while this one waited
	}
	fmt.Fprintf(s.out, "%s: building %d of %d programs into %s\n", s.name, n, len(s.programs), dir)
	show := newProgress(s.out, n)
	for _, p := range s.programs {
		if isProgram(filepath.Join(dir, p.name)) {
			continue
		}
		version, err := p.version(s.top)
		if err != nil {
			return err
		}
		show.next(p.name + " " + version)
		if err := s.build(ctx, dir, p, version, show); err != nil {
			return err
		}
	}
	show.end(s.name)
	return nil
}

// build builds p and moves it into dir.
func (s set) build(ctx context.Context, dir string, p program, version string, show *progress) error {
	logFile := filepath.Join(dir, p.name+".log")
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	temp := filepath.Join(dir, fmt.Sprintf(".tmp-%s-%d", p.name, os.Getpid()))
	args := append([]string{"build"}, strings.Fields(buildFlags)...)
	cmd := exec.CommandContext(ctx, "go", append(args, "-ldflags", p.linkerFlags(version), "-o", temp, p.pkg)...)
	cmd.Dir = filepath.Join(s.top, p.module)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := show.watch(cmd, logFile); err != nil {
		os.Remove(temp)
		if ctx.Err() != nil {
			return fmt.Errorf("build %s: %w; finished programs are kept", p.name, context.Cause(ctx))
		}
		return fmt.Errorf("build %s: %w\n%s\nThe whole log is %s", p.name, err, lastLines(logFile, 20), logFile)
	}
	size, err := moveInto(temp, filepath.Join(dir, p.name))
	if err != nil {
		return err
	}
	show.built(size)
	return nil
}

// moveInto renames temp to file once its bytes are on disk, and answers how many.
func moveInto(temp, file string) (size int64, err error) {
	f, err := os.Open(temp)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	return info.Size(), os.Rename(temp, file)
}
