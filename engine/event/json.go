package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrUnknownKind reports an event of a kind that this version does not know.
var ErrUnknownKind = errors.New("unknown kind of event")

// Duration is a [time.Duration] that is a number of seconds in JSON, rounded to
// microseconds.
type Duration time.Duration

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// MarshalJSON implements [json.Marshaler].
func (d Duration) MarshalJSON() ([]byte, error) {
	us := time.Duration(d).Round(time.Microsecond).Microseconds()
	return json.Marshal(float64(us) / 1e6)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (d *Duration) UnmarshalJSON(text []byte) error {
	var seconds float64
	if err := json.Unmarshal(text, &seconds); err != nil {
		return fmt.Errorf("read duration: %w", err)
	}
	if math.Abs(seconds) > math.MaxInt64/1e9 {
		return fmt.Errorf("read duration: %v seconds is out of range", seconds)
	}
	*d = Duration(math.Round(seconds*1e6) * 1e3)
	return nil
}

type header struct {
	Event Kind      `json:"event"`
	Time  time.Time `json:"time"`
	Run   string    `json:"run"`
	Seq   uint64    `json:"seq"`
}

// MarshalJSON implements [json.Marshaler]: header and body in one flat object.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.Body == nil {
		return nil, errors.New("write event: it has no body")
	}
	text, err := marshal(header{Event: e.Body.Kind(), Time: e.Time, Run: e.Run, Seq: e.Seq})
	if err != nil {
		return nil, fmt.Errorf("write header of event %s: %w", e.Body.Kind(), err)
	}
	body, err := marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("write event %s: %w", e.Body.Kind(), err)
	}
	text[len(text)-1] = ',' // every body has a field that is always written
	return append(text, body[1:]...), nil
}

// marshal leaves < > & as they are; whether they are escaped in the end is up to
// the encoder that the caller uses.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// UnmarshalJSON implements [json.Unmarshaler]. Fields that are not known are
// ignored; the error is [ErrUnknownKind] for an event that is not known.
func (e *Event) UnmarshalJSON(text []byte) error {
	var h header
	if err := json.Unmarshal(text, &h); err != nil {
		return fmt.Errorf("read header of event: %w", err)
	}
	decode, ok := decoders()[h.Event]
	if !ok {
		return fmt.Errorf("read event %q: %w", h.Event, ErrUnknownKind)
	}
	body, err := decode(text)
	if err != nil {
		return fmt.Errorf("read event %s: %w", h.Event, err)
	}
	*e = Event{Time: h.Time, Run: h.Run, Seq: h.Seq, Body: body}
	return nil
}

func decoders() map[Kind]func([]byte) (Body, error) {
	return map[Kind]func([]byte) (Body, error){
		KindRunStarted:   decode[RunStarted],
		KindNodePlanned:  decode[NodePlanned],
		KindNodeReady:    decode[NodeReady],
		KindNodeWaiting:  decode[NodeWaiting],
		KindNodeStarted:  decode[NodeStarted],
		KindNodeRetrying: decode[NodeRetrying],
		KindNodeLog:      decode[NodeLog],
		KindNodeProgress: decode[NodeProgress],
		KindChangeDone:   decode[ChangeDone],
		KindCheckpoint:   decode[Checkpoint],
		KindNodeEnded:    decode[NodeEnded],
		KindRunStopping:  decode[RunStopping],
		KindRunEnded:     decode[RunEnded],
	}
}

func decode[T Body](text []byte) (Body, error) {
	var body T
	err := json.Unmarshal(text, &body)
	return body, err
}
