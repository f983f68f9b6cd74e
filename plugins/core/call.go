package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/clusterflow/clusterflow/plugins/internal/command"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// The kinds of call: undo has nothing to do for the first.
const (
	kindCommand  = "command"
	kindUndoable = "undoable command"
)

const shownLines = 10

// call is a command as a resource. It has the same ID whatever it runs: a changed
// command replaces the old one, it does not undo it.
type call struct {
	Undo []string          `json:"undo,omitempty"`
	Env  map[string]string `json:"env,omitempty"`
	Dir  string            `json:"dir,omitempty"`
	// Creates is the absolute path of what the command makes.
	Creates string `json:"creates,omitempty"`
	// Kept is what the last run said, unless that is secret.
	Kept *said `json:"kept,omitempty"`

	config    execConfig
	before    bool // it is in the record
	unchanged bool
	secret    *string
}

// said is what a command left to be read.
type said struct {
	Stdout string `json:"stdout,omitempty"`
	Stderr string `json:"stderr,omitempty"`
	Code   int    `json:"code,omitempty"`
}

var _ resource.Resource = (*call)(nil)

func newCall(in resource.Input[execConfig]) *call {
	c := &call{
		Undo: in.Config.Undo, Dir: hostpath.Abs(in.WorkDir, in.Config.Dir),
		Creates: hostpath.Abs(in.WorkDir, in.Config.Creates), config: in.Config, unchanged: in.Unchanged,
	}
	if c.Dir == "" {
		c.Dir = in.WorkDir
	}
	if len(c.Undo) > 0 {
		c.Env = in.Config.Env
	}
	entry, ok := in.Record.Find(c.ID())
	var old call
	if ok && json.Unmarshal(entry.State, &old) == nil {
		c.before = true
		if !c.config.SensitiveOutput {
			c.Kept = old.Kept
		}
	}
	return c
}

// ID depends on whether there is something to undo.
func (c *call) ID() resource.ID {
	if len(c.Undo) > 0 {
		return resource.ID{Kind: kindUndoable, Target: "exec"}
	}
	return resource.ID{Kind: kindCommand, Target: "exec"}
}

// Diff plans a run unless the command is done.
func (c *call) Diff(context.Context) (sdk.Change, error) {
	run := sdk.Change{Op: sdk.OpRun, Target: describe(c.config.Command)}
	if c.Creates != "" {
		_, err := os.Lstat(c.Creates)
		if err == nil {
			return sdk.Change{}, nil
		}
		run.Reason = c.Creates + " is absent"
		if !errors.Is(err, fs.ErrNotExist) {
			run.Reason = err.Error()
		}
		return run, nil
	}
	switch {
	case len(c.config.Command) == 0: // from a record: it ran
		return sdk.Change{}, nil
	case c.config.SensitiveOutput:
		run.Reason = "its output is secret, so it was not kept"
	case !c.before:
		run.Reason = "has not run yet"
	case !c.unchanged:
		run.Reason = "inputs changed"
	case c.Kept == nil:
		run.Reason = "its output was not kept"
	default:
		return sdk.Change{}, nil
	}
	return run, nil
}

// Render runs the command.
func (c *call) Render(ctx context.Context) error {
	env := maps.Clone(c.config.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, c.config.SecretEnv)
	result, err := command.Command{
		Argv: c.config.Command, Env: env, Dir: c.Dir, Stdin: c.config.Stdin,
		Quiet: c.config.SensitiveOutput, Grace: execStopGrace,
	}.Run(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(c.config.ExitCodes, result.Code) {
		return c.failed(c.config.Command, result)
	}
	if c.config.SensitiveOutput {
		c.secret = &result.Stdout
	} else {
		c.Kept = &said{Stdout: result.Stdout, Stderr: result.Stderr, Code: result.Code}
	}
	if c.Creates == "" {
		return nil
	}
	if _, err := os.Lstat(c.Creates); err != nil {
		return sdk.Hint(fmt.Errorf("run %s: it succeeded, but did not make %s", filepath.Base(c.config.Command[0]), c.Creates),
			"Correct the path in creates, or leave it out.")
	}
	return nil
}

// failed tells how a command ended and what it said last.
func (c *call) failed(argv []string, result command.Result) error {
	err := fmt.Errorf("run %s: %s", describe(argv), result.State)
	if codes := c.config.ExitCodes; len(codes) > 1 || len(codes) == 1 && codes[0] != 0 {
		err = fmt.Errorf("%w, want %s", err, wantedCodes(c.config.ExitCodes))
	}
	if c.config.SensitiveOutput {
		return sdk.Hint(err, "Its output may hold a secret and is not shown. Run it by hand to see what it says.")
	}
	text := result.LastLines(shownLines)
	if text == "" {
		return sdk.Hint(err, "It said nothing.")
	}
	return sdk.Hint(err, "It said:\n"+text)
}

// Remove runs the undo command.
func (c *call) Remove(ctx context.Context) error {
	if len(c.Undo) == 0 {
		return nil
	}
	result, err := command.Command{Argv: c.Undo, Env: c.Env, Dir: c.Dir, Grace: execStopGrace}.Run(ctx)
	if err != nil {
		return err
	}
	if result.Code != 0 {
		return (&call{}).failed(c.Undo, result)
	}
	return nil
}

func (c *call) outputs() execOutputs {
	out := execOutputs{SecretStdout: c.secret}
	if c.Kept != nil {
		out.Stdout, out.Stderr, out.ExitCode = &c.Kept.Stdout, &c.Kept.Stderr, &c.Kept.Code
	}
	return out
}
