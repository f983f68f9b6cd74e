package sdk

import "context"

// Event is something that happens while Apply or Undo runs: a [Log], a
// [Progress], a [Checkpoint] or a [ChangeDone].
type Event interface{ event() }

// Log is a line for people. Handlers log with zerolog.Ctx(ctx); the SDK turns
// each line into a Log.
type Log struct {
	Level   string // trace debug info warn error
	Message string
	Fields  map[string]string
	// Stream is "stdout" or "stderr" when the line came from a child process.
	Stream string
}

// Progress is a step of something long. The last one for an ID has Done set.
type Progress struct {
	ID      string
	Label   string
	Current int64
	Total   int64  // zero means not known
	Unit    string // "bytes", "files"; empty means steps
	Done    bool
}

// Checkpoint replaces the private record while Apply still runs, so that an
// interrupted phase knows how far it came.
type Checkpoint struct{ Private []byte }

// ChangeDone says that one planned change was made.
type ChangeDone struct{ Change Change }

func (Log) event()        {}
func (Progress) event()   {}
func (Checkpoint) event() {}
func (ChangeDone) event() {}

type emitterKey struct{}

// WithEmitter returns a context whose [Emit] calls f. The SDK does this for every
// call; tests may do it themselves. f must be safe for concurrent use.
func WithEmitter(ctx context.Context, f func(Event)) context.Context {
	return context.WithValue(ctx, emitterKey{}, f)
}

// Emit reports an event of the running Apply or Undo. Outside of one it does nothing.
func Emit(ctx context.Context, e Event) {
	if f, ok := ctx.Value(emitterKey{}).(func(Event)); ok {
		f(e)
	}
}
