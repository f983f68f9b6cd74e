package expand

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// VarInput is a value for a variable of the root.
type VarInput struct {
	// Value is typed, as from a file. If it is cty.NilVal, Raw counts.
	Value cty.Value
	// Raw is text, as from the command line or the environment. For a variable of
	// type string it is the value itself, for a list or set of strings it may be
	// "a,b", else it is an HCL expression.
	Raw string
	// Source says where it is from, for messages: "--var", "CLUSTERFLOW_VAR_port".
	Source string
	// Range is the place in a file, if there is one, and NameRange that of the name.
	Range, NameRange *hcl.Range
	// Shared values are meant for many pipelines: it is no error if this one does
	// not declare such a variable.
	Shared bool
}

// ParseVarFile reads a file of name = value lines. Values are constants, but may
// call functions.
func ParseVarFile(src []byte, filename string) (map[string]VarInput, hcl.Diagnostics) {
	file, diags := config.Parse(src, filename)
	if diags.HasErrors() {
		return nil, diags
	}
	attrs, diags := file.Body.JustAttributes()
	for _, d := range diags {
		d.Detail = "A file of variables holds no blocks, only lines such as: node_name = \"cp1\""
	}
	ctx := &hcl.EvalContext{Functions: lang.Functions(readOS)}
	out := make(map[string]VarInput, len(attrs))
	for name, attr := range attrs {
		if refs := lang.References(attr.Expr); len(refs) > 0 {
			diags = append(diags, diag.Errorf(refs[0].Range, "Constant needed",
				"A file of variables holds values, it cannot refer to %s. Strings are quoted: %s = \"…\".", refs[0].Root, name)...)
			continue
		}
		v, more := attr.Expr.Value(ctx)
		diags = append(diags, more...)
		out[name] = VarInput{Value: v, Source: filename, Range: attr.Expr.Range().Ptr(), NameRange: attr.NameRange.Ptr()}
	}
	return out, diags
}

func readOS(name string) ([]byte, error) { return config.ReadFile(config.OS{}, name) }

// setVariables gives every variable of the root its value.
func (w *world) setVariables(root *config.Module, inputs map[string]VarInput) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		if root.Variables[name] == nil && !inputs[name].Shared {
			diags = append(diags, &hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  "Unknown variable",
				Detail: fmt.Sprintf("%s sets the variable %q, which %s does not declare.%s %s", inputs[name].Source, name, w.pipeline.Path,
					diag.DidYouMean(name, names(root.Variables)), diag.Names("variables", names(root.Variables))),
				Subject: inputs[name].NameRange,
			})
		}
	}
	for _, name := range names(root.Variables) {
		v := root.Variables[name]
		in, given := inputs[name]
		val, more := w.rootValue(v, in, given)
		diags = append(diags, more...)
		if !more.HasErrors() {
			w.rootVars[name] = val
		}
	}
	return diags
}

func names[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

func (w *world) rootValue(v *config.Variable, in VarInput, given bool) (cty.Value, hcl.Diagnostics) {
	val := in.Value
	var diags hcl.Diagnostics
	if given && val == cty.NilVal {
		val, diags = w.parseRaw(v, in)
		if diags.HasErrors() {
			return cty.NilVal, diags
		}
	}
	if !given || (val.IsNull() && v.Default != cty.NilVal) {
		if v.Default == cty.NilVal {
			return cty.NilVal, diag.Errorf(v.DefRange, "No value for variable",
				"The variable %q has no default, so a value must be given: --var %s=…, a line in a --var-file, or CLUSTERFLOW_VAR_%s=….", v.Name, v.Name, v.Name)
		}
		return v.Default, nil
	}
	out, err := v.Convert(val)
	if err != nil {
		return cty.NilVal, hcl.Diagnostics{{
			Severity: hcl.DiagError,
			Summary:  "Invalid value for variable",
			Detail:   fmt.Sprintf("The value of %q from %s does not have the type of the variable: %s.", v.Name, in.Source, err),
			Subject:  rangeOr(in.Range, v.DefRange),
		}}
	}
	return out, nil
}

func rangeOr(at *hcl.Range, other hcl.Range) *hcl.Range {
	if at != nil {
		return at
	}
	return &other
}

// parseRaw reads text from outside. Its own text never appears in messages, as
// the variable may be secret.
func (w *world) parseRaw(v *config.Variable, in VarInput) (cty.Value, hcl.Diagnostics) {
	if v.Type == cty.String {
		return cty.StringVal(in.Raw), nil
	}
	if isListOfStrings(v.Type) && !strings.ContainsAny(in.Raw, `[("`) {
		return splitList(in.Raw), nil
	}
	if lang.CheckNesting([]byte(in.Raw), in.Source) != nil {
		return cty.NilVal, diag.Errorf(v.DefRange, "Invalid value for variable",
			"The value of %q from %s has too many brackets inside of brackets. A variable of type %s is written like %s.",
			v.Name, in.Source, typeName(v.Type), example(v.Type))
	}
	expr, diags := hclsyntax.ParseExpression([]byte(in.Raw), in.Source, hcl.InitialPos)
	var val cty.Value
	switch {
	case diags.HasErrors():
	case v.Type == cty.DynamicPseudoType && hcl.ExprAsKeyword(expr) != "" && len(lang.References(expr)) > 0:
		return cty.StringVal(in.Raw), nil // a single word
	default:
		val, diags = expr.Value(&hcl.EvalContext{Functions: w.functions})
	}
	if diags.HasErrors() {
		return cty.NilVal, diag.Errorf(v.DefRange, "Invalid value for variable",
			"The value of %q from %s is no valid expression. A variable of type %s is written like %s.",
			v.Name, in.Source, typeName(v.Type), example(v.Type))
	}
	return val, nil
}

func isListOfStrings(t cty.Type) bool {
	return (t.IsListType() || t.IsSetType()) && t.ElementType() == cty.String
}

// splitList reads "a,b". Elements that hold a comma, a quote or a bracket take the
// form of an expression.
func splitList(text string) cty.Value {
	var items []cty.Value
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, cty.StringVal(item))
		}
	}
	if len(items) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	return cty.ListVal(items)
}

func typeName(t cty.Type) string {
	if t == cty.DynamicPseudoType {
		return "any"
	}
	return t.FriendlyNameForConstraint()
}

// variable is the value of an input, converted and checked. at is where it is
// asked for.
func (s *session) variable(m *module, v *config.Variable, at hcl.Range) (cty.Value, hcl.Diagnostics) {
	k := varKey{m, v.Name}
	r, ok := s.world.vars[k]
	if !ok {
		if r, ok = s.vars[k]; ok && !r.pure {
			s.touched++
		}
	}
	if ok {
		return r.value, r.diags
	}
	before := s.touched
	val, diags := s.inputValue(m, v, at)
	if (v.Sensitive || v.Ephemeral) && val != cty.NilVal {
		val = lang.MarkSensitive(val)
	}
	s.vars[k] = result{val, diags, s.touched == before}
	if !diags.HasErrors() {
		for _, c := range v.Validations { // may read the value itself
			diags = append(diags, s.condition(m.scope, c, "Invalid value for variable", m.inputRange(v))...)
		}
		s.vars[k] = result{val, diags, s.touched == before}
	}
	return val, diags
}

func (m *module) inputRange(v *config.Variable) *hcl.Range {
	if in := m.input(v); in != nil {
		return in.Value.Range().Ptr()
	}
	return nil
}

func (s *session) inputValue(m *module, v *config.Variable, at hcl.Range) (cty.Value, hcl.Diagnostics) {
	if m.call == nil {
		return s.rootVars[v.Name], nil
	}
	in := m.input(v)
	if in == nil {
		if v.Default == cty.NilVal {
			return cty.DynamicVal, nil // reported by package config
		}
		return v.Default, nil
	}
	val, diags := s.named(m.caller, in.Value, at)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	if val.IsNull() && v.Default != cty.NilVal {
		return v.Default, nil
	}
	out, err := v.Convert(val)
	if err != nil {
		return cty.DynamicVal, diag.Errorf(in.Value.Range(), "Invalid module input",
			"%s does not fit the variable %q of the module: %s.", s.text(in.NameRange), v.Name, err)
	}
	return out, nil
}
