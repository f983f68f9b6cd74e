package expand

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// maxInstances bounds how many phases and modules there are in all, so that a slip
// of the pen does not eat the memory.
const maxInstances = 100_000

// phases returns the instances of a phase block. They are made when they are
// asked for first; nil means that there are problems.
func (s *session) phases(m *module, decl *config.Phase, at hcl.Range) (*family[*phase], hcl.Diagnostics) {
	f := m.phases[decl]
	diags := grow(s, f, m, decl.ForEach, at, decl.Ref(), func(sc *scope) *phase {
		p := newPhase(decl, sc)
		p.schema, _ = s.schema(decl) // an error would have ended Expand
		return p
	})
	if diags.HasErrors() {
		return nil, diags
	}
	return f, nil
}

// modules is the same for a module block.
func (s *session) modules(m *module, call *config.Call, at hcl.Range) (*family[*module], hcl.Diagnostics) {
	f := m.calls[call.Name]
	diags := grow(s, f, m, call.ForEach, at, "module."+call.Name, func(sc *scope) *module {
		return newModule(call.Module, call, sc)
	})
	if diags.HasErrors() {
		return nil, diags
	}
	return f, nil
}

// grow makes the instances of a block, one for each key of over.
func grow[T any](s *session, f *family[T], m *module, over *lang.Expr, at hcl.Range, name string, create func(*scope) T) hcl.Diagnostics {
	switch f.state {
	case expanded:
		return nil
	case expanding:
		return diag.Errorf(at, "for_each needs itself",
			"The for_each of %s depends on the instances of %s, and so on itself.", name, name)
	case unexpanded:
	}
	if s.instances++; s.instances > maxInstances {
		return tooMany(at)
	}
	if over == nil {
		f.only, f.keys, f.state = create(m.scope), s.onlyKey, expanded
		return nil
	}
	f.state = expanding
	keys, flat, diags := s.forEach(m.scope, over)
	if diags.HasErrors() {
		f.state = unexpanded
		if run, known, _ := s.runs(m); !known || run {
			return diags
		}
		keys = nil // a module that never runs may have no sensible inputs
	}
	if s.instances += len(keys); s.instances > maxInstances {
		return tooMany(at)
	}
	f.byKey = make(map[string]T, len(keys))
	for _, k := range keys {
		f.byKey[k] = create(&scope{module: m, each: &each{key: k, over: over, outer: m.scope, flat: flat}})
	}
	f.keys, f.state = keys, expanded
	return nil
}

func tooMany(at hcl.Range) hcl.Diagnostics {
	return diag.Errorf(at, "Too many instances",
		"With this block the pipeline has more than %d phases and modules. A for_each, or modules that include each other several times, make more than was meant.", maxInstances)
}

// forEach returns the keys of a for_each value, and whether it is a set or list.
func (s *session) forEach(sc *scope, over *lang.Expr) (keys []string, flat bool, diags hcl.Diagnostics) {
	v, diags := s.value(sc, over)
	if diags.HasErrors() {
		return nil, false, diags
	}
	at := over.Range()
	if v.IsMarked() {
		return nil, false, diag.Errorf(at, "Sensitive for_each",
			"The value is sensitive, but its keys would become part of addresses, which are shown. Iterate over something else, or over nonsensitive(keys(…)).")
	}
	typ := v.Type()
	flat = typ.IsSetType() || typ.IsListType() || typ.IsTupleType()
	switch {
	case !v.IsKnown():
		return nil, false, s.unknownForEach(sc, over)
	case v.IsNull():
		return nil, false, diag.Errorf(at, "Invalid for_each", "The value is null. For no instances write for_each = {}.")
	case !flat && !typ.IsMapType() && !typ.IsObjectType():
		return nil, false, diag.Errorf(at, "Invalid for_each",
			"A map, an object, or a set or list of strings is needed, not %s. A valid form is for_each = toset([\"a\", \"b\"]).", typ.FriendlyName())
	case v.LengthInt() > maxInstances:
		return nil, false, tooMany(at)
	}
	keys, diags = s.instanceKeys(sc, over, v, flat)
	return keys, flat, diags
}

func (s *session) instanceKeys(sc *scope, over *lang.Expr, v cty.Value, flat bool) ([]string, hcl.Diagnostics) {
	var keys []string
	seen := map[string]bool{}
	for k, elem := range v.Elements() {
		if flat {
			k = elem
		}
		name, problem := instanceKey(k)
		switch {
		case problem == "unknown":
			return nil, s.unknownForEach(sc, over)
		case problem != "":
			return nil, diag.Errorf(over.Range(), "Invalid for_each", "%s A valid form is for_each = toset([\"a\", \"b\"]).", problem)
		case seen[name]:
			return nil, diag.Errorf(over.Range(), "Invalid for_each", "The element %q is there twice. Write for_each = toset(…) to drop repeated elements.", name)
		}
		seen[name] = true
		keys = append(keys, name)
	}
	return keys, nil
}

// instanceKey returns a key as text, or what is wrong with it.
func instanceKey(v cty.Value) (name, problem string) {
	switch {
	case v.IsMarked():
		return "", "An element is sensitive, but would become part of an address, which is shown."
	case !v.IsKnown():
		return "", "unknown"
	case v.IsNull():
		return "", "An element is null."
	}
	text, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", fmt.Sprintf("An element is %s, no string.", v.Type().FriendlyName())
	}
	if text.AsString() == "" {
		return "", "An element is the empty string, which is no key."
	}
	return text.AsString(), ""
}

// unknownForEach explains why the keys are not known yet.
func (s *session) unknownForEach(sc *scope, over *lang.Expr) hcl.Diagnostics {
	why := ""
	var needs []string
	for _, d := range s.deps(sc, over) {
		if len(needs) < 3 {
			needs = append(needs, d.phase.address)
		}
	}
	if len(needs) > 0 {
		why = fmt.Sprintf(" It depends on outputs of %s.", strings.Join(needs, ", "))
	}
	return diag.Errorf(over.Range(), "for_each is not known yet",
		"Which instances there are must be known before anything runs, but this value is known only afterwards.%s Use keys from variables and locals; their values may come from outputs: for_each = { a = phase.x.id }.", why)
}
