package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/term"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/live"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/report"
	"github.com/clusterflow/clusterflow/engine/run"
	"github.com/clusterflow/clusterflow/sdk"
)

// view shows a run while it goes on, and sums it up at its end.
type view struct {
	app   *app
	lines *report.JSON // with --json, in place of all others
	plain *report.Plain
	live  *live.View // on a terminal, in place of plain
	*report.Background
	summary report.Summary
	// quiet is for runs that should change nothing: they are shown only if they end
	// in another way than expected.
	quiet bool
}

var _ event.Sink = (*view)(nil)

// view returns a view that the caller must close.
func (a *app) view(json bool) *view {
	if json {
		return &view{app: a, lines: report.NewJSON(a.out)}
	}
	v := &view{app: a}
	if file := terminal(a.err); file != nil && os.Getenv("TERM") != "dumb" {
		v.live = live.New(a.err, sizeOf(file), live.Options{
			Color: a.color(a.err), Verbose: a.verbose, Level: event.Level(a.level),
		})
		v.Background = report.InBackgroundEvery(live.Interval, v.live)
	} else {
		v.plain = report.NewPlain(a.err, a.reportOptions())
		v.Background = report.InBackground(v.plain)
	}
	a.shown.Store(v)
	return v
}

// sizeOf asks a terminal for its size each time.
func sizeOf(file *os.File) func() (width, height int) {
	return func() (int, int) {
		width, height, _ := term.GetSize(int(file.Fd())) // zero is not known
		return width, height
	}
}

// Emit implements [event.Sink].
func (v *view) Emit(e event.Event) {
	if v.lines != nil {
		v.lines.Emit(e)
		return
	}
	v.summary.Emit(e)
	if !v.quiet {
		v.Background.Emit(e)
	}
}

// finish shows all that is left to show of a run that ended with err, and returns
// what it did not show.
func (v *view) finish(status event.RunStatus, err error) error {
	var shown *run.StateError
	if v.lines == nil && errors.As(err, &shown) {
		err = nil // the summary tells it
	}
	if v.lines != nil {
		return errors.Join(v.lines.Err(), err)
	}
	v.close()
	if v.quiet && status == event.RunSucceeded {
		return err
	}
	return errors.Join(v.failure(), v.summary.Write(v.app.err, v.app.reportOptions()), err)
}

// failure is the first error of writing.
func (v *view) failure() error {
	if v.live != nil {
		return v.live.Err()
	}
	return v.plain.Err()
}

// close ends the view. It may follow finish.
func (v *view) close() {
	if v.Background == nil {
		return
	}
	v.Close()
	if v.live != nil {
		v.live.Close()
	}
}

func (a *app) reportOptions() report.Options {
	return report.Options{Color: a.color(a.err), Verbose: a.verbose, Level: event.Level(a.level)}
}

// color reports whether to use colours on w: on a terminal, unless told not to.
func (a *app) color(w io.Writer) bool { return !a.noColor && terminal(w) != nil }

// terminal is w if that is a terminal, else nil.
func terminal(w any) *os.File {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// toReport is a plan as reports want it.
func toReport(path string, planned *plan.Plan) report.Plan {
	out := report.Plan{
		Operation: event.OperationApply, Pipeline: path, Left: planned.Left, Forget: planned.Forget,
		Nodes: make([]report.PlanNode, 0, len(planned.Steps)),
	}
	for _, s := range planned.Steps {
		out.Nodes = append(out.Nodes, report.PlanNode{
			Address: s.Address, Type: s.Ref.Plugin + "." + s.Ref.Type.Name, Action: report.Action(s.Action),
			Reason: s.Reason, Changes: plan.Changes(s.Changes), After: s.After, Warnings: warnings(s.Diagnostics),
		})
	}
	return out
}

func (a *app) writePlan(w io.Writer, path string, planned *plan.Plan) error {
	opts := a.reportOptions()
	opts.Color = a.color(w)
	if err := report.WritePlan(w, toReport(path, planned), opts); err != nil {
		return fmt.Errorf("print plan: %w", err)
	}
	return nil
}

func (a *app) writeUndoPlan(path string, steps []engine.UndoStep) error {
	out := report.Plan{Operation: event.OperationUndo, Pipeline: path}
	for _, s := range steps {
		node := report.PlanNode{Address: s.Node.Address, Type: s.Node.Type, Action: report.Apply, Changes: plan.Changes(s.Changes)}
		if s.Problem != nil {
			node.Warnings = warnings(asWarnings(s.Problem))
		}
		out.Nodes = append(out.Nodes, node)
	}
	return report.WritePlan(a.err, out, a.reportOptions())
}

// asWarnings is an error that stops nothing.
func asWarnings(err error) sdk.Diagnostics {
	diags := sdk.Diagnose(err)
	for i := range diags {
		diags[i].Severity = sdk.SeverityWarning
	}
	return diags
}

func warnings(diags sdk.Diagnostics) []event.Problem {
	var out []event.Problem
	for _, d := range diags {
		if d.Severity == sdk.SeverityWarning {
			out = append(out, event.Problem{Message: d.Summary, Hint: d.Detail})
		}
	}
	return out
}

// writeDiagnostics shows mistakes in the source they are in.
func (a *app) writeDiagnostics(files map[string]*hcl.File, diags hcl.Diagnostics) {
	const width = 100
	diag.Write(a.err, files, diags, diag.Options{Width: width, Color: a.color(a.err)})
}
