package report

import (
	"sync"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// backlog is how many events may wait for a slow writer before the run does.
const backlog = 4096

// View is a sink that also wants to know when time passes.
type View interface {
	event.Sink
	// Tick is called from time to time, also when nothing happens.
	Tick(now time.Time)
}

// Background runs a view in a goroutine of its own, so that a slow terminal
// does not hold up the run and long phases are noticed while nothing happens.
type Background struct {
	events chan event.Event
	done   chan struct{}
	once   sync.Once
}

// InBackground starts a view that ticks once a second. The caller must Close it
// and not use the view before that.
func InBackground(view View) *Background {
	b := &Background{events: make(chan event.Event, backlog), done: make(chan struct{})}
	go func() {
		defer close(b.done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case e, ok := <-b.events:
				if !ok {
					return
				}
				view.Emit(e)
			case now := <-tick.C:
				view.Tick(now)
			}
		}
	}()
	return b
}

// Emit implements [event.Sink]. It waits while the backlog is full.
func (b *Background) Emit(e event.Event) { b.events <- e }

// Close returns when the view has seen all events. No Emit may follow.
func (b *Background) Close() {
	b.once.Do(func() { close(b.events) })
	<-b.done
}
