// Package oracle tells whether two programs made the same of a host: it takes
// what they left, files and objects of the cluster, apart into facts, and
// compares these one by one.
//
// What must differ between two clusters, such as keys, serial numbers, times and
// tokens, is no fact; its shape is one: the kind and size of a key, how long a
// certificate is valid, when a token ends.
package oracle

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Facts are named "file PATH: FIELD" or "object KIND NAMESPACE/NAME: FIELD".
type Facts map[string]string

// Difference is one fact that the two do not share. What one of them does not
// have is Absent.
type Difference struct{ Fact, Want, Got string }

// Absent stands for the value of a fact that there is not.
const Absent = "(absent)"

func (d Difference) String() string {
	return fmt.Sprintf("%s\n    want %s\n    got  %s", d.Fact, d.Want, d.Got)
}

// Diff lists the facts in which got differs from want, sorted.
func Diff(want, got Facts) []Difference {
	names := maps.Clone(want)
	maps.Copy(names, got)
	var all []Difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := Difference{Fact: name, Want: want.get(name), Got: got.get(name)}
		if d.Want != d.Got {
			all = append(all, d)
		}
	}
	return all
}

func (f Facts) get(name string) string {
	if value, ok := f[name]; ok {
		return value
	}
	return Absent
}

// Allowed is a difference that has a reason, which docs/kubeadm-differences.md
// tells. Fact is a pattern for the whole name of a fact.
type Allowed struct {
	Fact   string
	Reason string
	// Sometimes says that it depends on timing whether there is such a difference.
	Sometimes bool
}

// Judge splits differences into those that no pattern allows and the patterns
// that allow none: both are wrong.
func Judge(all []Difference, allowed []Allowed) (forbidden []Difference, idle []Allowed) {
	used := make([]bool, len(allowed))
	for _, d := range all {
		i := slices.IndexFunc(allowed, func(a Allowed) bool {
			return regexp.MustCompile("^(?:" + a.Fact + ")$").MatchString(d.Fact)
		})
		if i < 0 {
			forbidden = append(forbidden, d)
			continue
		}
		used[i] = true
	}
	for i, a := range allowed {
		if !used[i] && !a.Sometimes {
			idle = append(idle, a)
		}
	}
	return forbidden, idle
}

// Count answers how many facts there are of files and of objects.
func (f Facts) Count() (files, objects int) {
	for name := range f {
		if strings.HasPrefix(name, "file ") {
			files++
		} else {
			objects++
		}
	}
	return files, objects
}
