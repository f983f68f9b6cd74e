//go:build linux

package pluginhost_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
)

// TestMain lets the test binary play plugins and engines. Tests link to it under
// the name of a role, and a started process knows its role by that name.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "clusterflow-plugin-echo", "clusterflow-plugin-other":
		sdk.Main(echo.Spec())
	case "engine":
		playEngine()
	default:
		m.Run()
	}
}

// testHost is a host with a search path of its own. When its test ends it is
// closed, and nothing may be left.
type testHost struct {
	*pluginhost.Host
	bin, run string

	mu    sync.Mutex
	lines []pluginhost.Line
}

// newHost returns a host that finds the echo plugin.
func newHost(tb testing.TB, options ...func(*pluginhost.Options)) *testHost {
	tb.Helper()
	ignore := goleak.IgnoreCurrent()
	h := &testHost{bin: tb.TempDir(), run: shortDir(tb)}
	link(tb, filepath.Join(h.bin, "clusterflow-plugin-echo"))
	opts := pluginhost.Options{Dirs: []string{h.bin}, RunDir: h.run, EngineVersion: "test", Log: h.log}
	for _, set := range options {
		set(&opts)
	}
	var err error
	if h.Host, err = pluginhost.New(opts); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			tb.Errorf("close: %v", err)
		}
		if left, err := os.ReadDir(h.run); err != nil || len(left) > 0 {
			tb.Errorf("left in the run directory: %v, %v", left, err)
		}
		goleak.VerifyNone(tb, ignore)
	})
	return h
}

func (h *testHost) log(l pluginhost.Line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, l)
}

// logged waits until a line was logged that begins so.
func (h *testHost) logged(tb testing.TB, begin string) sdk.Log {
	tb.Helper()
	var found sdk.Log
	eventually(tb, "a line "+begin, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, l := range h.lines {
			if strings.HasPrefix(l.Message, begin) {
				found = l.Log
				return true
			}
		}
		return false
	})
	return found
}

// client returns a lease of the shared echo plugin.
func (h *testHost) client(tb testing.TB) pluginhost.Lease {
	tb.Helper()
	lease, err := h.Client(tb.Context(), pluginhost.Ref{Name: "echo"}, false)
	if err != nil {
		tb.Fatal(err)
	}
	return lease
}

// script puts a plugin on the search path that is a shell script.
func (h *testHost) script(tb testing.TB, name, text string) pluginhost.Ref {
	tb.Helper()
	path := filepath.Join(h.bin, "clusterflow-plugin-"+name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		tb.Fatal(err)
	}
	return pluginhost.Ref{Name: name}
}

// shortDir is a directory whose path leaves room for the names of sockets.
func shortDir(tb testing.TB) string {
	tb.Helper()
	dir, err := makeShort()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// makeShort is not tb.TempDir, whose paths hold the names of tests.
func makeShort() (string, error) { return os.MkdirTemp("/tmp", "cf") }

// link makes the test binary known under a name.
func link(tb testing.TB, path string) {
	tb.Helper()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, path)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func say(text string) sdk.ApplyRequest {
	return sdk.ApplyRequest{
		ID: sdk.Ident{Run: "r", Node: "phase.say", Attempt: 1}, Type: "say",
		Config: cty.ObjectVal(map[string]cty.Value{"text": cty.StringVal(text), "secret": cty.NullVal(cty.String)}),
	}
}

func misbehave(how string, size int) sdk.ApplyRequest {
	return sdk.ApplyRequest{
		ID: sdk.Ident{Run: "r", Node: "phase." + how, Attempt: 1}, Type: "misbehave",
		Config: cty.ObjectVal(map[string]cty.Value{
			"how": cty.StringVal(how), "size": cty.NumberIntVal(int64(size)),
		}),
	}
}

// call is an Apply that runs in the background.
type call struct {
	begun  chan struct{} // closed with its first event
	result sdk.Result
	err    error
	done   chan struct{}
}

// begin starts an Apply and returns when it has sent its first event.
func begin(tb testing.TB, client sdk.Client, req sdk.ApplyRequest) *call {
	tb.Helper()
	c := &call{begun: make(chan struct{}), done: make(chan struct{})}
	once := sync.OnceFunc(func() { close(c.begun) })
	go func() {
		defer close(c.done)
		c.result, c.err = client.Apply(tb.Context(), req, func(sdk.Event) { once() })
	}()
	within(tb, 10*time.Second, "the first event", c.begun)
	return c
}
