package engine

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/clusterflow/clusterflow/engine/state"
)

// OtherPipelineError says that a state belongs to another pipeline of the same name.
type OtherPipelineError struct {
	Dir string // of the state
	// Recorded and Given are the absolute paths of the two. Given is empty for a
	// pipeline that came with clusterflow.
	Recorded, Given string
}

func (e *OtherPipelineError) Error() string {
	given := e.Given
	if given == "" {
		given = "the built-in pipeline of that name"
	}
	return fmt.Sprintf("open state %s: it is that of %s, not of %s", e.Dir, e.Recorded, given)
}

// owns refuses a state that another file of the same name made, as long as that
// file is there: one that is gone may be this one, moved. A built-in pipeline gives
// way to a file, as one copies it to change it, but not the other way round.
func (p *Pipeline) owns(recorded *state.State) error {
	before := recorded.Run.Path
	if before == "" || before == p.file || recorded.Empty() {
		return nil
	}
	other, err := os.Stat(before)
	if err != nil {
		return nil
	}
	if p.file != "" {
		own, err := os.Stat(p.file)
		if err != nil || os.SameFile(own, other) {
			return nil // undo by the record of a file that is gone
		}
	}
	return &OtherPipelineError{Dir: p.StateDir(), Recorded: before, Given: p.file}
}

// absolute is a path that means the same from every working directory, as far as
// that can be known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
