// Package selection picks a part of the phases of a pipeline: some and all that
// they need, or all but some and what needs those.
//
// What it picks is closed: no phase in it needs one that is left out. Which way
// "needs" leads is up to the caller: an undo turns it round.
//
// The package works on addresses only. It knows no pipelines, state or plugins.
package selection

import (
	"maps"
	"slices"
)

// Selection says which phases are wanted. The zero value means all of them.
//
// An address names a phase; without a key it means all instances of one with
// for_each. The address of a module means every phase in it.
type Selection struct {
	// Targets are wanted, with all that they need. Empty means everything.
	Targets []string
	// Excludes are not wanted, and neither is what needs them.
	Excludes []string
}

// All reports whether everything is wanted.
func (s Selection) All() bool { return len(s.Targets) == 0 && len(s.Excludes) == 0 }

// UnknownError says that an address names nothing.
type UnknownError struct {
	Address string
	// Known are all addresses that would name something.
	Known []string
}

func (e *UnknownError) Error() string { return "there is no phase or module " + e.Address }

// Pick returns which of the phases are wanted. needs holds, for each phase, those
// that must come along. The error is an [UnknownError].
func (s Selection) Pick(addresses []string, needs map[string][]string) (map[string]bool, error) {
	names := index(addresses)
	targets, err := lookUp(names, s.Targets)
	if err != nil {
		return nil, err
	}
	excludes, err := lookUp(names, s.Excludes)
	if err != nil {
		return nil, err
	}
	if len(s.Targets) == 0 {
		targets = addresses
	}
	picked := closure(targets, needs)
	for address := range closure(excludes, Reverse(needs)) {
		delete(picked, address)
	}
	return picked, nil
}

// Names are all addresses that mean some of the phases, sorted: those of phases, of
// modules, and of all instances of either.
func Names(addresses []string) []string { return slices.Sorted(maps.Keys(index(addresses))) }

// index lists the phases that each address means.
func index(addresses []string) map[string][]string {
	names := map[string][]string{}
	for _, address := range addresses {
		for _, name := range prefixes(address) {
			names[name] = append(names[name], address)
		}
	}
	return names
}

// prefixes are an address, the addresses of the modules around it, and all of
// these without the key at their end:
//
//	module.m["a"].phase.p: module.m, module.m["a"], module.m["a"].phase.p
func prefixes(address string) []string {
	var out []string
	quoted, words := false, 0
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			out = append(out, address[:i])
		case c == '.':
			words++
			if words%2 == 0 { // else it parts "phase" or "module" from the name
				out = append(out, address[:i])
			}
		}
	}
	return append(out, address)
}

func lookUp(names map[string][]string, wanted []string) ([]string, error) {
	var out []string
	for _, name := range wanted {
		found, ok := names[name]
		if !ok {
			return nil, &UnknownError{Address: name, Known: slices.Sorted(maps.Keys(names))}
		}
		out = append(out, found...)
	}
	return out, nil
}

// closure is everything that can be reached.
func closure(from []string, next map[string][]string) map[string]bool {
	seen := map[string]bool{}
	for queue := slices.Clone(from); len(queue) > 0; {
		address := queue[0]
		queue = queue[1:]
		if !seen[address] {
			seen[address] = true
			queue = append(queue, next[address]...)
		}
	}
	return seen
}

// Reverse turns needs round, as an undo needs it: what needs a phase goes first.
func Reverse(needs map[string][]string) map[string][]string {
	users := make(map[string][]string, len(needs))
	for from, list := range needs {
		for _, to := range list {
			users[to] = append(users[to], from)
		}
	}
	return users
}
