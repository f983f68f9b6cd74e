package expand

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
	"github.com/clusterflow/clusterflow/sdk"
)

// Config evaluates the phase's arguments: an object with every attribute of the
// type's schema, defaults applied. It holds unknown values where outcomes are
// missing, and marks where values are sensitive.
func (n *Node) Config(o Outcomes) (cty.Value, hcl.Diagnostics) {
	return n.session(o).config(n.phase)
}

func (s *session) config(p *phase) (cty.Value, hcl.Diagnostics) {
	vals := make(map[string]cty.Value, len(p.schema.Config))
	var diags hcl.Diagnostics
	for _, a := range p.schema.Config {
		v, more := s.argument(p, a)
		diags = append(diags, more...)
		vals[a.Name] = v
	}
	return cty.ObjectVal(vals), diags
}

func (s *session) argument(p *phase, a sdk.Attribute) (cty.Value, hcl.Diagnostics) {
	unknown := cty.UnknownVal(a.Type.WithoutOptionalAttributesDeep())
	v, at := cty.NullVal(a.Type.WithoutOptionalAttributesDeep()), p.decl.DefRange
	if arg := p.decl.Config.Get(a.Name); arg != nil {
		var diags hcl.Diagnostics
		if v, diags = s.eval(p.scope, arg.Value); diags.HasErrors() {
			return unknown, diags
		}
		at = arg.Value.Range()
	} else if a.Required {
		return unknown, missingArgument(p.decl, a)
	}
	out, err := a.Convert(v)
	if err != nil {
		return unknown, invalidArgument(p.decl, a, v, err, at)
	}
	if a.Sensitive {
		out = lang.MarkSensitive(out)
	}
	return out, nil
}

func missingArgument(decl *config.Phase, a sdk.Attribute) hcl.Diagnostics {
	return diag.Errorf(decl.DefRange, "Missing argument", "A %s.%s phase needs the argument %s (%s): %s Write:\n\n  %s = %s",
		decl.Plugin, decl.Type, a.Name, typeName(a.Type), sentence(a.Doc), a.Name, exampleValue(a))
}

func invalidArgument(decl *config.Phase, a sdk.Attribute, v cty.Value, err error, at hcl.Range) hcl.Diagnostics {
	var problem string
	switch {
	case lang.HasSensitive(v): // the cause may quote the value
		problem = a.Name + " does not take this value. It is sensitive, so it is not shown."
	case v.IsNull():
		problem = a.Name + " must be set, but the value is null."
	default:
		problem = fmt.Sprintf("%s does not take this value: %s.%s", a.Name, err, enumHint(v, a.Enum))
	}
	return diag.Errorf(at, "Invalid argument", "%s In a %s.%s phase its type is %s. %s Write, for example:\n\n  %s = %s",
		problem, decl.Plugin, decl.Type, typeName(a.Type), sentence(a.Doc), a.Name, exampleValue(a))
}

func enumHint(v cty.Value, allowed []string) string {
	text, ok := lang.KeyString(v)
	if !ok {
		return ""
	}
	return diag.DidYouMean(text, allowed)
}

// sentence ends a doc string with a full stop.
func sentence(doc string) string {
	if doc == "" || slices.Contains([]byte(".!?"), doc[len(doc)-1]) {
		return doc
	}
	return doc + "."
}

// exampleValue is a value for an attribute, as one would write it in a phase.
func exampleValue(a sdk.Attribute) string {
	if len(a.Enum) > 0 {
		return fmt.Sprintf("%q", a.Enum[0])
	}
	return example(a.Type)
}

func example(t cty.Type) string {
	switch {
	case t == cty.Number:
		return "1"
	case t == cty.Bool:
		return "true"
	case t.IsListType(), t.IsSetType():
		return "[" + example(t.ElementType()) + "]"
	case t.IsMapType():
		return "{ key = " + example(t.ElementType()) + " }"
	case t.IsObjectType():
		var parts []string
		for _, name := range names(t.AttributeTypes()) {
			if !t.AttributeOptional(name) {
				parts = append(parts, name+" = "+example(t.AttributeType(name)))
			}
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	default:
		return `"…"`
	}
}
