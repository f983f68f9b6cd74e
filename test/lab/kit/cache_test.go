package kit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestEntry(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := cache{dir: t.TempDir(), out: &out}
	made := 0
	fill := func(_ context.Context, dir string) error {
		made++
		return os.WriteFile(filepath.Join(dir, "part"), []byte("x"), 0o600)
	}
	// As after a kill: half of it is there, under a temporary name.
	left := filepath.Join(c.dir, ".lab-base.tmp", "half")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		dir, err := c.entry(t.Context(), "base", "k1", fill)
		if err != nil {
			t.Fatal(err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != "part" {
			t.Errorf("%s has %v, %v, want part", dir, entries, err)
		}
	}
	if made != 1 {
		t.Errorf("made %d times, want once", made)
	}
	if _, err := c.entry(t.Context(), "base", "k2", fill); err != nil || made != 2 {
		t.Errorf("another key: made %d times, %v, want 2", made, err)
	}
}

func TestEntryFails(t *testing.T) {
	t.Parallel()
	c := cache{dir: t.TempDir(), out: io.Discard}
	broken := errors.New("broken")
	_, err := c.entry(t.Context(), "base", "k", func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "part"), nil, 0o600), broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	left, err := filepath.Glob(filepath.Join(c.dir, "*lab-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("a failure leaves %v, %v", left, err)
	}
}

func TestEntryWaits(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := cache{dir: t.TempDir(), out: &out}
	unlock, err := c.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.entry(ctx, "base", "k", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if !bytes.Contains(out.Bytes(), []byte("waiting")) {
		t.Errorf("it says %q, want that it waits", &out)
	}
}
