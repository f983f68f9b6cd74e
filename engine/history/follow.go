package history

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Follow hands over the events of a run, those of before first, until it has ended
// or ctx is done. Lives says whether the run still goes on; when it does not, and
// no end was written, ended is false.
func Follow(ctx context.Context, path string, lives func() bool, sink event.Sink) (ended bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("follow run: %w", err)
	}
	defer func() { _ = f.Close() }()
	r := reader{buffer: bufio.NewReader(f)}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	for {
		alive := lives() // before the read, which then sees the last words of a dead one
		err := r.read(func(e event.Event) {
			sink.Emit(e)
			if e.Body.Kind() == event.KindRunEnded {
				ended = true
			}
		})
		if err != nil || ended || !alive {
			return ended, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false, nil
		}
	}
}
