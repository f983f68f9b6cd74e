package expand

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
	"github.com/clusterflow/clusterflow/sdk"
)

// Place puts a plugin's diagnostics at the source that they are about.
func (n *Node) Place(list sdk.Diagnostics) hcl.Diagnostics {
	return diag.FromSDK(list, n.Range)
}

// Range is the source of an attribute of the config, or of a part of it as far as
// it is spelled out. For everything else it is the head of the block.
func (n *Node) Range(path cty.Path) hcl.Range {
	if len(path) == 0 {
		return n.DefRange()
	}
	first, ok := path[0].(cty.GetAttrStep)
	arg := n.phase.decl.Config.Get(first.Name)
	if !ok || arg == nil {
		return n.DefRange()
	}
	e := arg.Value.Expression
	for _, step := range path[1:] {
		next := part(e, step)
		if next == nil {
			break
		}
		e = next
	}
	return e.Range()
}

// part returns the expression of an element of an object or tuple constructor.
func part(e hclsyntax.Expression, step cty.PathStep) hclsyntax.Expression {
	switch e := unwrap(e).(type) {
	case *hclsyntax.ObjectConsExpr:
		return attributePart(e, step)
	case *hclsyntax.TupleConsExpr:
		index, ok := step.(cty.IndexStep)
		if !ok || index.Key.Type() != cty.Number || !index.Key.IsKnown() || index.Key.IsNull() {
			return nil
		}
		if i, _ := index.Key.AsBigFloat().Int64(); i >= 0 && i < int64(len(e.Exprs)) {
			return e.Exprs[i]
		}
	}
	return nil
}

func attributePart(e *hclsyntax.ObjectConsExpr, step cty.PathStep) hclsyntax.Expression {
	name, ok := stepName(step)
	if !ok {
		return nil
	}
	for _, item := range e.Items {
		if text, known := lang.LiteralKey(item.KeyExpr); known && text == name {
			return item.ValueExpr
		}
	}
	return nil
}

func stepName(step cty.PathStep) (string, bool) {
	switch step := step.(type) {
	case cty.GetAttrStep:
		return step.Name, true
	case cty.IndexStep:
		return lang.KeyString(step.Key)
	default:
		return "", false
	}
}
