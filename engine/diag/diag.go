// Package diag shows problems together with the source they are in: as text for
// a terminal and as JSON lines for programs. It also turns what plugins and Go
// code report into HCL diagnostics, and suggests the name that was meant.
//
// It finds no problems itself. Whoever finds one says where (a range) and what a
// valid form looks like (the detail).
package diag

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// Errorf makes a list of one error at a range.
func Errorf(at hcl.Range, summary, detail string, args ...any) hcl.Diagnostics {
	return hcl.Diagnostics{{
		Severity: hcl.DiagError,
		Summary:  summary,
		Detail:   fmt.Sprintf(detail, args...),
		Subject:  &at,
	}}
}

// FromSDK turns a plugin's diagnostics into HCL diagnostics. place finds the
// source of an attribute path; it may be nil.
func FromSDK(list sdk.Diagnostics, place func(cty.Path) hcl.Range) hcl.Diagnostics {
	var out hcl.Diagnostics
	for _, d := range list {
		severity := hcl.DiagError
		if d.Severity == sdk.SeverityWarning {
			severity = hcl.DiagWarning
		}
		x := &hcl.Diagnostic{Severity: severity, Summary: d.Summary, Detail: d.Detail}
		if place != nil {
			at := place(d.Path)
			x.Subject = &at
		}
		out = append(out, x)
	}
	return out
}

// FromError turns an error into diagnostics: HCL diagnostics stay as they are,
// the advice of an [sdk.HintError] becomes the detail. A nil error gives nil.
func FromError(err error) hcl.Diagnostics {
	if err == nil {
		return nil
	}
	if diags, ok := err.(hcl.Diagnostics); ok { // as returned by hcl, never wrapped
		return diags
	}
	return FromSDK(sdk.Diagnose(err), nil)
}

// Tidy sorts diagnostics by place, those without one first, and drops repeated
// ones: a mistake in a module is found once for each of its instances.
func Tidy(diags hcl.Diagnostics) hcl.Diagnostics {
	type identity struct {
		summary, detail string
		at              hcl.Range
	}
	seen := make(map[identity]bool, len(diags))
	out := make(hcl.Diagnostics, 0, len(diags))
	for _, d := range diags {
		id := identity{d.Summary, d.Detail, rangeOf(d)}
		if !seen[id] {
			seen[id] = true
			out = append(out, d)
		}
	}
	slices.SortStableFunc(out, func(a, b *hcl.Diagnostic) int {
		x, y := rangeOf(a), rangeOf(b)
		return cmp.Or(cmp.Compare(x.Filename, y.Filename), cmp.Compare(x.Start.Byte, y.Start.Byte))
	})
	if len(out) == 0 {
		return nil
	}
	return out
}

func rangeOf(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}
