package state

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Journals that earlier versions wrote are read for ever. A file in testdata is
// never written again: a change of the format gets a file of its own.
func TestReadsOlderJournals(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.journal"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no journals in testdata: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, records, err := parse(text)
		if err != nil || s.Damage != nil {
			t.Fatalf("%s: damage %v, %v", file, s.Damage, err)
		}
		got, err := json.MarshalIndent(map[string]any{"records": records, "run": s.Run, "nodes": s.Nodes, "clock": s.clock}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden := file + ".json"
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
			t.Errorf("%s folds to another state (-want +got):\n%s", file, diff)
		}
	}
}
