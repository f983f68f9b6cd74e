package kubeapitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Fleet gives every directory of a conformance case a [Fake] of its own, so that
// each check begins with an empty cluster.
type Fleet struct {
	t     *testing.T
	fresh func(*Fake)

	mu    sync.Mutex
	fakes map[string]*Fake // by directory
}

// NewFleet returns an empty fleet. Its fakes end with the test. fresh prepares
// each new one and may be nil.
func NewFleet(t *testing.T, fresh func(*Fake)) *Fleet {
	t.Helper()
	return &Fleet{t: t, fresh: fresh, fakes: map[string]*Fake{}}
}

// Of returns the fake of a directory.
func (f *Fleet) Of(dir string) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fakes[dir] == nil {
		f.fakes[dir] = NewFake(f.t)
		if f.fresh != nil {
			f.fresh(f.fakes[dir])
		}
	}
	return f.fakes[dir]
}

// Cluster is the argument cluster of a phase that works on the fake of a
// directory.
func (f *Fleet) Cluster(dir string) map[string]any {
	fake := f.Of(dir)
	return map[string]any{"kubeconfig": fake.Admin, "server": fake.Server, "ca_pin": "sha256:" + strings.Repeat("0", 64)}
}

// Observe lists the objects in the fake of a directory, without what a server
// adds.
func (f *Fleet) Observe(dir string) (string, error) {
	fake := f.Of(dir)
	fake.mu.Lock()
	defer fake.mu.Unlock()
	var out strings.Builder
	for _, path := range slices.Sorted(maps.Keys(fake.objects)) {
		object := fake.objects[path].DeepCopy()
		object.SetManagedFields(nil)
		object.SetResourceVersion("")
		object.SetUID("")
		prune(object.Object)
		text, err := json.Marshal(object.Object)
		if err != nil {
			return "", fmt.Errorf("observe %s: %w", path, err)
		}
		fmt.Fprintf(&out, "%s %s\n", path, text)
	}
	return out.String(), nil
}

// prune drops empty lists and maps, which a real server does not store either.
func prune(object map[string]any) {
	for name, value := range object {
		switch v := value.(type) {
		case map[string]any:
			if prune(v); len(v) == 0 {
				delete(object, name)
			}
		case []any:
			if len(v) == 0 {
				delete(object, name)
			}
		}
	}
}
