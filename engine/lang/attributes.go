package lang

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Stray is an attribute in an object constructor that the type does not have.
// Conversion drops it without a word, so a slip in its name would go unnoticed.
type Stray struct {
	Name  string
	Range hcl.Range
	Known []string // attributes that the type has
}

// Strays compares what is spelled out in an expression with the type that its
// value is converted to.
func Strays(expr hclsyntax.Expression, typ cty.Type) []Stray {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return Strays(e.Expression, typ)
	case *hclsyntax.ConditionalExpr:
		return append(Strays(e.TrueResult, typ), Strays(e.FalseResult, typ)...)
	case *hclsyntax.TupleConsExpr:
		if !typ.IsListType() && !typ.IsSetType() {
			return nil
		}
		var all []Stray
		for _, item := range e.Exprs {
			all = append(all, Strays(item, typ.ElementType())...)
		}
		return all
	case *hclsyntax.ObjectConsExpr:
		return straysOfObject(e, typ)
	default:
		return nil
	}
}

func straysOfObject(e *hclsyntax.ObjectConsExpr, typ cty.Type) []Stray {
	var all []Stray
	for _, item := range e.Items {
		if typ.IsMapType() {
			all = append(all, Strays(item.ValueExpr, typ.ElementType())...)
			continue
		}
		name, ok := LiteralKey(item.KeyExpr)
		if !ok || !typ.IsObjectType() {
			continue
		}
		if typ.HasAttribute(name) {
			all = append(all, Strays(item.ValueExpr, typ.AttributeType(name))...)
			continue
		}
		known := slices.Sorted(maps.Keys(typ.AttributeTypes()))
		all = append(all, Stray{Name: name, Range: item.KeyExpr.Range(), Known: known})
	}
	return all
}

// LiteralKey returns a key of an object constructor, if it is spelled out.
func LiteralKey(e hclsyntax.Expression) (string, bool) {
	if len(e.Variables()) > 0 {
		return "", false
	}
	v, diags := e.Value(nil)
	if diags.HasErrors() {
		return "", false
	}
	return KeyString(v)
}
