package run

import (
	"fmt"

	"github.com/clusterflow/clusterflow/sdk/resource"
)

// clashError keeps a node from files that another one declared in this run.
type clashError struct {
	other string
	files []resource.ID
}

func (e *clashError) Error() string {
	return fmt.Sprintf("%s declares the same files: %v", e.other, e.files)
}

// admit says why a worker must not go on: the run stops, or another node has its
// files.
func (l *loop) admit(m message) error {
	if m.begins && l.refuses(m.id) {
		return errStopped
	}
	return l.claim(m)
}

// claim gives a node the files that it declares. Two nodes whose paths were known
// before the run were compared then; here it is the rest.
func (l *loop) claim(m message) error {
	clash := &clashError{}
	for _, id := range m.files {
		switch holder, taken := l.claims[id]; {
		case !taken:
			l.claims[id] = m.id
		case holder != m.id:
			clash.other = l.spec.Nodes[holder].Name
			clash.files = append(clash.files, id)
		}
	}
	if len(clash.files) == 0 {
		return nil
	}
	return clash
}
