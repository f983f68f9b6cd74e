package plan

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// The kinds of package resource that count, or do not: many phases may want one
// directory, as all want the same. Of other kinds, those at a path count.
const (
	fileKind   = "file"
	sharedKind = "directory"
)

// conflicts reports files that two phases declare: they would overwrite each
// other's in every run. A phase whose plan has to wait is looked at during the run,
// see [Planner.Conflict].
func (b *builder) conflicts() hcl.Diagnostics {
	first := map[resource.ID]*expand.Node{}
	shared := map[[2]*expand.Node][]string{}
	var order [][2]*expand.Node
	for _, step := range b.plan.Steps {
		n, ok := b.planner.Program.Node(step.Address)
		if !ok || n.Undo {
			continue
		}
		for _, id := range step.Files() {
			other := first[id]
			if other == nil {
				first[id] = n
				continue
			}
			pair := [2]*expand.Node{other, n}
			if shared[pair] == nil {
				order = append(order, pair)
			}
			shared[pair] = append(shared[pair], id.Kind+" "+id.Target)
		}
	}
	var diags hcl.Diagnostics
	for _, pair := range order {
		diags = append(diags, conflict(pair[0], pair[1], shared[pair])...)
		diags = append(diags, conflict(pair[1], pair[0], shared[pair])...)
	}
	return diags
}

// conflict says at n what it shares with another phase.
func conflict(n, other *expand.Node, things []string) hcl.Diagnostics {
	return diag.Errorf(n.DefRange(), "File declared twice",
		"%s and %s (%s) both declare\n\n  %s\n\nThey would overwrite each other in every run. Let one phase make it, and the other one refer to its output.",
		n.Address, other.Address, fmt.Sprintf("%s:%d", other.DefRange().Filename, other.DefRange().Start.Line), strings.Join(things, "\n  "))
}

// Conflict is the error of a phase that declares files of another one, as was found
// when it was planned during a run.
func (p *Planner) Conflict(address, other string, files []resource.ID) error {
	n, known := p.Program.Node(address)
	holder, there := p.Program.Node(other)
	if !known || !there {
		return fmt.Errorf("plan %s: %s declares the same file", address, other)
	}
	things := make([]string, len(files))
	for i, id := range files {
		things[i] = id.Kind + " " + id.Target
	}
	return &PhaseError{Diagnostics: conflict(n, holder, things), Permanent: true}
}

// Files lists what a step makes or keeps at a path, each once. A step that undoes
// has none.
func (s *Step) Files() []resource.ID {
	if s.Undo {
		return nil
	}
	var out []resource.ID
	add := func(kind, target string) {
		id := resource.ID{Kind: kind, Target: target}
		if kind != sharedKind && (kind == fileKind || filepath.IsAbs(target)) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	for _, c := range s.Changes {
		if c.Op == sdk.OpCreate || c.Op == sdk.OpUpdate {
			add(c.Kind, c.Target)
		}
	}
	if record, err := resource.ParseRecord(s.Private); err == nil { // other plugins record what they like
		for _, e := range record.Entries {
			add(e.Kind, e.Target)
		}
	}
	return out
}
