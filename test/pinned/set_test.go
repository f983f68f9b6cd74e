package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// toySet is a set of two programs in a module that needs no network.
func toySet(t *testing.T, out *bytes.Buffer) set {
	t.Helper()
	top := t.TempDir()
	write(t, top, "pin/go.mod", `module example.org/pin

go 1.26.0

require example.org/toy v1.2.3

replace example.org/toy => ../toy
`)
	write(t, top, "pin/go.sum", "")
	write(t, top, "toy/go.mod", "module example.org/toy\n\ngo 1.26.0\n")
	for _, name := range []string{"one", "two"} {
		write(t, top, "toy/"+name+"/main.go",
			"package main\n\nvar version string\n\nfunc main() { print(version) }\n")
	}
	return set{
		name: "toys", top: top, cache: filepath.Join(top, "cache"), out: out,
		programs: []program{
			{"one", "pin", "example.org/toy/one", "-X main.version={version}/{major}/{minor}"},
			{"two", "pin", "example.org/toy/two", ""},
		},
	}
}

func write(t *testing.T, top, name, text string) {
	t.Helper()
	file := filepath.Join(top, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestEnsureBuildsOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := toySet(t, &out)
	dir, err := s.ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := exec.CommandContext(t.Context(), filepath.Join(dir, "one")).CombinedOutput()
	if err != nil || string(got) != "v1.2.3/1/2" {
		t.Errorf("program one printed %q, %v", got, err)
	}
	for _, want := range []string{"building 2 of 2 programs", "1/2", "one v1.2.3\n", "2/2", "two v1.2.3: built in", "ready"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("first run does not say %q:\n%s", want, out.String())
		}
	}

	out.Reset()
	again, err := s.ensure(t.Context())
	if err != nil || again != dir || out.Len() > 0 {
		t.Errorf("second run: got %q, %v and says %q, want %q and silence", again, err, out.String(), dir)
	}
}

func TestEnsureAfterFailure(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := toySet(t, &out)
	good := "package main\n\nfunc main() {}\n"
	write(t, s.top, "toy/two/main.go", "package main\n\nfunc main() { missing() }\n")
	_, err := s.ensure(t.Context())
	if err == nil {
		t.Fatal("a program that does not compile was built")
	}
	for _, want := range []string{"build two: ", "undefined: missing", "two.log"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}

	out.Reset()
	write(t, s.top, "toy/two/main.go", good)
	if _, err := s.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "building 1 of 2") {
		t.Errorf("after a failure everything is built again:\n%s", out.String())
	}
}

// A build that was killed leaves a temporary file, which nobody may trust.
func TestEnsureAfterKill(t *testing.T) {
	t.Parallel()
	s := toySet(t, &bytes.Buffer{})
	key, err := s.key()
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.cache, "toys-"+key+"/.tmp-one-1", "half")
	dir, err := s.ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestEnsureCancelled(t *testing.T) {
	t.Parallel()
	s := toySet(t, &bytes.Buffer{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.ensure(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if got, err := filepath.Glob(filepath.Join(s.cache, "*", "one")); err != nil || len(got) > 0 {
		t.Errorf("a cancelled build left %v, %v", got, err)
	}
}

func TestEnsureTwoAtOnce(t *testing.T) {
	t.Parallel()
	var outs [2]bytes.Buffer
	first := toySet(t, &outs[0])
	second := first
	second.out = &outs[1]
	errs := make(chan error)
	for _, s := range []set{first, second} {
		go func() {
			_, err := s.ensure(t.Context())
			errs <- err
		}()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(outs[0].String()+outs[1].String(), "building 2 of 2"); got != 1 {
		t.Errorf("built %d times:\n%s\n%s", got, outs[0].String(), outs[1].String())
	}
}

func TestKeyFollowsPins(t *testing.T) {
	t.Parallel()
	s := toySet(t, &bytes.Buffer{})
	before, err := s.key()
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.top, "pin/go.sum", "example.org/other v1.0.0 h1:x\n")
	after, err := s.key()
	if err != nil || after == before {
		t.Errorf("key is still %q after go.sum changed, %v", after, err)
	}
	write(t, s.top, "pin/main.go", "package main\n")
	if own, err := s.key(); err != nil || own == after {
		t.Errorf("key is still %q after a source file changed, %v", own, err)
	}
	s.top = t.TempDir()
	if _, err := s.key(); err == nil || !strings.Contains(err.Error(), "top of the clone") {
		t.Errorf("in a wrong directory: got %v", err)
	}
}

func TestSetsArePinned(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"kube", "tools", "lab"} {
		programs, err := programsOf(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range programs {
			if version, err := p.version("../.."); err != nil {
				t.Errorf("%s: version %q, %v", p.name, version, err)
			}
		}
	}
	if _, err := programsOf("kubes"); !errors.Is(err, errUsage) {
		t.Errorf("unknown set: got %v", err)
	}
}

func TestCacheDir(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  map[string]string
		want string
	}{
		"own variable": {map[string]string{"CLUSTERFLOW_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"},
		"xdg":          {map[string]string{"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/clusterflow"},
		"home":         {map[string]string{"HOME": "/h"}, "/h/.cache/clusterflow"},
		"nothing":      {nil, "/clone/.cache"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := cacheDir(func(key string) string { return tt.env[key] }, "/clone"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLinkReplaces(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "bin", "kube")
	for _, dir := range []string{"/a", "/b", "/b"} {
		if err := link(dir, name); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(name); err != nil || got != dir {
			t.Errorf("link: got %q, %v, want %q", got, err, dir)
		}
	}
}
