//go:build lab

package tests

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
	"github.com/clusterflow/clusterflow/test/lab/labtest"
)

// childVariable makes this test program bring up the lab it names and wait to be killed.
const childVariable = "CLUSTERFLOW_LAB_TEST_CHILD"

func TestMain(m *testing.M) {
	name := os.Getenv(childVariable)
	if name == "" {
		m.Run()
		return
	}
	if _, err := lab.Up(context.Background(), lab.Options{Name: name, Hosts: 2}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println("up")
	select {}
}

func TestDownLeavesNothing(t *testing.T) {
	labtest.Require(t)
	name := labtest.Name(t)
	l, err := lab.Up(t.Context(), lab.Options{Name: name, Hosts: 2, Images: true, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	runPod(t, l.Host("n1"))
	traces := tracesOf(t, name)
	if len(traces.networks) != 3 || len(traces.processes) < 10 || len(traces.mounts) < 5 || len(traces.files) < 3 || len(traces.locks) != 2 || len(traces.groups) == 0 {
		t.Errorf("a running lab has too few traces to tell whether they go:\n%s", traces)
	}
	if err := l.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := traces.left(t); !left.empty() {
		t.Errorf("left after down:\n%s", left)
	}
}

// A lab whose process was killed is removed by whoever comes next, and a lab
// that is in use is not.
func TestKilledLabIsRemoved(t *testing.T) {
	labtest.Require(t)
	inUse := labtest.Up(t, lab.Options{})
	for _, until := range []string{"record", "net/bridge", "n2/console", "n1/leader", ""} {
		t.Run("killed after "+until, func(t *testing.T) {
			name := lab.NameOf("kill", labtest.Name(t))
			traces := killAfter(t, name, filepath.Join(stateRoot(), name, until), until == "")
			next := labtest.Up(t, lab.Options{})
			if left := traces.left(t); !left.empty() {
				t.Errorf("after the next lab came up there is of %s:\n%s", name, left)
			}
			run(t, next.Host("n1"), "true")
			run(t, inUse.Host("n1"), "crictl", "version")
		})
	}
}

// killAfter starts a process that brings up a lab and kills it once file exists,
// or the lab is up, and answers what it had until then.
func killAfter(t *testing.T, name, file string, up bool) traces {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if up {
		if line, err := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
			t.Fatalf("the child says %q, %v, want up", line, err)
		}
	} else {
		waitForFile(t, file)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it says that it was killed
	return tracesOf(t, name)
}

func waitForFile(t *testing.T, file string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(file); err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("wait for %s: %v", file, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func TestNameInUse(t *testing.T) {
	l := labtest.Up(t, lab.Options{})
	if _, err := lab.Up(t.Context(), lab.Options{Name: l.Name}); !errors.Is(err, lab.ErrInUse) {
		t.Errorf("a second lab of that name: got %v, want %v", err, lab.ErrInUse)
	}
	if err := lab.Remove(t.Context(), l.Name); !errors.Is(err, lab.ErrInUse) {
		t.Errorf("removal by another: got %v, want %v", err, lab.ErrInUse)
	}
	found, err := lab.Open(l.Name)
	if err != nil {
		t.Fatal(err)
	}
	if got := run(t, found.Host("n1"), "hostname"); got != "n1\n" {
		t.Errorf("found host has the name %q, want n1", got)
	}
	if _, err := lab.Open("nobody"); !errors.Is(err, lab.ErrNotUp) {
		t.Errorf("open of no lab: got %v, want %v", err, lab.ErrNotUp)
	}
}
