package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const pidsVariable = "COMMAND_TEST_PIDS"

// TestPlugin is the plugin that TestKilledPlugin kills.
func TestPlugin(t *testing.T) {
	pids := os.Getenv(pidsVariable)
	if pids == "" {
		t.Skip("only a child process runs this")
	}
	script := `(echo $$ >` + pids + `.part; sh -c 'echo $PPID $$ >>` + pids + `.part; mv ` + pids + `.part ` + pids + `; sleep 600; :')`
	result, err := Command{Argv: sh(script)}.Run(t.Context())
	t.Errorf("it ended: %+v, %v", result, err)
}

// When a plugin is killed, nothing of the command that it runs is left.
func TestKilledPlugin(t *testing.T) {
	pids := filepath.Join(t.TempDir(), "pids")
	plugin := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPlugin$")
	plugin.Env = append(os.Environ(), pidsVariable+"="+pids)
	if err := plugin.Start(); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); ; <-tick.C {
		if _, err := os.Stat(pids); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the command does not begin")
		}
	}
	if err := plugin.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = plugin.Wait() // it was killed
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		waitGone(t, pid)
	}
}
