package engine

import (
	"context"
	"sync"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/engine/run"
)

// share is a plugin process that phases use at the same time. When one of them
// does not stop, the process must be killed; so that this harms no other phase, it
// gets no new ones and is killed when only those are left that do not stop.
type share struct {
	lease pluginhost.Lease

	mu    sync.Mutex
	users int           // calls under way
	stuck int           // of these, calls that only a kill ends
	alone chan struct{} // closed when all users are stuck
}

// use returns the use of the process by one phase; retire is called when it must
// not be given to others any more.
func (s *share) use(retire func()) run.Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
	u := &use{share: s, retire: retire}
	return run.Lease{Client: s.lease.Client, Kill: u.kill, Release: u.release}
}

// settle notes when only stuck calls are left. The lock is held.
func (s *share) settle() {
	if s.stuck > 0 && s.stuck == s.users {
		select {
		case <-s.alone:
		default:
			close(s.alone)
		}
	}
}

type use struct {
	share  *share
	retire func()
	stuck  bool
}

// kill kills the process when no phase is left in it that may still end well, at
// the latest when hurry is closed.
func (u *use) kill(hurry <-chan struct{}) {
	s := u.share
	u.retire()
	s.lease.Retire()
	s.mu.Lock()
	if !u.stuck {
		u.stuck = true
		s.stuck++
	}
	s.settle()
	s.mu.Unlock()
	select {
	case <-s.alone:
	case <-hurry:
	case <-s.lease.Died():
	}
	s.lease.Kill()
}

func (u *use) release() {
	s := u.share
	s.mu.Lock()
	s.users--
	if u.stuck {
		s.stuck--
	}
	s.settle()
	s.mu.Unlock()
	s.lease.Release()
}

// join returns the use of the plugin's shared process.
func (p *plugins) join(ctx context.Context, plugin string) (run.Lease, error) {
	lease, err := p.lease(ctx, plugin)
	if err != nil {
		return run.Lease{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.shares[plugin]
	if s == nil || s.lease.PID() != lease.PID() {
		s = &share{lease: lease, alone: make(chan struct{})}
		p.shares[plugin] = s
	}
	return s.use(func() { p.leave(plugin, s) }), nil
}

// leave gives a process to nobody any more.
func (p *plugins) leave(plugin string, s *share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shares[plugin] == s {
		delete(p.shares, plugin)
	}
	if l, ok := p.shared[plugin]; ok && l.PID() == s.lease.PID() {
		delete(p.shared, plugin)
	}
}
