package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// inboxSize is how many messages may wait for the loop before workers do. It
// bounds the memory of a plugin that logs without end.
const inboxSize = 256

// message is what a worker tells the loop.
type message struct {
	id      int
	secrets []string       // to be masked from here on
	records []state.Record // to be appended
	events  []event.Body   // to be reported, unless the records could not be
	begins  bool           // the records begin an attempt, which is refused when the run stops
	files   []resource.ID  // that the node declares; refused when another one does
	reboots bool           // the attempt that begins boots the host
	alone   chan struct{}  // the worker wants to be alone; closed when it is
	pause   bool           // the worker waits before it tries again
	// slot is set by a worker that has waited and wants a slot again. It gets true
	// when the worker may go on, false when it must not any more.
	slot   chan<- bool
	end    *ending // it is done
	broken error   // the state could not be made durable
	// reply is told when the message was handled. Nil when nobody waits.
	reply chan<- reply
}

type reply struct {
	prior *state.Node // what is recorded of the node now, see [loop.prior]
	err   error       // why it was not stored, or must not begin
}

// mailbox is a worker's line to the loop.
type mailbox struct {
	id    int
	node  string
	inbox chan<- message
	store *state.Store // for Sync, the one method that workers may call
	// stopping is closed when nothing new may start.
	stopping <-chan struct{}
	warned   []string // what the plugin has logged as warnings
}

// maxWarned is how many warnings are kept to be told once.
const maxWarned = 100

// tell hands a message over and waits until the loop has handled it.
func (m *mailbox) tell(msg message) reply {
	answer := make(chan reply, 1)
	msg.id, msg.reply = m.id, answer
	m.inbox <- msg // the loop reads until every worker has ended
	return <-answer
}

// say hands over a message without waiting.
func (m *mailbox) say(msg message) {
	msg.id = m.id
	m.inbox <- msg
}

// begin stores durably that an attempt begins. After an error it must not; stored
// says that the record is there nevertheless.
func (m *mailbox) begin(ctx context.Context, msg message) (stored bool, err error) {
	msg.begins = true
	if r := m.tell(msg); r.err != nil {
		return false, r.err
	}
	if err := m.sync(ctx); err != nil {
		return true, err
	}
	if m.stopped(ctx) {
		return true, errStopped
	}
	return true, nil
}

// stopped reports whether the run is to end.
func (m *mailbox) stopped(ctx context.Context) bool {
	select {
	case <-m.stopping:
		return true
	default:
		return ctx.Err() != nil
	}
}

// sync makes durable what the worker has told so far. It outlives an interrupt.
func (m *mailbox) sync(ctx context.Context) error {
	err := m.store.Sync(context.WithoutCancel(ctx))
	if err != nil {
		m.tell(message{broken: err})
	}
	return err
}

// forward passes an event of the plugin on. The plugin waits until a checkpoint
// is durable, and for nothing else.
func (m *mailbox) forward(ctx context.Context, e sdk.Event) {
	switch e := e.(type) {
	case sdk.Log:
		if event.Level(e.Level) == event.LevelWarn && len(m.warned) < maxWarned {
			m.warned = append(m.warned, e.Message)
		}
		m.say(message{events: []event.Body{event.NodeLog{
			Node: m.node, Level: event.Level(e.Level), Message: cut(e.Message), Fields: cutFields(e.Fields), Stream: cut(e.Stream),
		}}})
	case sdk.Progress:
		m.say(message{events: []event.Body{event.NodeProgress{
			Node: m.node, ID: cut(e.ID), Label: cut(e.Label), Current: e.Current, Total: e.Total, Unit: cut(e.Unit), Done: e.Done,
		}}})
	case sdk.ChangeDone:
		m.say(message{events: []event.Body{event.ChangeDone{Node: m.node, Change: cutChange(e.Change)}}})
	case sdk.Checkpoint:
		if len(e.Private) > plan.MaxRecord {
			m.say(message{events: []event.Body{event.NodeLog{
				Node: m.node, Level: event.LevelWarn,
				Message: fmt.Sprintf("a checkpoint of %d bytes is left out: at most %d are kept", len(e.Private), plan.MaxRecord),
			}}})
			return
		}
		r := m.tell(message{
			records: []state.Record{state.Checkpoint{Address: m.node, Private: e.Private}},
			events:  []event.Body{event.Checkpoint{Node: m.node}},
		})
		if r.err == nil {
			_ = m.sync(ctx) // the loop knows; what runs goes on to its end
		}
	}
}

// warn passes on the warnings that came with a result, unless the plugin has logged
// them as well.
func (m *mailbox) warn(diags sdk.Diagnostics) {
	for _, d := range diags {
		if d.Severity != sdk.SeverityWarning || slices.Contains(m.warned, d.Summary) {
			continue
		}
		text := d.Summary
		if d.Detail != "" {
			text += "\n" + d.Detail
		}
		m.say(message{events: []event.Body{event.NodeLog{Node: m.node, Level: event.LevelWarn, Message: cut(text)}}})
	}
}
