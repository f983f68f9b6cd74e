package run

import "sync"

// crew is goroutines that work one after another, so that the stack of one, which
// grows with the first plugin call, serves many workers.
type crew struct {
	tasks chan func()
	all   sync.WaitGroup
}

func newCrew() *crew { return &crew{tasks: make(chan func())} }

// do has a task done, by an idle goroutine if there is one.
func (c *crew) do(task func()) {
	select {
	case c.tasks <- task:
	default:
		c.all.Go(func() {
			task()
			for task := range c.tasks {
				task()
			}
		})
	}
}

// dismiss waits for all tasks to end. No task may follow.
func (c *crew) dismiss() {
	close(c.tasks)
	c.all.Wait()
}
