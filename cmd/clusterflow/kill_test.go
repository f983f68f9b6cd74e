package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestKilledAgainAndAgain kills clusterflow at many points of a run. In the end
// every phase has run, and none has run more often than kills hit it.
func TestKilledAgainAndAgain(t *testing.T) {
	const phases, slots = 40, 4
	var text strings.Builder
	for i := range phases {
		fmt.Fprintf(&text, "phase \"core.exec\" \"p%d\" {\n  command = [\"sh\", \"-c\", \"echo p%d >>log\"]\n", i, i)
		if i >= slots {
			fmt.Fprintf(&text, "  depends_on = [phase.p%d]\n", i-slots)
		}
		text.WriteString("}\n")
	}
	s := newSite(t, text.String())
	kills := 0
	for after := 1; after < 20; after += 2 {
		if applyAndKill(t, s, after) {
			kills++
		}
	}
	applyAndKill(t, s, -1)
	log, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	ran := map[string]int{}
	repeated := 0
	for line := range strings.Lines(string(log)) {
		if ran[line]++; ran[line] > 1 {
			repeated++
		}
	}
	t.Logf("%d kills, %d of %d phases repeated", kills, repeated, phases)
	if len(ran) != phases || kills == 0 {
		t.Errorf("%d of %d phases ran, with %d kills", len(ran), phases, kills)
	}
	if repeated > kills*slots {
		t.Errorf("%d repeated, with %d kills and %d at once", repeated, kills, slots)
	}
}

// applyAndKill kills an apply when so many phases have ended, and reports whether
// that came to pass.
func applyAndKill(t *testing.T, s *site, after int) bool {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "clusterflow", "apply", s.pipeline, "--auto-approve", "--json", "--parallelism", "4")
	cmd.Dir = s.dir
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := 0
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), `"event":"node_ended"`) && strings.Contains(lines.Text(), `"succeeded"`) {
			ended++
		}
		if ended == after && !killed {
			killed = true
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err != nil && !killed {
		t.Errorf("apply: %v", err)
	}
	return killed
}
