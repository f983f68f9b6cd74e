package sdktest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/sdk/sdktest"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
)

const faultVariable = "CLUSTERFLOW_SDKTEST_FAULT"

func TestMain(m *testing.M) { sdktest.Main(m, echo.Spec(), steps(os.Getenv(faultVariable))) }

func TestEcho(t *testing.T) {
	defer goleak.VerifyNone(t)
	sdktest.Run(t, echo.Spec(),
		sdktest.Case{
			Type: "say",
			Config: func(string) map[string]any {
				return map[string]any{"text": "hello", "secret": "canary-5f1c"}
			},
			Secrets: []string{"canary-5f1c"},
		},
		sdktest.Case{
			Type: "note",
			Config: func(dir string) map[string]any {
				return map[string]any{"path": dir + "/note", "text": "hello"}
			},
		},
		sdktest.Case{
			Name: "log", Type: "misbehave",
			Config:        func(string) map[string]any { return map[string]any{"how": "log", "size": 3} },
			SkipUnchanged: "it leaves nothing to compare",
		},
	)
}

// TestSteps checks the plugin with the fault that the environment names.
func TestSteps(t *testing.T) {
	defer goleak.VerifyNone(t)
	sdktest.Run(t, steps(os.Getenv(faultVariable)), sdktest.Case{
		Type:    "files",
		Config:  func(dir string) map[string]any { return map[string]any{"dir": dir, "token": "canary-77aa"} },
		Secrets: []string{"canary-77aa"},
	})
}

// The suite must notice every fault: each runs TestSteps in another process.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		run  string // the check that finds it
		want string
	}{
		"impure":   {run: "memory/files/apply", want: "a plan changes the host"},
		"restless": {run: "memory/files/apply", want: "second plan: create file"},
		"forecast": {run: "memory/files/apply", want: `output "count": planned`},
		"fickle":   {run: "memory/files/apply", want: "a second apply changes the host"},
		"leak":     {run: "memory/files/apply", want: "a secret is in the private record of a plan"},
		"unknown":  {run: "memory/files/validate", want: "validate with an unknown dir: dir must be known"},
		"litter":   {run: "memory/files/undo$", want: "undo leaves something"},
		"once":     {run: "memory/files/undo$", want: "undo: failed: remove"},
		"needy":    {run: "memory/files/undo_from_record", want: "no config"},
		"amnesia":  {run: "memory/files/undo_without_record", want: "undo without a record leaves something"},
		"stubborn": {run: "grpc/files/cancel", want: "apply has not returned within its CancelGrace of 1s"},
	}
	for fault, tt := range tests {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSteps$/"+tt.run)
			cmd.Env = append(os.Environ(), faultVariable+"="+fault)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("got %v and output without %q:\n%s", err, tt.want, out)
			}
		})
	}
}
