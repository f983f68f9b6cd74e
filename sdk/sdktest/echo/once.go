package echo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// once is a phase type that must not run twice and keeps a book of what it did, so
// that a test can tell.
func once() sdk.Type {
	return sdk.Type{
		Name: "once",
		Doc: "Writes into a ledger that it begins and, after a pause, that it has ended, or was cancelled. It is done when the ledger says so, " +
			"and must not run twice.",
		Example: "phase \"echo.once\" \"order\" {\n  ledger = \"/tmp/ledger\"\n  text   = \"order 1\"\n}",
		Config:  sdk.AttributesOf[onceConfig](), Outputs: sdk.AttributesOf[onceOutputs](),
		Access:  []sdk.Access{{Kind: sdk.AccessPath, What: "config.ledger", Write: true}},
		Handler: onceHandler{},
	}
}

type onceConfig struct {
	Ledger string        `cf:"ledger,required" doc:"The file to write into. Others may write into it, too."`
	Text   string        `cf:"text,required" doc:"What to write."`
	Pause  time.Duration `cf:"pause" default:"\"0s\"" doc:"How long it takes."`
}

type onceOutputs struct {
	Text string `cf:"text" doc:"What was written."`
}

type onceHandler struct{ unchecked }

func (onceHandler) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	c, err := sdk.Decode[onceConfig](req.Config)
	if err != nil || req.Undo {
		return sdk.Plan{}, err
	}
	plan := sdk.Plan{Outputs: sdk.Encode(onceOutputs{c.Text})}
	book, err := os.ReadFile(c.Ledger)
	if err == nil && strings.Contains(string(book), "ended "+c.Text+"\n") {
		return plan, nil
	}
	plan.Changes = []sdk.Change{{Op: sdk.OpRun, Kind: "order", Target: c.Text}}
	return plan, nil
}

func (onceHandler) Apply(ctx context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	c, err := sdk.Decode[onceConfig](req.Config)
	if err == nil {
		err = c.write("begins ")
	}
	if err != nil {
		return sdk.Result{}, err
	}
	pause := time.NewTimer(c.Pause)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
		return sdk.Result{}, errors.Join(context.Cause(ctx), c.write("cancelled "))
	}
	return sdk.Result{Outputs: sdk.Encode(onceOutputs{c.Text})}, c.write("ended ")
}

func (c onceConfig) write(what string) error {
	f, err := os.OpenFile(c.Ledger, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteString(what + c.Text + "\n") // one write: lines of others do not mix with it
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

// Undo leaves the ledger: what was done once was done.
func (onceHandler) Undo(context.Context, sdk.UndoRequest) (sdk.Result, error) {
	return sdk.Result{}, nil
}

var _ sdk.Handler = onceHandler{}
