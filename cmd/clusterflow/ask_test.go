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

const askingPipeline = `
variable "token" {
  type        = string
  description = "What nobody may see."
  sensitive   = true
}
phase "core.file" "f" {
  path    = "out"
  content = sha256(var.token)
}
`

// TestAsk types the value of a sensitive variable on a terminal, which does not show it.
func TestAsk(t *testing.T) {
	s := newSite(t, askingPipeline)
	cmd := exec.CommandContext(t.Context(), "clusterflow", "apply", s.pipeline, "--auto-approve")
	cmd.Dir = s.dir
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 100})
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	defer func() { _ = terminal.Close() }()
	var all strings.Builder
	screen, asked := bufio.NewReader(terminal), false
	for {
		b, err := screen.ReadByte()
		if errors.Is(err, syscall.EIO) || errors.Is(err, io.EOF) { // the other side is closed
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all.WriteByte(b)
		if !asked && strings.HasSuffix(all.String(), "token (not shown): ") {
			asked = true
			if _, err := io.WriteString(terminal, "hunter2\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	said := all.String()
	if err := cmd.Wait(); err != nil || !asked {
		t.Fatalf("asked %t, %v\n%s", asked, err, said)
	}
	if strings.Contains(said, "hunter2") || !strings.Contains(said, "What nobody may see.") {
		t.Errorf("it showed\n%s", said)
	}
	got, err := os.ReadFile(filepath.Join(s.dir, "out"))
	const want = "f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7" // of hunter2
	if err != nil || strings.TrimSpace(string(got)) != want {
		t.Errorf("got %q, %v, want %s", got, err, want)
	}
}

// Without a terminal nothing is asked.
func TestAskWithoutTerminal(t *testing.T) {
	s := newSite(t, askingPipeline)
	for args, want := range map[string]string{"": "No value for variable", "--ask=token": "there is no terminal to ask for the variable token on"} {
		cmd := exec.CommandContext(t.Context(), "clusterflow", append([]string{"plan", s.pipeline}, strings.Fields(args)...)...)
		cmd.Dir = s.dir
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitInvalid || !strings.Contains(string(out), want) {
			t.Errorf("plan %s: got %v, want %q in\n%s", args, err, want, out)
		}
	}
}
