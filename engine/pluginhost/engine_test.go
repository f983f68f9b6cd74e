//go:build linux

package pluginhost_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
)

// playEngine is an engine whose arguments are its search path and its run
// directory. It lets the echo plugin spawn a child, prints both process ids, and
// then says hello through the plugin for every line that it reads.
func playEngine() {
	signal.Ignore(syscall.SIGINT)
	ctx := context.Background()
	h, err := pluginhost.New(pluginhost.Options{Dirs: os.Args[1:2], RunDir: os.Args[2]})
	fatal(err)
	lease, err := h.Client(ctx, pluginhost.Ref{Name: "echo"}, false)
	fatal(err)
	result, err := lease.Client.Apply(ctx, misbehave("spawn", 0), nil)
	fatal(err)
	child, _ := result.Outputs.GetAttr("pid").AsBigFloat().Int64()
	fmt.Println(lease.PID(), child)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		_, err := lease.Client.Apply(ctx, say("hello"), nil)
		fmt.Println(err)
	}
}

func fatal(err error) {
	if err != nil {
		panic(err)
	}
}

// otherEngine is a process that runs playEngine.
type otherEngine struct {
	cmd           *exec.Cmd
	in            io.Writer
	out           *bufio.Reader
	plugin, child int
	bin, run      string
}

func startEngine(t *testing.T) *otherEngine {
	t.Helper()
	e := &otherEngine{bin: t.TempDir(), run: shortDir(t)}
	link(t, filepath.Join(e.bin, "clusterflow-plugin-echo"))
	link(t, filepath.Join(e.bin, "engine"))
	e.cmd = exec.CommandContext(t.Context(), filepath.Join(e.bin, "engine"), e.bin, e.run)
	e.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	e.cmd.Stderr = os.Stderr
	in, err := e.cmd.StdinPipe()
	fatal(err)
	out, err := e.cmd.StdoutPipe()
	fatal(err)
	fatal(e.cmd.Start())
	t.Cleanup(func() { _ = e.cmd.Wait() }) // t.Context has killed it
	e.in, e.out = in, bufio.NewReader(out)
	if _, err := fmt.Fscanln(e.out, &e.plugin, &e.child); err != nil {
		t.Fatalf("read process ids: %v", err)
	}
	endLater(t, e.child)
	return e
}

// interruptGroup does what a terminal does on Ctrl-C: the engine leads its group.
func (e *otherEngine) interruptGroup(t *testing.T) {
	t.Helper()
	pid := e.cmd.Process.Pid
	if group, err := syscall.Getpgid(pid); err != nil || group != pid || pid <= 1 {
		t.Fatalf("the engine %d does not lead its group: %d, %v", pid, group, err)
	}
	fatal(syscall.Kill(-pid, syscall.SIGINT))
}

func TestEngineKilled(t *testing.T) {
	for range 5 { // a race against the kernel: once is not enough
		e := startEngine(t)
		if !alive(e.plugin) || !alive(e.child) {
			t.Fatal("plugin and child do not run")
		}
		start := time.Now()
		fatal(e.cmd.Process.Kill())
		eventually(t, "the plugin is dead", func() bool { return !alive(e.plugin) })
		took(t, "plugin dead after the engine", start)
		eventually(t, "its child is dead", func() bool { return !alive(e.child) })
		took(t, "child dead after the engine", start)
		if sockets, _ := filepath.Glob(e.run + "/*/*/*"); len(sockets) != 1 {
			t.Errorf("got sockets %v, want the one of the dead plugin", sockets)
		}
		h := newHost(t, func(o *pluginhost.Options) { o.RunDir = e.run })
		h.client(t)
		if sockets, _ := filepath.Glob(e.run + "/*/*/*"); len(sockets) != 1 {
			t.Errorf("got sockets %v, want that of the new plugin alone", sockets)
		}
	}
}

// A terminal sends SIGINT to the foreground group: the engine, not its plugins.
func TestInterrupt(t *testing.T) {
	e := startEngine(t)
	e.interruptGroup(t)
	_, err := fmt.Fprintln(e.in, "go on")
	fatal(err)
	if answer, err := e.out.ReadString('\n'); answer != "<nil>\n" || err != nil {
		t.Errorf("call after the interrupt: got %q, %v", answer, err)
	}
	if !alive(e.plugin) || !alive(e.child) {
		t.Error("the interrupt reached the plugin or its child")
	}
}

// A service manager that stops a unit signals every process in it. Plugins leave
// the decision to the engine.
func TestTerminatePlugin(t *testing.T) {
	h := newHost(t)
	lease := h.client(t)
	send(t, lease.PID(), syscall.SIGTERM)
	send(t, lease.PID(), syscall.SIGHUP)
	if _, err := lease.Client.Apply(t.Context(), say("hello"), nil); err != nil {
		t.Errorf("call after the signals: %v", err)
	}
}
