package sdk_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
)

// TestMain lets the test binary be a plugin under certain names.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "good":
		sdk.Main(echo.Spec())
	case "bad":
		sdk.Main(sdk.Spec{Name: "bad", Version: "1"})
	default:
		m.Run()
	}
}

// A plugin that somebody starts by hand says what it is.
func TestMainByHand(t *testing.T) {
	tests := map[string]struct {
		code int
		want string
	}{
		"good": {2, "echo 1.0.0 is a clusterflow plugin: Says what it is told."},
		"bad":  {1, `serve plugin: plugin "bad": no phase types`},
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			if err := os.Symlink(self, path); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), path).CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != tt.code || !strings.HasPrefix(string(out), tt.want) {
				t.Errorf("got %v and %q, want exit status %d and %q", err, out, tt.code, tt.want)
			}
		})
	}
}
