// Package event says what happened in a run, as data. Everything that is shown
// or reported is a fold of one stream of events.
//
// An [Event] is a header (time, run, sequence number) and a [Body], one Go type
// per kind. Its JSON form is one flat object and is the public format of
// `clusterflow apply --json`:
//
//	{"event":"node_ended","time":"2026-01-02T15:04:05.123456Z","run":"01J…","seq":7,
//	 "node":"phase.ca","status":"succeeded","attempt":1,"seconds":0.12}
//
// The format grows only: a reader must ignore fields and events that it does not
// know. Fields with their zero value are left out, except those of the header.
// Durations are JSON numbers in seconds and end in "seconds". A run's first event
// is run_started, with sequence number 1, and its last one is run_ended.
//
// Events hold no secrets: whoever makes one has removed keys, tokens and
// sensitive values before.
//
// The package does no I/O, decides nothing and stores nothing: what must survive
// a crash is in package state, text for people is made by package report.
package event

import (
	"time"
)

// Kind names a type of event in JSON.
type Kind string

// The kinds of event, in the order in which a run meets them.
const (
	KindRunStarted   Kind = "run_started"
	KindNodePlanned  Kind = "node_planned"
	KindNodeReady    Kind = "node_ready"
	KindNodeWaiting  Kind = "node_waiting"
	KindNodeStarted  Kind = "node_started"
	KindNodeRetrying Kind = "node_retrying"
	KindNodeLog      Kind = "node_log"
	KindNodeProgress Kind = "node_progress"
	KindChangeDone   Kind = "change_done"
	KindCheckpoint   Kind = "checkpoint"
	KindNodeEnded    Kind = "node_ended"
	KindRunStopping  Kind = "run_stopping"
	KindRunEnded     Kind = "run_ended"
)

// Event is one thing that happened. It must not be changed once it was emitted.
type Event struct {
	// Time is when it happened, in UTC.
	Time time.Time
	// Run is the id of the run.
	Run string
	// Seq counts the events of the run from 1, without gaps.
	Seq uint64
	// Body says what happened.
	Body Body
}

// Body is what happened: one of the struct types of this package, by value.
type Body interface {
	// Kind is the name of the type in JSON.
	Kind() Kind
}

// Subject returns the address of the node that the event is about, or "" for an
// event of the whole run.
func (e Event) Subject() string {
	if b, ok := e.Body.(interface{ subject() string }); ok {
		return b.subject()
	}
	return ""
}
