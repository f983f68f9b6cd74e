package engine

import (
	"testing"
)

// A process is killed for one phase only when no other one is in it that may still
// end well.
func TestShareSettles(t *testing.T) {
	settled := func(s *share) bool {
		select {
		case <-s.alone:
			return true
		default:
			return false
		}
	}
	for name, tt := range map[string]struct {
		users, stuck int
		want         bool
	}{
		"nobody is stuck": {2, 0, false},
		"one of two":      {2, 1, false},
		"all":             {2, 2, true},
		"alone":           {1, 1, true},
		"nobody is there": {0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &share{users: tt.users, stuck: tt.stuck, alone: make(chan struct{})}
			s.settle()
			s.settle() // also twice
			if got := settled(s); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
