package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/clusterflow/clusterflow/engine/event"
)

// JSON writes each event as one line of JSON, in the format that package event
// documents. It belongs to one goroutine.
type JSON struct {
	enc *json.Encoder
	err error
}

// NewJSON returns a sink that writes to w.
func NewJSON(w io.Writer) *JSON {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &JSON{enc: enc}
}

// Emit implements [event.Sink].
func (j *JSON) Emit(e event.Event) {
	if j.err != nil {
		return
	}
	if err := j.enc.Encode(e); err != nil {
		j.err = fmt.Errorf("write event %d: %w", e.Seq, err)
	}
}

// Err returns the first error of the writer; nothing was written after it.
func (j *JSON) Err() error { return j.err }
