package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/plugins/internal/podtrouble"
	"github.com/clusterflow/clusterflow/sdk"
)

// failedProbe is what was waited for in vain.
type failedProbe struct {
	name string
	err  error
}

// explain makes problems of probes that failed, what others need first. Of static
// pods it says what is wrong with them. One that only waits for another is no problem
// of its own but a consequence, nor is one that had no time to come up because the
// wait ended early for another.
func (v *vigil) explain(ctx context.Context, failed []failedProbe) sdk.Diagnostics {
	findings := v.findings(ctx, failed)
	inVain := false
	for _, finding := range findings {
		inVain = inVain || finding.Hopeless
	}
	slices.SortStableFunc(failed, func(a, b failedProbe) int { return len(needs(a.name)) - len(needs(b.name)) })
	var problems sdk.Diagnostics
	for _, f := range failed {
		finding, looked := findings[f.name]
		switch {
		case inVain && !finding.Hopeless && errors.Is(f.err, errHopeless):
		case !looked:
			problems = append(problems, sdk.Diagnose(fmt.Errorf("wait for %s: %w", f.name, f.err))...)
		case finding.Hopeless || !f.waitsFor(failed):
			problems = append(problems, f.problem(finding, dependents(f.name, failed, findings)))
		}
	}
	return problems
}

// findings are those of the static pods that failed. What the API server answers for
// good is no trouble of its pod.
func (v *vigil) findings(ctx context.Context, failed []failedProbe) map[string]podtrouble.Finding {
	findings := map[string]podtrouble.Finding{}
	for _, pod := range v.pods {
		if slices.ContainsFunc(failed, func(f failedProbe) bool { return f.name == pod.Name && !sdk.Diagnose(f.err).Permanent() }) {
			findings[pod.Name] = v.look(ctx, pod)
		}
	}
	return findings
}

// problem says what is wrong with a pod, and who waits for it.
func (f failedProbe) problem(finding podtrouble.Finding, dependents []string) sdk.Diagnostic {
	err := f.err
	if finding.Hopeless {
		err = sdk.Permanent(errHopeless)
	}
	problem := sdk.Diagnose(finding.Wrap(fmt.Errorf("wait for %s: %w", f.name, err)))[0]
	if len(dependents) > 0 {
		problem.Detail = strings.TrimSpace(problem.Detail + "\nWaiting for it: " + strings.Join(dependents, ", ") + ".")
	}
	return problem
}

// needs lists what a component cannot work without.
func needs(name string) []string {
	switch name {
	case "etcd":
		return nil
	case apiServerName:
		return []string{"etcd"}
	}
	return []string{apiServerName, "etcd"}
}

// waitsFor reports whether something that f needs is among those that failed.
func (f failedProbe) waitsFor(failed []failedProbe) bool {
	return slices.ContainsFunc(failed, func(o failedProbe) bool { return slices.Contains(needs(f.name), o.name) })
}

// dependents are the pods that failed only because name did.
func dependents(name string, failed []failedProbe, findings map[string]podtrouble.Finding) []string {
	var list []string
	for _, f := range failed {
		finding, looked := findings[f.name]
		if looked && !finding.Hopeless && slices.Contains(needs(f.name), name) {
			list = append(list, f.name)
		}
	}
	return list
}
