//go:build linux

package pluginhost_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestOutput(t *testing.T) {
	h := newHost(t)
	lease := h.client(t)
	start := time.Now()
	for range 3 {
		if _, err := lease.Client.Apply(t.Context(), misbehave("garbage", 100<<10), nil); err != nil {
			t.Fatal(err)
		}
	}
	took(t, "3 x 100 KiB on stdout", start)
	if l := h.logged(t, "5"); l.Stream != "stderr" {
		t.Errorf("got %+v", l)
	}
	if err := lease.Health(t.Context()); err != nil {
		t.Error(err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if l := h.logged(t, "xxx"); l.Stream != "stdout" || len(l.Message) > sdk.MaxLogLine+10 {
		t.Errorf("got a line of %d bytes from %s", len(l.Message), l.Stream)
	}
}

func TestMessageSize(t *testing.T) {
	h := newHost(t)
	lease := h.client(t)
	for name, size := range map[string]int{"5 MiB": 5 << 20, "65 MiB": 65 << 20} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, there := lease.Client.Apply(t.Context(), say(strings.Repeat("x", size)), nil)
			result, back := lease.Client.Apply(t.Context(), misbehave("huge", size), nil)
			t.Logf("%v; there: %v; back: %v, %v %v", time.Since(start), there, back, result.Status, result.Diagnostics)
			tooBig := size > sdk.MaxMessageSize
			if (there != nil) != tooBig || back != nil || (result.Status == sdk.StatusFailed) != tooBig {
				t.Error("want both to work, or the first to fail and the second to have a failed result")
			}
			if err := lease.Health(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("CF_CANARY", "secret")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("https_proxy", "http://proxy:3128")
	h := newHost(t)
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(h.client(t).PID()), "environ"))
	if err != nil {
		t.Fatal(err)
	}
	env := string(data)
	if strings.Contains(env, "secret") || !strings.Contains(env, "https_proxy=") || !strings.Contains(env, "PATH=") {
		t.Errorf("got environment %q", env)
	}
}

func TestSwap(t *testing.T) {
	h := newHost(t)
	before, err := h.Find(pluginhost.Ref{Name: "echo"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(before.Path); err != nil {
		t.Fatal(err)
	}
	h.script(t, "echo", "exit 1")
	h.client(t) // the one that was hashed
}
