package preflight

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestScript(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "here"), "", 0o600)
	tests := map[string]struct {
		script string
		want   string // summary
		detail string
		status sdk.Status
	}{
		"pass":           {"echo fine", "", "", sdk.StatusOK},
		"cwd":            {"test -e here", "", "", sdk.StatusOK},
		"env":            {`test "$A$B" = ab`, "", "", sdk.StatusOK},
		"fail":           {"echo 'label is x' >&2; exit 1", "check sh: label is x", "", sdk.StatusFailed},
		"fail on stdout": {"echo 'label is x'; echo 'Relabel it.'; echo 'Then again.'; exit 1", "check sh: label is x", "Relabel it.\nThen again.", sdk.StatusFailed},
		"errors first":   {"echo out; echo err >&2; exit 1", "check sh: err", "out", sdk.StatusFailed},
		"silent":         {"exit 1", "check sh: it said nothing", "", sdk.StatusFailed},
		"warn":           {"echo 'clock is off'; exit 2", "check sh: clock is off", "", sdk.StatusOK},
		"broken":         {"echo oops; exit 3", "run check sh: exit status 3, want 0 to pass, 1 for an error, 2 for a warning", "oops", sdk.StatusFailed},
		"not found":      {"no-such-program", "run check sh: exit status 127, want 0 to pass, 1 for an error, 2 for a warning", "", sdk.StatusFailed},
		"killed":         {"kill -KILL $$", "run check sh: signal: killed, want 0 to pass, 1 for an error, 2 for a warning", "it said nothing", sdk.StatusFailed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := phasetest.New(t, Spec(), "script", object{
				"command": strs("sh", "-c", tt.script), "cwd": cty.StringVal(dir),
				"env":        cty.MapVal(object{"A": cty.StringVal("a")}),
				"secret_env": cty.MapVal(object{"B": cty.StringVal("b")}),
			})
			if plan, err := p.Plan(t); err != nil || len(plan.Changes) != 1 || plan.Changes[0].Target != "check sh" {
				t.Fatalf("plan: got %+v, %v", plan.Changes, err)
			}
			result := p.Try(t)
			if result.Status != tt.status {
				t.Fatalf("got %+v, want %s", result, tt.status)
			}
			if tt.want == "" {
				if len(result.Diagnostics) > 0 {
					t.Errorf("got %+v", result.Diagnostics)
				}
				return
			}
			d := result.Diagnostics[0]
			equal(t, "summary", d.Summary, tt.want)
			if name != "not found" {
				equal(t, "detail", d.Detail, tt.detail)
			}
			if wantWarning := tt.status == sdk.StatusOK; (d.Severity == sdk.SeverityWarning) != wantWarning {
				t.Errorf("severity: got %v", d.Severity)
			}
		})
	}
}

func TestScriptThatIsNotThere(t *testing.T) {
	p := phasetest.New(t, Spec(), "script", object{"command": strs("/no/such/check")})
	result := p.Try(t)
	if result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics.Error(), "start check: ") {
		t.Errorf("got %+v", result)
	}
	equal(t, "error", phasetest.New(t, Spec(), "script", object{"command": cty.ListValEmpty(cty.String)}).Validate(t), "names no program")
}
