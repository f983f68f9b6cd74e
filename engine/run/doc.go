// Package run carries out a plan: it starts phases as soon as their
// dependencies allow, stores every step before it is taken, and reports what
// happens as events.
//
// One goroutine, the loop, owns everything that changes during a run: the
// schedule, the outcomes, the journal and the event stream. Workers, one for
// each phase that runs, call plugins and tell the loop. The schedule itself is
// pure: it knows no goroutine, clock or I/O.
//
// The package sees no HCL and starts no process: it asks package plan for the
// next step of a phase and a [Launcher] for the plugin behind it. It prints
// nothing; package report turns events into text.
package run
