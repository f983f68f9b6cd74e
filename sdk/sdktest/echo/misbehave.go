package echo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/sdk"
)

func misbehave() sdk.Type {
	return sdk.Type{
		Name: "misbehave", Doc: "Does what no phase should do.",
		Example: "phase \"echo.misbehave\" \"bad\" {\n  how = \"crash\"\n}",
		Config:  sdk.AttributesOf[misbehaveConfig](), Outputs: sdk.AttributesOf[misbehaveOutputs](),
		Handler: misbehaveHandler{},
	}
}

type misbehaveConfig struct {
	How  string `cf:"how,required" enum:"sleep ignore_cancel crash panic fail garbage log huge spawn spawn_session" doc:"What to do: sleep until cancelled; ignore_cancel, sleep until killed; crash the process; panic; fail with an error, in the first attempts only if size is set; print garbage of size bytes on stdout and stderr; log size lines; return a huge text of size bytes; spawn a child that outlives the phase, in a session of its own or not."`
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
	case "sleep":
		<-ctx.Done()
		return sdk.Result{}, context.Cause(ctx)
	case "ignore_cancel":
		select {}
	case "crash":
		go panic("crash on demand") // nobody recovers another goroutine
		select {}
	case "panic":
		panic("panic on demand")
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
	}
	return sdk.Result{Outputs: sdk.Encode(out)}, err
}

// garbage prints a line without an end on stdout and a line that confuses readers
// of JSON logs on stderr.
func garbage(size int) error {
	_, outErr := io.WriteString(os.Stdout, strings.Repeat("x", size))
	_, err := fmt.Fprintln(os.Stderr, `{"@message":5,"@level":[],"@timestamp":"never"}`)
	return errors.Join(outErr, err)
}
