package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A new set takes the place of those that nobody used for long, and of no others.
func TestPrune(t *testing.T) {
	t.Parallel()
	s := toySet(t, &bytes.Buffer{})
	now := time.Now()
	for name, age := range map[string]time.Duration{"toys-old": 61 * 24 * time.Hour, "toys-recent": 59 * 24 * time.Hour, "tools-old": 999 * time.Hour * 24} {
		write(t, s.cache, name+"/one", "x")
		if err := use(filepath.Join(s.cache, name), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := s.ensure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{filepath.Base(dir): true, "toys-old": false, "toys-recent": true, "tools-old": true} {
		if _, err := os.Stat(filepath.Join(s.cache, name)); (err == nil) != want {
			t.Errorf("%s is there: %t, want %t", name, err == nil, want)
		}
	}
	long := now.Add(-unused)
	if err := os.Chtimes(dir, long, long); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || now.Sub(info.ModTime()) > time.Hour {
		t.Errorf("the use of a set was not remembered: %v, %v", info, err)
	}
}
