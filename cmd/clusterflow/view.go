package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2"
	"golang.org/x/term"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/plan"
	"github.com/clusterflow/clusterflow/engine/report"
	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// view shows a run while it goes on, and sums it up at its end.
type view struct {
	event.Sink
	// finish shows all that is left to show. It returns the first error of writing.
	finish func() error
	// close ends the view. It may follow finish.
	close func()
}

func (a *app) view(json bool) view {
	if json {
		lines := report.NewJSON(a.out)
		return view{Sink: lines, finish: lines.Err, close: func() {}}
	}
	plain := report.NewPlain(a.err, a.reportOptions())
	background := report.InBackground(plain)
	summary := &report.Summary{}
	return view{
		Sink: event.Tee(background, summary),
		finish: func() error {
			background.Close()
			return errors.Join(plain.Err(), summary.Write(a.err, a.reportOptions()))
		},
		close: background.Close,
	}
}

func (a *app) reportOptions() report.Options {
	return report.Options{Color: a.color(a.err), Verbose: a.verbose}
}

// color reports whether to use colours on w: on a terminal, unless told not to.
func (a *app) color(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && !a.noColor && term.IsTerminal(int(file.Fd()))
}

func (a *app) writePlan(w io.Writer, path string, planned *plan.Plan) error {
	out := report.Plan{Operation: event.OperationApply, Pipeline: path}
	for _, s := range planned.Steps {
		out.Nodes = append(out.Nodes, report.PlanNode{
			Address: s.Address, Type: s.Ref.Plugin + "." + s.Ref.Type.Name, Action: report.Action(s.Action),
			Reason: s.Reason, Changes: plan.Changes(s.Changes), After: s.After, Warnings: warnings(s.Diagnostics),
		})
	}
	return report.WritePlan(w, out, a.reportOptions())
}

func (a *app) writeUndoPlan(path string, nodes []*state.Node) error {
	out := report.Plan{Operation: event.OperationUndo, Pipeline: path}
	for _, n := range nodes {
		out.Nodes = append(out.Nodes, report.PlanNode{Address: n.Address, Type: n.Type, Action: report.Apply})
	}
	return report.WritePlan(a.err, out, a.reportOptions())
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
	w := hcl.NewDiagnosticTextWriter(a.err, files, width, a.color(a.err))
	if err := w.WriteDiagnostics(diags); err != nil {
		fmt.Fprintln(a.err, diags.Error())
	}
}
