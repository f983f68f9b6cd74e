package pluginhost

import "runtime"

// spawner starts processes from one OS thread that lives as long as it does.
//
// Linux signals a child when the thread that made it ends, not when the process
// does. The Go runtime ends threads as it likes, so a child that shall die with
// the engine must come from a thread that never ends before.
type spawner struct {
	work chan func()
	done chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{work: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for f := range s.work {
			f()
		}
	}()
	return s
}

// do runs f on the thread. It must not be called after close.
func (s *spawner) do(f func() error) error {
	result := make(chan error, 1)
	s.work <- func() { result <- f() }
	return <-result
}

// close ends the thread; every process that it started must have ended.
func (s *spawner) close() {
	close(s.work)
	<-s.done
}
