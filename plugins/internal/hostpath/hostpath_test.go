package hostpath

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAbs(t *testing.T) {
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ workDir, path, want string }{
		"absolute":    {"/work", "/etc/kubernetes/", "/etc/kubernetes"},
		"relative":    {"/work", "pki/../ca.crt", "/work/ca.crt"},
		"no work dir": {"", "pki", filepath.Join(cwd, "pki")},
		"empty":       {"/work", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Abs(tt.workDir, tt.path); got != tt.want {
				t.Errorf("Abs(%q, %q): got %q, want %q", tt.workDir, tt.path, got, tt.want)
			}
		})
	}
}
