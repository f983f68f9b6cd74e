package pluginhost

import (
	"errors"
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

func (c *child) start() (stdout, stderr *os.File, err error) {
	var files [3][2]*os.File // read and write ends
	for i := range files {
		if files[i][0], files[i][1], err = os.Pipe(); err != nil {
			return nil, nil, errors.Join(err, closeAll(files[:i]))
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cmd = &exec.Cmd{
		Path: c.binary.Path, Args: []string{c.binary.Path}, Env: c.env,
		Stdin: files[0][0], Stdout: files[1][1], Stderr: files[2][1],
	}
	err = errKilled
	if !c.doomed {
		err = c.spawn.do(func() error { return launch(c.cmd, c.binary.file) })
	}
	if err != nil {
		c.cmd = nil
		return nil, nil, errors.Join(err, closeAll(files[:]))
	}
	c.stdin = files[0][1]
	return files[1][0], files[2][0], errors.Join(files[0][0].Close(), files[1][1].Close(), files[2][1].Close())
}

func closeAll(pipes [][2]*os.File) error {
	var errs []error
	for _, pipe := range pipes {
		errs = append(errs, pipe[0].Close(), pipe[1].Close())
	}
	return errors.Join(errs...)
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
