//go:build e2e

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// size is how many phases the pipeline under test has.
const size = 200

// pipeline has phases of several kinds in layers of five: files, commands that
// write a line into a ledger, and orders that must not be done twice.
func pipeline() string {
	var b strings.Builder
	for i := range size {
		switch i % 5 {
		case 0, 3:
			fmt.Fprintf(&b, "phase \"core.file\" \"p%d\" {\n  path = abspath(\"work/d%d/f%d\")\n  content = \"%s\"\n", i, i%4, i, strings.Repeat(fmt.Sprintf("line of %d\\n", i), 50))
		case 1:
			fmt.Fprintf(&b, "phase \"core.exec\" \"p%d\" {\n  command = [\"sh\", \"-c\", \"echo ran p%d >>work/ledger\"]\n", i, i)
		case 2:
			fmt.Fprintf(&b, "phase \"echo.once\" \"p%d\" {\n  ledger = abspath(\"work/ledger\")\n  text = \"p%d\"\n  pause = \"5ms\"\n", i, i)
		default:
			fmt.Fprintf(&b, "phase \"echo.say\" \"p%d\" {\n  text = \"p%d\"\n", i, i)
		}
		var needs []string
		for _, back := range []int{5, 7} {
			if i >= back {
				needs = append(needs, fmt.Sprintf("phase.p%d", i-back))
			}
		}
		fmt.Fprintf(&b, "  depends_on = [%s]\n}\n", strings.Join(needs, ", "))
	}
	return b.String()
}

// ledger is what the phases wrote: how often each ran, began, was cancelled and
// ended.
type ledger struct{ ran, begun, cancelled, ended map[string]int }

func (s *site) ledger() ledger {
	s.t.Helper()
	l := ledger{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}}
	text, err := os.ReadFile(filepath.Join(s.work(), "ledger"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		verb, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		book := map[string]map[string]int{"ran": l.ran, "begins": l.begun, "cancelled": l.cancelled, "ended": l.ended}[verb]
		if book == nil {
			s.t.Fatalf("ledger: %q", line)
		}
		book["phase."+name]++
	}
	return l
}

// converged compares what is there with what an undisturbed run makes. An order may
// have begun again when it said that it was cancelled, or somebody said that it may.
func (s *site) converged(reruns map[string]int) {
	s.t.Helper()
	l := s.ledger()
	for i := range size {
		name := fmt.Sprintf("phase.p%d", i)
		switch i % 5 {
		case 0, 3:
			want := strings.Repeat(fmt.Sprintf("line of %d\n", i), 50)
			got, err := os.ReadFile(filepath.Join(s.work(), fmt.Sprintf("d%d/f%d", i%4, i)))
			if err != nil || string(got) != want {
				s.t.Errorf("%s: got %d bytes, %v", name, len(got), err)
			}
		case 1:
			if l.ran[name] == 0 {
				s.t.Errorf("%s did not run", name)
			}
		case 2:
			if l.ended[name] != 1 || l.begun[name] > 1+reruns[name]+l.cancelled[name] {
				s.t.Errorf("%s began %d times, ended %d times, %d reruns were allowed", name, l.begun[name], l.ended[name], reruns[name])
			}
		}
	}
	if got := len(tree(s.t, s.work())); got != 2*size/5+1 {
		s.t.Errorf("%d files, want %d", got, 2*size/5+1)
	}
}

// undisturbed measures a run without faults.
func (s *site) undisturbed(t *testing.T) {
	t.Helper()
	s.fresh()
	ending := s.must()
	s.took = ending.Took
	s.converged(nil)
	s.settled()
	s.clean()
	t.Logf("undisturbed: %d phases in %v", len(ending.Succeeded()), ending.Took.Round(1e6))
}
