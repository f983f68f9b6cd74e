package lab

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// The main thread must never be one that changes its namespaces, whatever the
// scheduler does.
func TestOnOwnThread(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for range 200 {
		err := onOwnThread(func() error {
			if unix.Gettid() == unix.Getpid() {
				t.Error("it runs on the main thread")
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatalf("got %v, want %v", err, broken)
		}
	}
}
