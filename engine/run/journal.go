package run

import (
	"context"
	"sync"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/state"
)

const (
	// recordSize is how much space a node's records take at most, as a rule.
	recordSize = 4 << 10
	// flushDelay is how long an end waits for the start of the next phase, whose
	// sync covers it, before it gets one of its own.
	flushDelay = 2 * time.Millisecond
)

// journal frames the records of a run. A run that has nothing to record leaves
// the journal as it is. It belongs to the loop.
type journal struct {
	opts   Options
	op     event.Operation
	nodes  int
	begun  bool
	broken error         // the first failure to store, a [*StateError]
	dirty  chan struct{} // there are ends that no sync covers yet
}

func newJournal(op event.Operation, opts Options, nodes int) *journal {
	return &journal{opts: opts, op: op, nodes: nodes, dirty: make(chan struct{}, 1)}
}

// append stores records, after the start of the run if they are the first ones.
func (j *journal) append(records ...state.Record) error {
	if len(records) == 0 {
		return nil
	}
	if !j.begun {
		if err := j.opts.Store.Reserve(int64(j.nodes) * recordSize); err != nil {
			return err
		}
		if err := j.opts.Store.Append(state.RunStart{Run: state.Run{
			ID: j.opts.ID, Operation: j.op, Pipeline: j.opts.Pipeline, Path: j.opts.Path, Engine: j.opts.Engine, Started: j.opts.Clock().UTC(),
		}}); err != nil {
			return err
		}
		j.begun = true
	}
	if err := j.opts.Store.Append(records...); err != nil {
		return err
	}
	select {
	case j.dirty <- struct{}{}:
	default: // the flusher will see to these as well
	}
	return nil
}

// end stores how the run ended, if it or the one before it left its start.
func (j *journal) end(r state.RunEnd) error {
	if !j.begun && !j.opts.Store.State().Run.Interrupted() {
		return nil
	}
	return j.append(r)
}

// flusher makes records durable soon, also those that nobody waits for, such as
// the end of a phase: a kill later on must not lose them.
type flusher struct {
	quit chan struct{}
	done sync.WaitGroup
	err  error
}

// flush starts a flusher. It tells the inbox when it fails, and ends then.
func (j *journal) flush(ctx context.Context, inbox chan<- message) *flusher {
	f := &flusher{quit: make(chan struct{})}
	f.done.Go(func() {
		delay := time.NewTimer(flushDelay)
		defer delay.Stop()
		for {
			select {
			case <-j.dirty:
			case <-f.quit:
				return
			}
			delay.Reset(flushDelay)
			select {
			case <-delay.C:
			case <-f.quit: // what is left is synced when the store is closed
				return
			}
			if f.err = j.opts.Store.Sync(ctx); f.err == nil {
				continue
			}
			select {
			case inbox <- message{broken: f.err}:
			case <-f.quit:
			}
			return
		}
	})
	return f
}

// stop ends the flusher and returns why it failed.
func (f *flusher) stop() error {
	close(f.quit)
	f.done.Wait()
	return f.err
}
