package plan

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// What a plugin may make the engine keep of one phase. Real ones need a hundredth.
const (
	// MaxRecord is how long a private record may be, in bytes: 4 MiB.
	MaxRecord = 4 << 20
	// maxOutputs is how much text the outputs may hold, in bytes.
	maxOutputs = 16 << 20
	// maxProblem is how long the message of a failure, or its hint, may be.
	maxProblem = 64 << 10
	// maxChanges is how many changes a plan may have.
	maxChanges = 10_000
)

// checkRecord refuses a private record that is too long.
func checkRecord(private []byte) error {
	if len(private) > MaxRecord {
		return sdk.Permanent(fmt.Errorf("keep its record: it has %d bytes, at most %d are kept of a phase", len(private), MaxRecord))
	}
	return nil
}

func checkPlan(p sdk.Plan) error {
	if len(p.Changes) > maxChanges {
		return sdk.Permanent(fmt.Errorf("keep its plan: it has %d changes, at most %d are kept of a phase", len(p.Changes), maxChanges))
	}
	if err := checkRecord(p.Private); err != nil {
		return err
	}
	return checkOutputs(p.Outputs)
}

// CheckResult refuses a result that holds too much.
func CheckResult(r sdk.Result) error {
	if err := checkRecord(r.Private); err != nil {
		return err
	}
	return checkOutputs(r.Outputs)
}

func checkOutputs(v cty.Value) error {
	if v == cty.NilVal {
		return nil
	}
	size := 0
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if v.Type() == cty.String && v.IsKnown() && !v.IsNull() {
			size += len(v.AsString())
		}
		return size <= maxOutputs, nil
	})
	if size > maxOutputs {
		return sdk.Permanent(fmt.Errorf("keep its outputs: they hold more than %d bytes, the most that is kept of a phase", maxOutputs))
	}
	return nil
}

// shortened cuts text that nobody would read.
func shortened(text string) string {
	if len(text) <= maxProblem {
		return text
	}
	return text[:maxProblem] + " …"
}
