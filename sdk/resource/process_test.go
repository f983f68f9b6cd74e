//go:build unix

package resource

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

func TestProcessLife(t *testing.T) {
	p := newProcess(t, "serve")
	if c := mustDiff(t, p); c.Op != sdk.OpCreate || c.Reason != "not running" {
		t.Errorf("before start: got %+v", c)
	}
	mustRender(t, p)
	if info, err := os.Stat(p.LogFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log: got %v, %v, want mode 0600", info, err)
	}
	if c := mustDiff(t, again(t, p)); c.Op != sdk.OpNone {
		t.Errorf("while it runs: got %+v, want no change", c)
	}
	lost := again(t, p)
	lost.Started = Started{}
	if c := mustDiff(t, lost); c.Op != sdk.OpNone || lost.Started.PID != p.Started.PID {
		t.Errorf("without a record: got %+v and pid %d, want no change and %d", c, lost.Started.PID, p.Started.PID)
	}
	if err := syscall.Kill(p.Started.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitGone(t, p.Started)
	want := fmt.Sprintf("pid %d is gone", p.Started.PID)
	if c := mustDiff(t, again(t, p)); c.Op != sdk.OpCreate || c.Reason != want {
		t.Errorf("after it was killed: got %+v, want %s", c, want)
	}
	if err := again(t, p).Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(p.LogFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("log directory after Remove: got %v, want it gone", err)
	}
}

func TestProcessRestarts(t *testing.T) {
	input := filepath.Join(t.TempDir(), "tls.crt")
	write(t, input, "one")
	tests := map[string]struct {
		change func(p *Process)
		want   string
	}{
		"argument": {func(p *Process) { p.Argv = append(p.Argv, "--verbose=2") }, "command line: --verbose"},
		"input":    {func(*Process) { write(t, input, "two") }, "changed since it started: " + input},
		"no input": {func(p *Process) { p.Inputs = nil }, "changed since it started: " + input},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			write(t, input, "one")
			p := newProcess(t, "serve")
			p.Inputs = []string{input}
			mustRender(t, p)
			old := p.Started
			next := again(t, p)
			tt.change(next)
			if c := mustDiff(t, next); c.Op != sdk.OpUpdate || !c.Disruptive || c.Reason != tt.want {
				t.Errorf("Diff: got %+v, want an update: %s", c, tt.want)
			}
			next = again(t, next) // apply sees the record that plan wrote
			mustRender(t, next)
			*p = *next // so that the cleanup removes the new one
			if old.runs() {
				t.Errorf("pid %d still runs", old.PID)
			}
			if c := mustDiff(t, again(t, next)); c.Op != sdk.OpNone {
				t.Errorf("after restart: got %+v, want no change", c)
			}
		})
	}
}

func TestProcessProgramReplaced(t *testing.T) {
	p := newProcess(t, "serve")
	program := filepath.Join(t.TempDir(), "program")
	for range 2 { // the second copy has another inode
		data, err := os.ReadFile(os.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(program, data, 0o755); err != nil {
			t.Fatal(err)
		}
		if p.Started.PID == 0 {
			p.Argv[0] = program
			mustRender(t, p)
		}
	}
	want := "program " + program + " was replaced"
	if c := mustDiff(t, p); c.Op != sdk.OpUpdate || c.Reason != want {
		t.Errorf("Diff: got %+v, want %q", c, want)
	}
}

func TestProcessKillsTheStubborn(t *testing.T) {
	p := newProcess(t, "stubborn")
	p.StopTimeout = 50 * time.Millisecond
	mustRender(t, p)
	if err := p.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Started.runs() {
		t.Errorf("pid %d survived", p.Started.PID)
	}
}

func TestProcessNeverSignalsAnother(t *testing.T) {
	boot, err := bootID()
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(t, "serve")
	p.Started = Started{PID: os.Getpid(), Ticks: 1, Boot: boot, Argv: p.Argv} // our pid, used again
	if c := mustDiff(t, p); c.Op != sdk.OpCreate {
		t.Errorf("Diff: got %+v, want a start", c)
	}
	if err := p.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestProcessRecall(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	write(t, log, "old")
	tests := map[string]struct {
		entry Entry
		keep  bool
	}{
		"first run":   {Entry{}, true},
		"ours":        {Entry{Kind: "process", Target: "p", Made: true, State: []byte(`{}`)}, false},
		"not ours":    {Entry{Kind: "process", Target: "p", State: []byte(`{}`)}, true},
		"broken":      {Entry{Kind: "process", Target: "p", Made: true, State: []byte(`[]`)}, true},
		"ours, kept":  {Entry{Kind: "process", Target: "p", Made: true, State: []byte(`{"keep_log":true}`)}, true},
		"other phase": {Entry{Kind: "process", Target: "q", Made: true, State: []byte(`{}`)}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := (&Process{Name: "p", Argv: []string{"/nowhere/p"}, LogFile: log}).Recall(Record{Entries: []Entry{tt.entry}})
			if mustDiff(t, p); p.KeepLog != tt.keep {
				t.Errorf("KeepLog: got %v, want %v", p.KeepLog, tt.keep)
			}
		})
	}
}
