package lab

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inTemp gives labs an empty state directory.
func inTemp(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "labs")
	t.Setenv("CLUSTERFLOW_LAB_DIR", dir)
	return dir
}

func TestClaim(t *testing.T) {
	dir := inTemp(t)
	first, err := claim(t.Context(), "one", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(t.Context(), "one", io.Discard); !errors.Is(err, ErrInUse) {
		t.Errorf("claim of what another has: got %v, want %v", err, ErrInUse)
	}
	second, err := claim(t.Context(), "two", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []stateDir{first, second} {
		if err := errors.Join(d.remove(t.Context()), d.release()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the last lab leaves %s: %v", dir, err)
	}
}

// What is left by a process that died goes with the next claim of any name.
func TestClaimSweeps(t *testing.T) {
	dir := inTemp(t)
	dead, err := claim(t.Context(), "dead", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := claim(t.Context(), "kept", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	group := filepath.Join(t.TempDir(), "group") // with one process, as a file says
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(kept.save(record{Groups: groups{group}, Kept: true}), dead.lock.Close(), kept.lock.Close()); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	if _, err := claim(t.Context(), "new", &log); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"dead": false, "dead.lock": false, "kept": true, "new": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", name, err == nil, want)
		}
	}
	if !strings.Contains(log.String(), "dead") || strings.Contains(log.String(), "kept") {
		t.Errorf("it says %q, want dead and not kept", &log)
	}
	if _, err := claim(t.Context(), "kept", io.Discard); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "make lab-down") {
		t.Errorf("claim of a kept lab: got %v, want %v and what to do", err, ErrInUse)
	}
}

func TestCheckName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a": true, "lab-1": true, NameOf("test", "/clone", "TestX"): true, strings.Repeat("a", 20): true,
		"": false, "-a": false, "a-": false, "A": false, "../a": false, "a b": false, strings.Repeat("a", 21): false,
	} {
		if got := checkName(name) == nil; got != want {
			t.Errorf("%q is a good name: %v, want %v", name, got, want)
		}
	}
	if NameOf("lab", "/a", "b") == NameOf("lab", "/ab") {
		t.Error("different things have the same name")
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var o Options
	if err := o.fill(); err != nil || o.Hosts != 1 || o.Log == nil || !strings.HasPrefix(o.Name, "lab-") || o.Top != top {
		t.Errorf("zero options become %+v, %v", o, err)
	}
	for _, hosts := range []int{-1, MaxHosts + 1} {
		bad := Options{Hosts: hosts}
		if err := bad.fill(); err == nil {
			t.Errorf("%d hosts are accepted", hosts)
		}
	}
}
