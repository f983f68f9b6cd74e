package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/clusterflow/clusterflow/engine/event"
)

// Plan is what a run would do, as far as a reader wants to know.
type Plan struct {
	Operation event.Operation
	Pipeline  string
	Nodes     []PlanNode
	// Left are nodes that earlier runs made and that are not wanted any more.
	Left []string
	// Forget says that all records are dropped when all succeeded.
	Forget bool
}

// PlanNode is what would be done with one node.
type PlanNode struct {
	Address string
	Type    string
	Action  Action
	// Reason says in a few words why. May be empty.
	Reason  string
	Changes []event.Change
	// After are the nodes that must run before a Later node can be planned.
	After []string
	// Warnings are shown below the node.
	Warnings []event.Problem
}

// Action is what would be done with a node.
type Action string

// The actions.
const (
	None  Action = "none"  // all is as wanted
	Apply Action = "apply" // or undo, by the plan's operation
	Skip  Action = "skip"  // its condition is false
	Later Action = "later" // known when others have run
)

// maxPlanWidth is how far the columns of a plan move for a long address.
const maxPlanWidth = 72

// WritePlan writes a plan for people, nodes in the given order, with totals in
// the last line. Unless opts is verbose, unchanged nodes are only counted, and
// those of a module that is skipped share a line.
func WritePlan(w io.Writer, plan Plan, opts Options) error {
	nodes := plan.Nodes
	if !opts.Verbose {
		nodes = foldSkipped(nodes)
	}
	if opts.Width <= 0 {
		for _, n := range nodes {
			opts.Width = min(max(opts.Width, utf8.RuneCountInString(n.Address)), maxPlanWidth)
		}
	}
	opts = opts.withDefaults()
	p := &printer{w: w, color: opts.Color}
	p.line("%s %s would do:", plan.Operation, clean(plan.Pipeline))
	p.line("")
	shown := 0
	for _, n := range nodes {
		if n.Action == None && len(n.Warnings) == 0 && !opts.Verbose {
			continue
		}
		p.planNode(plan.Operation, n, opts)
		shown++
	}
	if shown == 0 {
		p.line("  nothing: all is as wanted")
	}
	p.line("")
	p.left(plan)
	p.line("%s", p.paint(bold, totals(plan)))
	return p.err
}

// left tells of what nobody wants any more.
func (p *printer) left(plan Plan) {
	if len(plan.Left) == 0 {
		return
	}
	if plan.Forget {
		are := "are"
		if len(plan.Left) == 1 {
			are = "is"
		}
		p.line("When all has succeeded, what is recorded of this host is forgotten, %s that %s not in this pipeline too.", phases(len(plan.Left)), are)
		p.line("")
		return
	}
	p.line("%s made by earlier runs and not wanted any more; apply leaves it as it is:", p.paint(yellow, "warning:"))
	for _, address := range plan.Left {
		p.line("  %s", clean(address))
	}
	p.line("To take it back: clusterflow undo %s --target '%s'", clean(plan.Pipeline), clean(plan.Left[0]))
	p.line("")
}

func (p *printer) planNode(op event.Operation, n PlanNode, opts Options) {
	mark, s, word := planWord(op, n)
	note := strings.TrimSuffix(fmt.Sprintf("%s: %s", p.paint(s, word), OneLine(n.Reason)), ": ")
	if len(n.After) > 0 {
		note += fmt.Sprintf(" (after %s)", clean(shortList(n.After)))
	}
	p.line("  %s %-*s  %-20s  %s", p.paint(s, mark), opts.Width, clean(n.Address), clean(n.Type), note)
	kinds := 0
	for _, c := range n.Changes {
		kinds = max(kinds, utf8.RuneCountInString(c.Kind))
	}
	for _, c := range n.Changes {
		p.change(c, kinds)
	}
	for _, problem := range n.Warnings {
		p.line("      %s", p.paint(yellow, "warning:"))
		p.problem("        ", &problem)
	}
}

// planWord says what would be done with a node.
func planWord(op event.Operation, n PlanNode) (mark string, s style, word string) {
	switch n.Action {
	case None:
		return "=", dim, "unchanged"
	case Skip:
		return ".", dim, "skip"
	case Later:
		return "?", cyan, "decided later"
	case Apply:
		if op == event.OperationUndo {
			return "-", red, "undo"
		}
		return applyWord(n.Changes)
	default:
		return "?", cyan, string(n.Action)
	}
}

func applyWord(changes []event.Change) (mark string, s style, word string) {
	ops := operations(changes)
	if len(ops) != 1 {
		return "~", yellow, "change"
	}
	op := changes[0].Op
	return symbol(op), opStyle(op), string(op)
}

func opStyle(op event.Op) style {
	switch op {
	case event.OpCreate:
		return green
	case event.OpDelete:
		return red
	case event.OpUpdate:
		return yellow
	case event.OpRun:
		return cyan
	default:
		return ""
	}
}

func (p *printer) change(c event.Change, kinds int) {
	note := OneLine(c.Reason)
	if c.Disruptive {
		note = strings.TrimPrefix(note+", ", ", ") + p.paint(yellow, "interrupts what runs")
	}
	p.line("      %s %-*s  %s  %s", p.paint(opStyle(c.Op), symbol(c.Op)), kinds, clean(c.Kind), clean(c.Target), note)
	for l := range strings.Lines(c.Diff) {
		l = strings.TrimRight(l, "\n")
		s := style("")
		switch {
		case strings.HasPrefix(l, "+"):
			s = green
		case strings.HasPrefix(l, "-"):
			s = red
		case strings.HasPrefix(l, "@@"):
			s = cyan
		}
		p.line("          %s", p.paint(s, clean(l)))
	}
}

// totals is the last line:
//
//	Plan: 41 phases: 39 to change (85 create, 2 update, 0 delete, 6 run), 2 unchanged
func totals(plan Plan) string {
	actions := make(map[Action]int)
	ops := make(map[event.Op]int)
	disruptive := 0
	for _, n := range plan.Nodes {
		actions[n.Action]++
		for _, c := range n.Changes {
			ops[c.Op]++
			if c.Disruptive {
				disruptive++
			}
		}
	}
	verb := "to change"
	if plan.Operation == event.OperationUndo {
		verb = "to undo"
	}
	text := fmt.Sprintf("Plan: %s: %d %s (%d create, %d update, %d delete, %d run), %d unchanged", phases(len(plan.Nodes)),
		actions[Apply], verb, ops[event.OpCreate], ops[event.OpUpdate], ops[event.OpDelete], ops[event.OpRun], actions[None])
	for _, more := range []struct {
		n    int
		word string
	}{
		{actions[Later], "decided later"},
		{actions[Skip], "skipped"},
		{disruptive, "interrupting what runs"},
	} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.word)
		}
	}
	return text
}

// Totals is the plan in one line.
func (p Plan) Totals() string { return totals(p) }

// HasChanges reports whether the run would do anything.
func (p Plan) HasChanges() bool {
	return slices.ContainsFunc(p.Nodes, func(n PlanNode) bool { return n.Action == Apply || n.Action == Later })
}
