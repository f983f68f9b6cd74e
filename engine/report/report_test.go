package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/clusterflow/clusterflow/engine/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// golden compares got with a file; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got), set UPDATE_GOLDEN=1 to accept:\n%s", path, diff)
	}
}

func TestViews(t *testing.T) {
	runs := map[string]func(event.Sink){"good": goodRun, "bad": badRun, "undo": undoRun}
	for name, run := range runs {
		for suffix, opts := range map[string]Options{
			"":         {},
			"-verbose": {Verbose: true, Width: 20},
			"-color":   {Color: true},
		} {
			t.Run(name+suffix, func(t *testing.T) {
				var out bytes.Buffer
				plain, summary := NewPlain(&out, opts), &Summary{}
				run(event.Tee(plain, summary))
				if err := plain.Err(); err != nil {
					t.Fatal(err)
				}
				if err := summary.Write(&out, opts); err != nil {
					t.Fatal(err)
				}
				golden(t, name+suffix+".txt", out.Bytes())
			})
		}
	}
}
