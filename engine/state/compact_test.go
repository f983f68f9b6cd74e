package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/engine/event"
)

// fill makes a journal large with checkpoints of one node.
func fill(t *testing.T, s *Store, bytes int) {
	t.Helper()
	private := strings.Repeat("x", 10<<10)
	commit(t, s, run("r1"), start("a", "h1", "", 1))
	for n := 0; n < bytes; n += len(private) {
		if err := s.Append(Checkpoint{Address: "a", Private: []byte(private)}); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, s, end("a", event.Succeeded, "p", 2), RunEnd{Status: event.RunSucceeded, Time: at(3)})
}

func size(t *testing.T, dir string) int64 {
	t.Helper()
	n, err := fileSize(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCloseCompacts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, compactAbove)
	closeStore(t, s)
	if got := size(t, dir); got > 2000 {
		t.Errorf("journal after close: %d bytes", got)
	}
	again := open(t, dir)
	defer closeStore(t, again)
	if diff := equalStates(s.State(), again.State()); diff != "" {
		t.Errorf("state after compaction (-before +after):\n%s", diff)
	}
	if again.records != 2 {
		t.Errorf("records after compaction: got %d, want 2", again.records)
	}
}

func TestSmallOrNeededJournalsStay(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, compactAbove/2)
	closeStore(t, s)
	if got := size(t, dir); got < compactAbove/2 {
		t.Errorf("small journal: compacted to %d bytes", got)
	}
	s = open(t, dir)
	big := strings.Repeat("x", 100<<10)
	for i := range 20 {
		commit(t, s, start(fmt.Sprint(i), "h", big, 1), end(fmt.Sprint(i), event.Succeeded, "", 2))
	}
	closeStore(t, s)
	if got := size(t, dir); got < 2*compactAbove {
		t.Errorf("journal without waste: compacted to %d bytes", got)
	}
}

// A run that was killed could not compact; the next one does.
func TestOpenCompacts(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	fill(t, s, 2*compactAbove)
	killed := t.TempDir()
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if err == nil {
		err = os.WriteFile(filepath.Join(killed, journalName), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	again := open(t, killed)
	defer closeStore(t, again)
	if got := size(t, killed); got > 2000 {
		t.Errorf("journal after open: %d bytes", got)
	}
	if diff := equalStates(s.State(), again.State()); diff != "" {
		t.Errorf("state (-before +after):\n%s", diff)
	}
	commit(t, again, run("r2"))
	if after, err := Read(killed); err != nil || after.Run.ID != "r2" {
		t.Errorf("read: got %v, %v, want run r2", after, err)
	}
}

func TestRemove(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	commit(t, s, run("r1"), start("a", "h1", "p", 1))
	if err := s.Remove(); err == nil {
		t.Fatal("remove with a recorded node: no error")
	}
	if err := os.WriteFile(filepath.Join(dir, "journal.cut.1"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	commit(t, s, UndoStart{Address: "a"}, NodeUndone{Address: "a"})
	if err := s.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("directory: got %v, want it gone", err)
	}
	closeStore(t, open(t, dir))
}

func TestRemoveSparesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "run.log")
	if err := os.WriteFile(other, []byte("log"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir).Remove(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "run.log" {
		t.Errorf("directory: got %v, %v, want run.log alone", entries, err)
	}
}

// crash is another process: it tells which records are durable until it dies.
func crash(dir string) {
	s, err := Open(dir, owner())
	for i := 0; err == nil; i++ {
		if err = s.Append(start(strconv.Itoa(i), "h", "p", 1)); err != nil {
			break
		}
		if err = s.Sync(context.Background()); err == nil {
			fmt.Println(i)
		}
	}
	panic(err) // ends this process with an exit code and the reason
}

// What a killed process knew to be durable is there, and its lock is free.
func TestKilledProcess(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), "STATE_TEST_CRASH="+dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		last := -1
		lines := bufio.NewScanner(out)
		for last < 40*(round+1) && lines.Scan() {
			if last, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the process was not killed")
		}
		s := open(t, dir)
		for i := range last + 1 {
			if s.State().Nodes[strconv.Itoa(i)] == nil {
				t.Fatalf("round %d: node %d was durable, and is gone", round, i)
			}
		}
		closeStore(t, s)
	}
}
