package expand

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/gocty"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/lang"
)

// The waits between attempts when a retry block does not say, and a bound that no
// sensible retry block reaches.
const (
	firstWait   = time.Second
	longestWait = 30 * time.Second
	maxAttempts = 1000
)

// settings fills in what the language says about a phase. It must be known before
// anything runs.
func (s *session) settings(n *Node) hcl.Diagnostics {
	decl := n.phase.decl
	var diags hcl.Diagnostics
	text := func(name, example string, e *lang.Expr, use func(string) error) {
		v, ok, more := s.setting(n.phase, name, example, e, cty.String)
		diags = append(diags, more...)
		if !ok {
			return
		}
		if err := use(v.AsString()); err != nil {
			diags = append(diags, diag.Errorf(e.Range(), "Invalid "+name, "%s. Valid forms are %s.", err, example)...)
		}
	}
	text("timeout", `"90s" and "10m"`, decl.Timeout, func(v string) (err error) {
		n.Timeout, err = duration(v)
		return err
	})
	text("on_error", `"fail" and "continue"`, decl.OnError, func(v string) error {
		n.OnError = OnError(v)
		return oneOf(v, string(Fail), string(Continue))
	})
	text("isolation", `"process" and "shared"`, decl.Isolation, func(v string) error {
		if v == "process" {
			n.Isolation = ProcessOfItsOwn
		}
		return oneOf(v, "process", "shared")
	})
	text("pool", `"pull", with a pool block of that name`, decl.Pool, func(v string) error {
		n.Pools = append(n.Pools, v)
		return nil
	})
	if n.OnError == "" {
		n.OnError = Fail
	}
	n.Pools = append(n.Pools, n.Schema.Pools...)
	slices.Sort(n.Pools)
	n.Pools = slices.Compact(n.Pools)
	return append(diags, s.retry(n)...)
}

// setting evaluates one argument of the language; ok is false if it is not set.
func (s *session) setting(p *phase, name, example string, e *lang.Expr, typ cty.Type) (v cty.Value, ok bool, diags hcl.Diagnostics) {
	if e == nil {
		return cty.NilVal, false, nil
	}
	v, diags = s.eval(p.scope, e)
	if diags.HasErrors() {
		return cty.NilVal, false, diags
	}
	switch {
	case lang.HasSensitive(v):
		return cty.NilVal, false, diag.Errorf(e.Range(), "Sensitive "+name,
			"The value is sensitive, but %s is part of what is shown and stored of a phase. Use another value, or nonsensitive(…).", name)
	case !v.IsKnown():
		return cty.NilVal, false, diag.Errorf(e.Range(), name+" is not known yet",
			"%s must be known before anything runs, so it cannot depend on outputs of phases. Use variables and locals.", name)
	case v.IsNull():
		return cty.NilVal, false, nil
	}
	v, err := convert.Convert(v, typ)
	if err != nil {
		return cty.NilVal, false, diag.Errorf(e.Range(), "Invalid "+name, "The value does not fit: %s. Valid forms are %s.", err, example)
	}
	return v, true, nil
}

func oneOf(v string, allowed ...string) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	return fmt.Errorf("%q is not one of %s", v, strings.Join(allowed, ", "))
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a positive duration with a unit", text)
	}
	return d, nil
}

func (s *session) retry(n *Node) hcl.Diagnostics {
	decl := n.phase.decl.Retry
	if decl == nil {
		return nil
	}
	r := &Retry{Attempts: 1, Min: firstWait, Max: longestWait}
	attempts, ok, diags := s.setting(n.phase, "attempts", "1 and 5", decl.Attempts, cty.Number)
	if ok {
		if err := gocty.FromCtyValue(attempts, &r.Attempts); err != nil || r.Attempts < 1 || r.Attempts > maxAttempts {
			diags = append(diags, diag.Errorf(decl.Attempts.Range(), "Invalid attempts",
				"A whole number from 1 to %d is needed: how often the phase is tried at most, the first time included.", maxAttempts)...)
		}
	}
	backoff, ok, more := s.setting(n.phase, "backoff", `"1s..30s" and "5s"`, decl.Backoff, cty.String)
	diags = append(diags, more...)
	if ok {
		var err error
		if r.Min, r.Max, err = backoffRange(backoff.AsString()); err != nil {
			diags = append(diags, diag.Errorf(decl.Backoff.Range(), "Invalid backoff",
				"%s. Valid forms are \"1s..30s\", a wait that doubles from one second to thirty, and \"5s\", always the same.", err)...)
		}
	}
	n.Retry = r
	return diags
}

// backoffRange reads "1s..30s" or "5s".
func backoffRange(text string) (low, high time.Duration, err error) {
	first, second, isRange := strings.Cut(text, "..")
	if low, err = duration(strings.TrimSpace(first)); err != nil || !isRange {
		return low, low, err
	}
	if high, err = duration(strings.TrimSpace(second)); err != nil {
		return 0, 0, err
	}
	if high < low {
		return 0, 0, fmt.Errorf("%s is longer than %s", first, second)
	}
	return low, high, nil
}
