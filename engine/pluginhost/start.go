package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"syscall"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/clusterflow/clusterflow/sdk"
)

var errKilled = errors.New("killed before it started")

// start runs the process until it is configured and its description known. When it fails, the
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
	cause := context.Cause(ctx)
	if cause == nil && p.closing.Load() {
		cause = ErrClosed
	}
	p.child.kill()
	<-p.child.ended
	p.failure = fmt.Errorf("start plugin %q: %w", p.child.binary.Name, p.startError(err, cause))
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
	c, ok := protocol.(*plugin.GRPCClient)
	if !ok {
		return fmt.Errorf("connect: got %T, want a gRPC connection", protocol)
	}
	p.conn = c.Conn
	rpc := sdk.NewClient(p.conn)
	if p.known {
		rpc = sdk.NewDescribedClient(p.conn, p.description)
	}
	if err := rpc.Configure(ctx, sdk.Configuration{EngineVersion: opts.EngineVersion}); err != nil {
		return err
	}
	if p.description, err = rpc.Describe(ctx); err != nil {
		return err
	}
	if !p.known {
		if err := checkDescription(p.child.binary.Name, p.description); err != nil {
			return err
		}
		if err := p.consistent(p.description); err != nil {
			return err
		}
	} else {
		p.compareLater(context.WithoutCancel(ctx), opts.StartTimeout)
	}
	p.rpc = &client{next: rpc, p: p}
	return nil
}

// compareLater asks a process whose file is known for its description, while it
// works on the first call already.
func (p *process) compareLater(ctx context.Context, limit time.Duration) {
	p.comparing.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		d, err := sdk.NewClient(p.conn).Describe(ctx)
		if err == nil { // else the calls tell what is wrong with it
			p.otherwise = p.consistent(d)
		}
	})
}

// agrees is nil if what the process says of itself is what is known of its file.
func (p *process) agrees() error {
	p.comparing.Wait()
	return p.otherwise
}

// startError picks the reason that helps most: what was wrong with the handshake,
// that time was up, that the process ended by itself, or what a call said.
func (p *process) startError(err, cause error) error {
	switch {
	case p.child.refusal != nil:
		return p.withLines(p.child.refusal)
	case cause != nil:
		return p.withLines(cause)
	case p.child.pid() == 0:
		return launchError(p.child.binary.Path, err)
	case !p.child.wanted:
		return p.crash(err).hint()
	}
	return err
}

// launchError says in terms of the file why it does not start.
func launchError(path string, err error) error {
	var cause syscall.Errno
	if !errors.As(err, &cause) {
		return err
	}
	err = &fs.PathError{Op: "run", Path: path, Err: cause}
	switch {
	case errors.Is(cause, syscall.ENOEXEC):
		return sdk.Hint(err, fmt.Sprintf("It is no program for %s/%s. Build it for this machine.", runtime.GOOS, runtime.GOARCH))
	case errors.Is(cause, syscall.EACCES):
		return sdk.Hint(err, "Check its mode, and that its file system is not mounted noexec.")
	case errors.Is(cause, syscall.ENOENT):
		return sdk.Hint(err, "The interpreter or loader that it names is missing.")
	}
	return err
}
