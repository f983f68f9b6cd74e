package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
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

// process is a running plugin and the connection to it.
type process struct {
	child       *child
	plugin      *plugin.Client
	rpc         sdk.Client // set when it has started, as are conn and description
	conn        *grpc.ClientConn
	description sdk.Description
	known       bool                        // the binary has described itself before
	consistent  func(sdk.Description) error // compares it with what is known of the file
	comparing   sync.WaitGroup
	otherwise   error // from consistent; read it through agrees

	tail           tail
	stdout, stderr lines         // what go-plugin's server sends of os.Stdout and os.Stderr
	closing        atomic.Bool   // the host or a lease ended it
	started        chan struct{} // closed when the start is over, whether it worked or not
	failure        error         // why it did not; read it after started
}

func (h *Host) newProcess(b *Binary, place *place) *process {
	p := &process{
		started: make(chan struct{}), consistent: func(d sdk.Description) error { return h.consistent(b, d) },
	}
	p.description, p.known = h.described[key{b.Digest, b.Name}]
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
// closed, and returns when it has ended. One that has not started yet is killed.
func (p *process) end(hurry <-chan struct{}, grace time.Duration) error {
	p.closing.Store(true)
	p.child.hangUp()
	select {
	case <-p.started:
	default:
		grace = 0
	}
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
		p.comparing.Wait()
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
