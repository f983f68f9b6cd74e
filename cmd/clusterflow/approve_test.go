package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

// TestApproval answers the question of apply on a real terminal: only "yes" is a
// yes, and Ctrl-C ends it. Without a yes nothing is written, not even a state.
func TestApproval(t *testing.T) {
	tests := map[string]struct {
		typed string
		code  int
		said  string
		made  bool
	}{
		"yes":    {typed: "yes\n", made: true, said: "apply succeeded"},
		"no":     {typed: "no\n", code: exitFailed, said: "Nothing was done."},
		"y":      {typed: "y\n", code: exitFailed, said: "Nothing was done."},
		"empty":  {typed: "\n", code: exitFailed, said: "Nothing was done."},
		"ctrl-d": {typed: "\x04", code: exitFailed, said: "Nothing was done."},
		"ctrl-c": {typed: "\x03", code: exitInterrupted, said: "Interrupted."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "phase \"core.file\" \"f\" {\n  path    = \"out\"\n  content = \"x\"\n}\n")
			code, said := answer(t, s, tt.typed)
			if code != tt.code || !strings.Contains(said, tt.said) {
				t.Errorf("got code %d, want %d, and %q in\n%s", code, tt.code, tt.said, said)
			}
			for _, made := range []string{filepath.Join(s.dir, "out"), s.state} {
				if _, err := os.Stat(made); (err == nil) != tt.made {
					t.Errorf("%s is there: %t, want %t", made, err == nil, tt.made)
				}
			}
		})
	}
}

// answer applies a pipeline on a terminal of its own and types when it is asked.
func answer(t *testing.T, s *site, typed string) (code int, said string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "clusterflow", "apply", s.pipeline)
	cmd.Dir = s.dir
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 100})
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	defer func() { _ = terminal.Close() }()
	var all strings.Builder
	screen := bufio.NewReader(terminal)
	asked := false
	for {
		b, err := screen.ReadByte()
		if errors.Is(err, syscall.EIO) || errors.Is(err, io.EOF) { // the other side is closed
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all.WriteByte(b)
		if !asked && strings.HasSuffix(all.String(), `Only "yes" is a yes: `) {
			asked = true
			if _, err := io.WriteString(terminal, typed); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if !asked {
		t.Errorf("it did not ask:\n%s", all.String())
	}
	return cmd.ProcessState.ExitCode(), all.String()
}
