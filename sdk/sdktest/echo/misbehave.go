package echo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
)

func misbehave() sdk.Type {
	return sdk.Type{
		Name: "misbehave",
		Doc: "Does what no phase should do: sleeps until it is cancelled, or ignores that too and sleeps until killed; " +
			"crashes; panics; fails, in its first attempts only if size is set; prints garbage of size bytes; " +
			"logs size lines; returns a huge text of size bytes; spawns a child that outlives the phase, " +
			"in the plugin's process group or in a session of its own.",
		Example: "phase \"echo.misbehave\" \"bad\" {\n  how = \"crash\"\n}",
		Config:  sdk.AttributesOf[misbehaveConfig](), Outputs: sdk.AttributesOf[misbehaveOutputs](),
		CancelGrace: 500 * time.Millisecond, Handler: misbehaveHandler{},
	}
}

type misbehaveConfig struct {
	How  string `cf:"how,required" enum:"sleep ignore_cancel crash panic fail garbage log huge spawn spawn_session" doc:"What to do."`
	Size int    `cf:"size" doc:"How much: bytes, lines or attempts."`
}

type misbehaveOutputs struct {
	Text string `cf:"text,late" doc:"Anything."`
	PID  int    `cf:"pid,late" doc:"The process id of the child, else of the plugin."`
}

type misbehaveHandler struct{ unchecked }

func (misbehaveHandler) Plan(_ context.Context, req sdk.PlanRequest) (sdk.Plan, error) {
	c, err := sdk.Decode[misbehaveConfig](req.Config)
	if err != nil || req.Undo {
		return sdk.Plan{}, err
	}
	return sdk.Plan{Changes: []sdk.Change{{Op: sdk.OpRun, Kind: "misbehave", Target: c.How}}}, nil
}

func (misbehaveHandler) Undo(context.Context, sdk.UndoRequest) (sdk.Result, error) {
	return sdk.Result{}, nil
}

func (misbehaveHandler) Apply(ctx context.Context, req sdk.ApplyRequest) (sdk.Result, error) {
	c, err := sdk.Decode[misbehaveConfig](req.Config)
	if err != nil {
		return sdk.Result{}, err
	}
	sdk.Emit(ctx, sdk.Progress{ID: "how", Label: c.How}) // tells tests that it begins
	out := misbehaveOutputs{PID: os.Getpid()}
	switch c.How {
	case "fail":
		if c.Size == 0 || req.ID.Attempt <= c.Size {
			return sdk.Result{}, sdk.Hint(errors.New("fail on demand"), "Ask for something else.")
		}
	case "garbage":
		err = garbage(c.Size)
	case "log":
		for i := range c.Size {
			zerolog.Ctx(ctx).Info().Int("line", i).Msg("log on demand")
		}
	case "huge":
		out.Text = strings.Repeat("x", c.Size)
	case "spawn", "spawn_session":
		out.PID, err = spawn(c.How == "spawn_session")
	default:
		err = hang(ctx, c.How)
	}
	return sdk.Result{Outputs: sdk.Encode(out)}, err
}

// hang does not end by itself, or not well.
func hang(ctx context.Context, how string) error {
	switch how {
	case "panic":
		panic("panic on demand")
	case "crash":
		go panic("crash on demand") // nobody recovers another goroutine
		select {}
	case "ignore_cancel":
		select {}
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// garbage prints a line without an end on stdout and a line that confuses readers
// of JSON logs on stderr.
func garbage(size int) error {
	_, outErr := io.WriteString(os.Stdout, strings.Repeat("x", size))
	_, err := fmt.Fprintln(os.Stderr, `{"@message":5,"@level":[],"@timestamp":"never"}`)
	return errors.Join(outErr, err)
}
