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
	// Print shows text that is not about the run, on lines of its own.
	Print(text string)
}

// Background runs a view in a goroutine of its own, so that a slow terminal
// does not hold up the run and long phases are noticed while nothing happens.
type Background struct {
	events chan event.Event
	texts  chan string
	done   chan struct{}
	once   sync.Once
}

// InBackground starts a view that ticks once a second. The caller must Close it
// and not use the view before that.
func InBackground(view View) *Background { return InBackgroundEvery(time.Second, view) }

// InBackgroundEvery is [InBackground] for a view that ticks at another interval.
func InBackgroundEvery(interval time.Duration, view View) *Background {
	b := &Background{
		events: make(chan event.Event, backlog), texts: make(chan string), done: make(chan struct{}),
	}
	go b.run(interval, view)
	return b
}

func (b *Background) run(interval time.Duration, view View) {
	defer close(b.done)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case e, ok := <-b.events:
			if !ok {
				return
			}
			view.Emit(e)
		case text := <-b.texts:
			view.Print(text)
		case now := <-tick.C:
			view.Tick(now)
		}
	}
}

// Emit implements [event.Sink]. It waits while the backlog is full.
func (b *Background) Emit(e event.Event) { b.events <- e }

// Print shows text that is not about the run, in any goroutine and at any time.
// After Close it returns false: then the caller may write by itself.
func (b *Background) Print(text string) bool {
	select {
	case b.texts <- text:
		return true
	case <-b.done:
		return false
	}
}

// Close returns when the view has seen all events. No Emit may follow.
func (b *Background) Close() {
	b.once.Do(func() { close(b.events) })
	<-b.done
}
