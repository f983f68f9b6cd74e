package sdk

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

var nameRule = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// ValidateSpec reports everything that is wrong with a Spec. [Main] refuses to
// serve an invalid one; it is exported so that a plugin's own tests can call it.
func ValidateSpec(s Spec) error {
	errs := []error{ValidateDescription(describe(s))}
	for _, t := range s.Types {
		if t.Handler == nil {
			errs = append(errs, fmt.Errorf("type %q: no Handler", t.Name))
		}
	}
	for _, f := range s.Functions {
		if f.Call == nil {
			errs = append(errs, fmt.Errorf("function %q: no Call", f.Name))
		}
	}
	return errors.Join(errs...)
}

// ValidateDescription reports everything that is wrong with what a plugin says
// about itself. The engine asks this of every plugin, for not all are made with
// this package.
func ValidateDescription(d Description) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !nameRule.MatchString(d.Name) {
		bad("plugin name %q: want lower-case letters, digits and underscores", d.Name)
	}
	if d.Version == "" {
		bad("plugin %q: no version", d.Name)
	}
	if len(d.Types) == 0 {
		bad("plugin %q: no phase types", d.Name)
	}
	types, functions := map[string]bool{}, map[string]bool{}
	for _, t := range d.Types {
		if types[t.Name] {
			bad("type %q: declared twice", t.Name)
		}
		types[t.Name] = true
		errs = append(errs, t.validate()...)
	}
	for _, f := range d.Functions {
		if functions[f.Name] {
			bad("function %q: declared twice", f.Name)
		}
		functions[f.Name] = true
		if !nameRule.MatchString(f.Name) || f.Result == cty.NilType || slices.Contains(f.Params, cty.NilType) {
			bad("function %q: want a name in lower-case letters, digits and underscores, a result type and parameter types", f.Name)
		}
	}
	return errors.Join(errs...)
}

func (t TypeDescription) validate() []error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("type %q: "+format, append([]any{t.Name}, args...)...))
	}
	if !nameRule.MatchString(t.Name) {
		bad("name: want lower-case letters, digits and underscores")
	}
	if t.Doc == "" || t.Example == "" {
		bad("want a Doc and an Example")
	}
	for _, err := range append(validateAttributes(t.Config), validateAttributes(t.Outputs)...) {
		bad("%w", err)
	}
	for _, a := range t.Config {
		if slices.Contains(ReservedNames(), a.Name) {
			bad("attribute %q is reserved by the pipeline language", a.Name)
		}
	}
	for _, a := range t.Outputs {
		if a.Name == "status" || a.Name == "error" {
			bad("output %q is reserved by the pipeline language", a.Name)
		}
	}
	return errs
}

func validateAttributes(attrs []Attribute) []error {
	var errs []error
	seen := map[string]bool{}
	for _, a := range attrs {
		if seen[a.Name] {
			errs = append(errs, fmt.Errorf("attribute %q declared twice", a.Name))
		}
		seen[a.Name] = true
		if err := a.validate(); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func (a Attribute) validate() error {
	switch {
	case !nameRule.MatchString(a.Name):
		return fmt.Errorf("attribute name %q: want lower-case letters, digits and underscores", a.Name)
	case a.Type == cty.NilType:
		return fmt.Errorf("attribute %q: no type", a.Name)
	case a.Doc == "":
		return fmt.Errorf("attribute %q: no doc", a.Name)
	case a.Required && a.Default != cty.NilVal:
		return fmt.Errorf("attribute %q: required and with a default", a.Name)
	case !a.fits(a.Default):
		return fmt.Errorf("attribute %q: its default is no %s", a.Name, a.Type.FriendlyName())
	case len(a.Enum) > 0 && a.Type != cty.String:
		return fmt.Errorf("attribute %q: an enum of %s", a.Name, a.Type.FriendlyName())
	}
	return nil
}

// fits reports whether a default, where there is one, is of the attribute's type.
func (a Attribute) fits(v cty.Value) bool {
	if v == cty.NilVal {
		return true
	}
	_, err := convert.Convert(v, a.Type)
	return err == nil
}
