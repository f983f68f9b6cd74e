package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

const (
	defaultReadyTimeout = 4 * time.Minute // kubeadm's wait for control-plane components
	readyOnceTimeout    = 2 * time.Second
)

// Process is a program that runs on its own: it outlives the plugin and the
// engine, in a session of its own, and nothing restarts it but the next apply.
//
// There is no pid file. A process is found by what the record tells of it (pid,
// start time, boot), else by its exact command line among the processes of the
// same user, so that a lost record loses no process. It is never confused with
// another one that got its pid: every signal is preceded by a check of the start
// time.
type Process struct {
	// Name is what people call it, such as "etcd". Required.
	Name string `json:"name"`
	// Argv is the command line, with the absolute path of the program first.
	// Required; it is recorded and shown, so it must hold no secret.
	Argv []string `json:"argv"`
	// Dir is the working directory; empty means "/".
	Dir string `json:"-"`
	// LogFile gets stdout and stderr, appended, mode 0600. Its directory is made
	// when absent. Required. One that has more than 16 MiB when the program starts is
	// renamed first, to end in ".1"; while the program runs nothing bounds it. Remove
	// deletes both files if Render made the log.
	LogFile string `json:"log_file"`
	// Env names variables of the plugin's environment that are passed on. Others
	// but PATH and HOME are not.
	Env []string `json:"-"`
	// Inputs are files that the program reads only when it starts, such as
	// certificates. When their content changes it is restarted.
	Inputs []string `json:"-"`
	// Listens are the host:port addresses that must be free when it starts.
	Listens []string `json:"-"`
	// Ready returns nil once the program does its work, else why it does not yet.
	// Its context ends when the program does. Nil means that a program which
	// survives its first moments is ready.
	Ready func(ctx context.Context) error `json:"-"`
	// ReadyTimeout bounds the wait for Ready. Zero means 4 min.
	ReadyTimeout time.Duration `json:"-"`
	// StopTimeout is how long it may take to end after SIGTERM before it is killed.
	// Zero means 30 s.
	StopTimeout time.Duration `json:"stop_timeout,omitempty"`

	// Started tells what runs. It is set by Diff and Render.
	Started Started `json:"started"`
	// KeepLog says that LogFile was there before, so it is not removed.
	KeepLog bool `json:"keep_log,omitempty"`
	// Dirs are the directories that Render made for LogFile.
	Dirs []string `json:"dirs,omitempty"`

	recalled bool
	settle   time.Duration // zero means settleTime; longer where programs fail slowly
}

// Started is what is known of a process that was started: enough to find it
// again, and to tell whether it should run differently.
type Started struct {
	PID int `json:"pid,omitempty"`
	// Ticks is the start time in clock ticks after boot: field 22 of /proc/PID/stat.
	Ticks uint64 `json:"ticks,omitempty"`
	// Boot is the boot id of the kernel; pid and ticks mean nothing under another.
	Boot string   `json:"boot,omitempty"`
	Argv []string `json:"argv,omitempty"`
	// Inputs holds the SHA-256 of every input by path, as it was at the start.
	Inputs map[string]string `json:"inputs,omitempty"`
}

var _ Resource = (*Process)(nil)

// ID is "process" and the name.
func (p *Process) ID() ID { return ID{Kind: "process", Target: p.Name} }

// Recall takes what an earlier run recorded of this process and returns p. Every
// Build calls it:
//
//	p := (&resource.Process{…}).Recall(in.Record)
//
// Without it, a change of Inputs goes unseen, and a change of Argv leaves the old
// process running. A record that cannot be read counts as lost.
func (p *Process) Recall(r Record) *Process {
	entry, ok := r.Find(p.ID())
	if !ok {
		return p
	}
	var old Process
	if err := json.Unmarshal(entry.State, &old); err != nil {
		return p
	}
	p.Started, p.Dirs = old.Started, old.Dirs
	if entry.Made {
		p.KeepLog, p.recalled = old.KeepLog, true
	}
	return p
}

// Diff finds the process and compares command line, program and inputs.
func (p *Process) Diff(ctx context.Context) (sdk.Change, error) {
	now, err := p.find()
	if err != nil {
		return sdk.Change{}, err
	}
	if now.PID == 0 {
		p.noteLog()
		p.Dirs = addDirs(p.Dirs, missingDirs(filepath.Dir(p.LogFile)))
		return sdk.Change{Op: sdk.OpCreate, Reason: p.whyAbsent()}, nil
	}
	if c := p.compare(now); c.Op != sdk.OpNone {
		return c, nil
	}
	p.Started = now
	if err := p.readyOnce(ctx); err != nil {
		return sdk.Change{Op: sdk.OpUpdate, Reason: fmt.Sprintf("pid %d runs, but is not ready", now.PID)}, nil
	}
	return sdk.Change{}, nil
}

// Render starts the process, after it stopped one that runs differently, and
// returns when it is ready. A process that does not get ready is stopped again.
func (p *Process) Render(ctx context.Context) error {
	inputs, err := digests(p.Inputs)
	if err != nil {
		return sdk.Hint(err, fmt.Sprintf("%s reads this file when it starts. Is the path right, and does the phase that makes it come first?", p.Name))
	}
	if _, err := exec.LookPath(p.Argv[0]); err != nil {
		return sdk.Hint(fmt.Errorf("find program: %w", err), "Install or build it, or give the path of another one.")
	}
	now, err := p.find()
	if err != nil {
		return err
	}
	switch {
	case now.PID == 0:
	case p.compare(now).Op == sdk.OpNone:
		if err := p.attach(ctx, now); err == nil || now.runs() {
			return err
		}
	default:
		if err := stop(ctx, now, durationOr(p.StopTimeout, defaultStopTimeout)); err != nil {
			return err
		}
	}
	p.noteLog()
	return p.launch(ctx, inputs)
}

// Remove stops the process, then deletes its log if Render made it.
func (p *Process) Remove(ctx context.Context) error {
	now, err := p.find()
	if err != nil {
		return err
	}
	if now.PID != 0 {
		if err := stop(ctx, now, durationOr(p.StopTimeout, defaultStopTimeout)); err != nil {
			return err
		}
	}
	if p.KeepLog {
		return nil
	}
	if err := RemoveFile(earlier(p.LogFile)); err != nil {
		return err
	}
	return (&File{Path: p.LogFile, Dirs: p.Dirs}).Remove(ctx)
}

// readyOnce asks Ready once.
func (p *Process) readyOnce(ctx context.Context) error {
	if p.Ready == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readyOnceTimeout, errors.New("no answer within 2 s"))
	defer cancel()
	return p.Ready(ctx)
}

// find returns the running process, or a zero Started.
func (p *Process) find() (Started, error) {
	boot, err := bootID()
	if err != nil {
		return Started{}, err
	}
	if p.Started.PID != 0 && p.Started.Boot == boot {
		ticks, err := startTicks(p.Started.PID)
		if err == nil && ticks == p.Started.Ticks {
			return p.Started, nil
		}
	}
	pid, ticks, err := findArgv(p.Argv)
	if err != nil || pid == 0 {
		return Started{}, err
	}
	return Started{PID: pid, Ticks: ticks, Boot: boot, Argv: p.Argv}, nil
}

func (p *Process) whyAbsent() string {
	if p.Started.PID == 0 {
		return "not running"
	}
	return fmt.Sprintf("pid %d is gone", p.Started.PID)
}

// noteLog remembers, before the first start, whether the log is somebody else's.
func (p *Process) noteLog() {
	if p.recalled {
		return
	}
	_, err := os.Stat(p.LogFile)
	p.KeepLog, p.recalled = err == nil, true
}
