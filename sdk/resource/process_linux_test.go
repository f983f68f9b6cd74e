package resource

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestZombieIsGone(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/bin/true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }() // until then it is a zombie
	err := WaitFor(t.Context(), Probe{
		Name: "zombie", Every: time.Millisecond, Timeout: 10 * time.Second,
		Check: func(context.Context) error {
			if _, err := startTicks(cmd.Process.Pid); !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("start time: got error %w, want it absent", err)
			}
			return nil
		},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestParseStat(t *testing.T) {
	const tail = " 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 1 1"
	tests := map[string]struct {
		stat string
		want uint64
		gone bool
	}{
		"plain":        {"7 (etcd) S" + tail, 4242, false},
		"strange name": {"7 (a) Z (b) S" + tail, 4242, false},
		"zombie":       {"7 (etcd) Z" + tail, 0, true},
		"dying":        {"7 (etcd) Z" + strings.Replace(tail, " 1 0 4242", " 9 0 4242", 1), 4242, false},
		"dead":         {"7 (etcd) X" + tail, 0, true},
		"empty":        {"", 0, false},
		"cut short":    {"7 (etcd) S 1 1", 0, false},
		"not a number": {"7 (etcd) S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 x 1", 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(tt.stat))
			if got != tt.want || errors.Is(err, fs.ErrNotExist) != tt.gone || (err == nil) != (tt.want != 0) {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func FuzzParseStat(f *testing.F) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(own)
	f.Add([]byte("1 () Z"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if ticks, err := parseStat(data); err != nil && ticks != 0 {
			t.Errorf("got %d with error %v", ticks, err)
		}
	})
}
