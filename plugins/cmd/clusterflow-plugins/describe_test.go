package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/clusterflow/clusterflow/sdk"
)

// described is where the command-line program keeps what the built-in plugins say
// of themselves, for systems on which they do not run.
const described = "../../../cmd/clusterflow/descriptions"

func TestDescriptionsAreCommitted(t *testing.T) {
	want := map[string]bool{}
	for _, s := range specs() {
		d, err := sdk.Direct(s).Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		data, err := d.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(described, s.Name+".binpb")
		want[path] = true
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s is stale (%v): run make golden", path, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(described, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if !want[path] {
			t.Errorf("%s is of no built-in plugin: remove it", path)
		}
	}
}
