package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/clusterflow/clusterflow/sdk"
)

// killTime is how long a killed process may take to vanish. Only one that waits
// for broken hardware in the kernel takes longer.
const killTime = 5 * time.Second

var errKilled = errors.New("killed before it started")

// process is a running plugin and the connection to it.
type process struct {
	child       *child
	plugin      *plugin.Client
	rpc         sdk.Client // set when it has started, as are conn and description
	conn        *grpc.ClientConn
	description sdk.Description

	tail           tail
	stdout, stderr lines         // what go-plugin's server sends of os.Stdout and os.Stderr
	started        chan struct{} // closed when the start is over, whether it worked or not
	failure        error         // why it did not; read it after started
}

func (h *Host) newProcess(b *Binary, place *place) *process {
	p := &process{started: make(chan struct{})}
	log := func(line sdk.Log) {
		p.tail.add(line)
		h.log(Line{Plugin: b.Name, PID: p.child.pid(), Log: line})
	}
	p.child = newChild(b, place.spawner, log)
	p.stdout.emit = func(line []byte) { log(sdk.ParseLog(line, "stdout")) }
	p.stderr.emit = func(line []byte) { log(sdk.ParseLog(line, "stderr")) }
	p.plugin = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  sdk.Handshake(),
		VersionedPlugins: sdk.Plugins(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, socketDir string) (runner.Runner, error) {
			p.child.env = append(environ(h.opts.Environ), spec.Env...)
			p.child.socketDir = socketDir
			return p.child, nil
		},
		SkipHostEnv:      true,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: place.dir.path},
		StartTimeout:     h.opts.StartTimeout + time.Second, // ours ends first
		SyncStdout:       &p.stdout,
		SyncStderr:       &p.stderr,
		Logger:           hclog.NewNullLogger(),
		GRPCDialOptions: []grpc.DialOption{grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(sdk.MaxMessageSize), grpc.MaxCallSendMsgSize(sdk.MaxMessageSize),
		)},
	})
	return p
}

// start runs the process until it has described itself. When it fails, the
// process has ended and failure says why.
func (p *process) start(ctx context.Context, opts Options) {
	defer close(p.started)
	tooLong := fmt.Errorf("it did not answer within %v", opts.StartTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, opts.StartTimeout, tooLong)
	defer cancel()
	unwatch := context.AfterFunc(ctx, p.child.kill)
	err := p.explain(ctx, p.connect(ctx, opts))
	if unwatch() && err == nil {
		return
	}
	p.child.kill()
	<-p.child.ended
	p.failure = fmt.Errorf("start plugin %q: %w", p.child.binary.Name, p.startError(err, context.Cause(ctx)))
}

func (p *process) connect(ctx context.Context, opts Options) error {
	defer close(p.child.connected)
	if _, err := p.plugin.Start(); err != nil {
		p.child.abort()
		return err
	}
	protocol, err := p.plugin.Client()
	if err != nil {
		return err
	}
	if c, ok := protocol.(*plugin.GRPCClient); ok {
		p.conn = c.Conn
	}
	raw, err := protocol.Dispense(sdk.PluginName)
	if err != nil {
		return err
	}
	rpc, ok := raw.(sdk.Client)
	if !ok {
		return fmt.Errorf("dispense %s: got %T", sdk.PluginName, raw)
	}
	if err := rpc.Configure(ctx, sdk.Configuration{EngineVersion: opts.EngineVersion}); err != nil {
		return err
	}
	if p.description, err = rpc.Describe(ctx); err != nil {
		return err
	}
	if err := checkDescription(p.child.binary.Name, p.description); err != nil {
		return err
	}
	p.rpc = &client{next: rpc, p: p}
	return nil
}

// startError picks the reason that helps most: what was wrong with the handshake,
// that time was up, that the process ended by itself, or what a call said.
func (p *process) startError(err, cause error) error {
	switch {
	case p.child.refusal != nil:
		return p.withLines(p.child.refusal)
	case cause != nil:
		return p.withLines(cause)
	case p.child.pid() != 0 && !p.child.wanted:
		return p.crash(err).hint()
	}
	return err
}

// dead reports whether the process has ended.
func (p *process) dead() bool {
	select {
	case <-p.child.ended:
		return true
	default:
		return false
	}
}

// end asks the process to exit, kills it after the grace time or when hurry is
// closed, and returns when it has ended.
func (p *process) end(hurry <-chan struct{}, grace time.Duration) error {
	p.child.hangUp()
	if p.endsWithin(hurry, grace) {
		return nil
	}
	p.child.kill()
	if !p.endsWithin(nil, killTime) {
		return fmt.Errorf("kill plugin %q: process %d is still there after %v", p.child.binary.Name, p.child.pid(), killTime)
	}
	return nil
}

func (p *process) endsWithin(hurry <-chan struct{}, limit time.Duration) bool {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-p.child.ended:
		return true
	case <-late.C:
	case <-hurry:
	}
	return p.dead()
}

// clean removes what is left when the process has ended. It returns though
// go-plugin should hang, and then says so.
func (p *process) clean() error {
	<-p.started
	<-p.child.ended
	p.stdout.flush()
	p.stderr.flush()
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.plugin.Kill() // closes the connection; the process is dead
	}()
	late := time.NewTimer(killTime)
	defer late.Stop()
	var err error
	select {
	case <-done:
	case <-late.C:
		err = fmt.Errorf("close connection to plugin %q: still open after %v", p.child.binary.Name, killTime)
	}
	if p.child.socketDir != "" { // go-plugin forgets it when the start failed
		err = errors.Join(err, os.RemoveAll(p.child.socketDir))
	}
	return err
}
