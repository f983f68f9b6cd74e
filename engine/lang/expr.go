package lang

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Expr is an expression that was looked at once, when it was loaded.
type Expr struct {
	hclsyntax.Expression
	// Refs is what it mentions, in the order of the source.
	Refs  []Reference
	calls []Call
}

// NewExpr analyses an expression of HCL's native syntax.
func NewExpr(expr hclsyntax.Expression) *Expr {
	w := walk(expr)
	return &Expr{Expression: expr, Refs: w.refs, calls: w.calls}
}

// Call is a call of a function by name.
type Call struct {
	Name  string
	Range hcl.Range // of the name
}

// Calls lists the functions that an expression calls, in the order of the source.
func (e *Expr) Calls() []Call { return e.calls }

// Plugin splits the name of a function that belongs to a plugin, pki::fingerprint;
// ok is false for those of the language.
func (c Call) Plugin() (plugin, function string, ok bool) { return strings.Cut(c.Name, "::") }

// Impure explains why a function that people may expect is not offered. It is
// empty for all other names.
func Impure(name string) string {
	switch name {
	case "timestamp", "plantimestamp", "uuid", "bcrypt", "rsadecrypt":
		return "Its result would differ between plan and apply. Pass the value in as a variable."
	case "env", "getenv":
		return "Environment variables are read only into variables: declare variable \"name\" and set CLUSTERFLOW_VAR_name."
	default:
		return ""
	}
}
