package expand

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/lang"
)

// Output is a value that the pipeline hands out.
type Output struct {
	Value       cty.Value
	Sensitive   bool
	Reveal      bool
	Description string
}

// Outputs evaluates the outputs of the root. Values of sensitive outputs are
// marked.
func (p *Program) Outputs(o Outcomes) (map[string]Output, hcl.Diagnostics) {
	s := p.world.session(o)
	root := p.world.root
	out := make(map[string]Output, len(root.decl.Outputs))
	var diags hcl.Diagnostics
	for _, name := range names(root.decl.Outputs) {
		decl := root.decl.Outputs[name]
		v, more := s.value(root.scope, decl.Value)
		diags = append(diags, more...)
		if decl.Sensitive {
			v = lang.MarkSensitive(v)
		}
		out[name] = Output{Value: v, Sensitive: decl.Sensitive, Reveal: decl.Reveal, Description: decl.Description}
	}
	return out, diags
}
