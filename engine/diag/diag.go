// Package diag shows problems together with the source they are in: as text for
// a terminal and as JSON lines for programs. It also turns what plugins and Go
// code report into HCL diagnostics, and suggests the name that was meant.
//
// It finds no problems itself. Whoever finds one says where (a range) and what a
// valid form looks like (the detail).
package diag

import (
	"cmp"
	"errors"
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
	var diags hcl.Diagnostics
	if errors.As(err, &diags) {
		return diags
	}
	return FromSDK(sdk.Diagnose(err), nil)
}

// mostAlike is how many problems of one kind at one place are shown: a mistake in
// a block with for_each is found once for each of its instances.
const mostAlike = 3

// Tidy sorts diagnostics by place, those without one first, drops repeated ones,
// and shows only the first few of those that differ in their detail alone.
func Tidy(diags hcl.Diagnostics) hcl.Diagnostics {
	type kind struct {
		summary string
		at      hcl.Range
	}
	type identity struct {
		kind
		detail string
	}
	seen := make(map[identity]bool, len(diags))
	alike := make(map[kind]int, len(diags))
	var out hcl.Diagnostics
	for _, d := range diags {
		k := kind{d.Summary, rangeOf(d)}
		id := identity{k, d.Detail}
		if seen[id] {
			continue
		}
		seen[id] = true
		if alike[k]++; alike[k] <= mostAlike || d.Subject == nil {
			out = append(out, d)
		}
	}
	for i := len(out) - 1; i >= 0; i-- {
		k := kind{out[i].Summary, rangeOf(out[i])}
		if more := alike[k] - mostAlike; more > 0 && out[i].Subject != nil {
			short := *out[i]
			short.Detail += fmt.Sprintf("\n\n%d more problems like this are not shown.", more)
			out[i], alike[k] = &short, 0
		}
	}
	slices.SortStableFunc(out, func(a, b *hcl.Diagnostic) int {
		x, y := rangeOf(a), rangeOf(b)
		return cmp.Or(cmp.Compare(x.Filename, y.Filename), cmp.Compare(x.Start.Byte, y.Start.Byte))
	})
	return out
}

func rangeOf(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}
