package engine

import (
	"errors"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/selection"
	"github.com/clusterflow/clusterflow/engine/state"
)

// Select reduces the pipeline to the phases that are wanted and all that they
// need, and returns the addresses of the others. The error is an
// [UnknownPhaseError].
func (p *Pipeline) Select(wanted selection.Selection) ([]string, error) {
	program, left, err := p.Program.Select(wanted)
	if err != nil {
		return nil, asUnknownPhase(err)
	}
	p.Program, p.wanted = program, wanted
	return left, nil
}

// undoOrder returns what of a state is to be undone, in that order, and what stays.
func undoOrder(recorded *state.State, wanted selection.Selection) (undo, left []string, err error) {
	order := recorded.UndoOrder()
	if wanted.All() {
		return order, nil, nil
	}
	needs := make(map[string][]string, len(order))
	for _, address := range order {
		for _, d := range recorded.Nodes[address].Depends {
			if recorded.Nodes[d] != nil {
				needs[address] = append(needs[address], d)
			}
		}
	}
	picked, err := wanted.Pick(order, selection.Reverse(needs))
	if err != nil {
		return nil, nil, asUnknownPhase(err)
	}
	for _, address := range order {
		if picked[address] {
			undo = append(undo, address)
		} else {
			left = append(left, address)
		}
	}
	slices.Sort(left)
	return undo, left, nil
}

func asUnknownPhase(err error) error {
	var unknown *selection.UnknownError
	if !errors.As(err, &unknown) {
		return err
	}
	return unknownPhase(unknown.Address, unknown.Known)
}

// unknownPhase suggests the address that was meant: one that is spelled almost
// alike, or the same without the module around it.
func unknownPhase(address string, known []string) error {
	hint := diag.DidYouMean(address, known)
	if i := slices.IndexFunc(known, func(k string) bool { return strings.HasSuffix(k, "."+address) }); hint == "" && i >= 0 {
		hint = " Did you mean \"" + known[i] + "\"?"
	}
	return &UnknownPhaseError{Address: address, Suggestion: hint}
}
