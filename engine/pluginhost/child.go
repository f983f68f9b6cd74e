package pluginhost

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// drainTime is how long output is read after the process ended. What it printed
// itself is in the pipes by then; only a descendant that left the process group
// can hold them open longer.
const drainTime = 100 * time.Millisecond

// child is one process of a plugin. It is the runner.Runner that go-plugin drives,
// and gives it nothing to stumble over: go-plugin sees the handshake line and then
// the end of both streams, while the real ones are read here to their end.
type child struct {
	binary *Binary
	spawn  *spawner
	log    func(sdk.Log)

	env       []string // set by go-plugin's RunnerFunc, as is socketDir
	socketDir string

	hello  *io.PipeReader // the handshake line
	helloW *io.PipeWriter
	// connected is closed when go-plugin has made its connection or given up.
	// Until then it is not told that the process ended: it would forget a
	// connection that it is just making.
	connected chan struct{}
	// ended is closed when the process was reaped and its output read.
	ended chan struct{}
	// refusal is why the handshake was not accepted. Read it after ended.
	refusal error
	// wanted says that the process ended because this host wanted it. Read it after
	// ended.
	wanted bool

	begun   bool // Start was called
	greeted bool // used by the reader of stdout only, as is strays
	strays  int

	mu     sync.Mutex
	cmd    *exec.Cmd
	stdin  *os.File // closes when the engine dies, however it dies
	doomed bool     // kill or hangUp was called
	reaped bool
}

func newChild(b *Binary, spawn *spawner, log func(sdk.Log)) *child {
	c := &child{binary: b, spawn: spawn, log: log, connected: make(chan struct{}), ended: make(chan struct{})}
	c.hello, c.helloW = io.Pipe()
	return c
}

// start makes the pipes and the process, and returns our ends of its output.
func (c *child) start() (stdout, stderr *os.File, err error) {
	var theirs, ours [3]*os.File // stdin, stdout, stderr
	for i := range theirs {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(append(theirs[:i], ours[:i]...))
			return nil, nil, fmt.Errorf("make pipe: %w", err)
		}
		theirs[i], ours[i] = w, r
		if i == 0 {
			theirs[i], ours[i] = r, w
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd := &exec.Cmd{
		Path: c.binary.Path, Args: []string{c.binary.Path}, Env: c.env,
		Stdin: theirs[0], Stdout: theirs[1], Stderr: theirs[2],
	}
	err = errKilled
	if !c.doomed {
		err = c.spawn.do(func() error { return launch(cmd, c.binary.file) })
	}
	closeAll(theirs[:])
	if err != nil {
		closeAll(ours[:])
		return nil, nil, err
	}
	c.cmd, c.stdin = cmd, ours[0]
	return ours[1], ours[2], nil
}

// closeAll closes pipes, whose Close cannot fail in a way that matters.
func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func (c *child) read(f *os.File, emit func([]byte)) {
	out := &lines{emit: emit}
	_, _ = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{f}, make([]byte, 32<<10))
	out.flush()
	_ = f.Close()
}

// stdoutLine looks for the handshake, and logs everything else.
func (c *child) stdoutLine(line []byte) {
	if c.greeted || c.refusal != nil {
		c.log(sdk.ParseLog(line, "stdout"))
		return
	}
	hello, ok := parseHandshake(string(line))
	if !ok {
		c.log(sdk.ParseLog(line, "stdout"))
		if c.strays++; c.strays == maxPreamble {
			c.refuse(fmt.Errorf("it printed %d lines on stdout and no handshake among them", c.strays))
		}
		return
	}
	if err := hello.check(c.socketDir); err != nil {
		c.refuse(err)
		return
	}
	c.greeted = true
	_, _ = io.WriteString(c.helloW, strings.TrimSpace(string(line))+"\n")
	_ = c.helloW.Close()
}

func (c *child) stderrLine(line []byte) { c.log(sdk.ParseLog(line, "stderr")) }

func (c *child) refuse(err error) {
	c.refusal = err
	c.kill()
}

// abort ends a process that go-plugin has not even tried to start.
func (c *child) abort() {
	if !c.begun {
		close(c.ended)
	}
}

// hangUp closes standard input, which asks the plugin to exit.
func (c *child) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomed = true
	if c.stdin != nil {
		_ = c.stdin.Close()
		c.stdin = nil
	}
}

// kill ends the process and its group at once, or before it started.
func (c *child) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomed = true
	if c.cmd != nil && !c.reaped {
		killGroup(c.cmd.Process.Pid)
	}
}

func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil {
		return 0
	}
	return c.cmd.Process.Pid
}

// exit says how the process ended, after it did: "exit status 2", "signal: killed".
func (c *child) exit() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd == nil || c.cmd.ProcessState == nil {
		return "not started"
	}
	return c.cmd.ProcessState.String()
}
