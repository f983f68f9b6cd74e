package run

import (
	"context"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// message is what a worker tells the loop.
type message struct {
	id      int
	secrets []string       // to be masked from here on
	records []state.Record // to be appended
	events  []event.Body
	pause   bool // the worker waits before it tries again
	resume  bool // it has waited and wants a slot
	// slot gets true when the worker may go on, false when it must not any more.
	slot   chan bool
	end    *ending // it is done
	broken error   // the state could not be made durable
	// reply gets what is recorded of the node once the message was handled.
	reply chan<- reply
}

type reply struct {
	prior *state.Node // a copy, nil when nothing is recorded
	err   error
}

// mailbox is a worker's line to the loop.
type mailbox struct {
	id    int
	node  string
	inbox chan<- message
	sync  func(ctx context.Context) error
}

// tell hands a message over and waits until the loop has handled it.
func (m *mailbox) tell(msg message) reply {
	answer := make(chan reply, 1)
	msg.id, msg.reply = m.id, answer
	m.inbox <- msg // the loop reads until every worker has ended
	return <-answer
}

// begin stores that an attempt begins, durably, and reports it.
func (m *mailbox) begin(ctx context.Context, secrets []string, start state.Record, events ...event.Body) error {
	r := m.tell(message{secrets: secrets, records: []state.Record{start}, events: events})
	if r.err != nil {
		return r.err
	}
	err := m.sync(context.WithoutCancel(ctx))
	if err != nil {
		m.tell(message{broken: err})
	}
	return err
}

// forward passes an event of the plugin on without waiting for the loop.
func (m *mailbox) forward(e sdk.Event) {
	msg := message{id: m.id}
	switch e := e.(type) {
	case sdk.Log:
		msg.events = []event.Body{event.NodeLog{
			Node: m.node, Level: event.Level(e.Level), Message: e.Message, Fields: e.Fields, Stream: e.Stream,
		}}
	case sdk.Progress:
		msg.events = []event.Body{event.NodeProgress{
			Node: m.node, ID: e.ID, Label: e.Label, Current: e.Current, Total: e.Total, Unit: e.Unit, Done: e.Done,
		}}
	case sdk.Checkpoint:
		msg.records = []state.Record{state.Checkpoint{Address: m.node, Private: e.Private}}
		msg.events = []event.Body{event.Checkpoint{Node: m.node}}
	case sdk.ChangeDone:
		msg.events = []event.Body{event.ChangeDone{Node: m.node, Change: plan.Change(e.Change)}}
	}
	m.inbox <- msg
}
