package selection_test

import (
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/engine/selection"
)

func TestPick(t *testing.T) {
	// host <- ca <- leaf["a"], leaf["b.c"] <- api; note needs nothing
	needs := map[string][]string{
		`phase.host`: nil, `phase.note`: nil,
		`module.certs.phase.ca`:               {`phase.host`},
		`module.certs.phase.leaf["a"]`:        {`module.certs.phase.ca`},
		`module.certs.phase.leaf["b.c"]`:      {`module.certs.phase.ca`},
		`module.each["x.\"y\"]"].phase.inner`: {`phase.host`},
		`phase.api`:                           {`module.certs.phase.leaf["a"]`, `module.certs.phase.leaf["b.c"]`},
	}
	all := slices.Sorted(maps.Keys(needs))
	tests := map[string]struct {
		targets, excludes []string
		want              []string // nil means all
	}{
		"all":           {},
		"a phase":       {targets: []string{`module.certs.phase.ca`}, want: []string{`module.certs.phase.ca`, `phase.host`}},
		"an instance":   {targets: []string{`module.certs.phase.leaf["b.c"]`}, want: []string{`module.certs.phase.ca`, `module.certs.phase.leaf["b.c"]`, `phase.host`}},
		"all instances": {targets: []string{`module.certs.phase.leaf`}, want: []string{`module.certs.phase.ca`, `module.certs.phase.leaf["a"]`, `module.certs.phase.leaf["b.c"]`, `phase.host`}},
		"a module":      {targets: []string{`module.each`}, want: []string{`module.each["x.\"y\"]"].phase.inner`, `phase.host`}},
		"one of it":     {targets: []string{`module.each["x.\"y\"]"]`}, want: []string{`module.each["x.\"y\"]"].phase.inner`, `phase.host`}},
		"two":           {targets: []string{`phase.note`, `phase.host`}, want: []string{`phase.host`, `phase.note`}},
		"without":       {excludes: []string{`module.certs`}, want: []string{`module.each["x.\"y\"]"].phase.inner`, `phase.host`, `phase.note`}},
		"both":          {targets: []string{`module.certs`}, excludes: []string{`module.certs.phase.leaf["a"]`}, want: []string{`module.certs.phase.ca`, `module.certs.phase.leaf["b.c"]`, `phase.host`}},
		"nothing":       {targets: []string{`phase.api`}, excludes: []string{`phase.host`}, want: []string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.want == nil {
				tt.want = all
			}
			picked, err := selection.Selection{Targets: tt.targets, Excludes: tt.excludes}.Pick(all, needs)
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Sorted(maps.Keys(picked)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestPickUnknown(t *testing.T) {
	all := []string{`module.m["a"].phase.p["k"]`, `phase.q`}
	for _, name := range []string{"", "phase", "module", "phase.p", `module.m["b"]`, `module.m["a"].phase`, "module.m.phase.p", "phase.q.x"} {
		for _, s := range []selection.Selection{{Targets: []string{name}}, {Excludes: []string{name}}} {
			_, err := s.Pick(all, nil)
			var unknown *selection.UnknownError
			if !errors.As(err, &unknown) || unknown.Address != name {
				t.Errorf("Pick %q: got error %v, want UnknownError", name, err)
				continue
			}
			want := []string{`module.m`, `module.m["a"]`, `module.m["a"].phase.p`, `module.m["a"].phase.p["k"]`, `phase.q`}
			if !slices.Equal(unknown.Known, want) {
				t.Errorf("Pick %q: known are %q\nwant %q", name, unknown.Known, want)
			}
		}
	}
}

// TestPickIsClosed picks at random out of random graphs: whatever is picked has
// all that it needs, and nothing that was excluded.
func TestPickIsClosed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var all []string
		needs := map[string][]string{}
		for i := range 1 + random.IntN(12) {
			name := "phase.p" + strconv.Itoa(i)
			for _, earlier := range all {
				if random.IntN(4) == 0 {
					needs[name] = append(needs[name], earlier)
				}
			}
			all = append(all, name)
		}
		s := selection.Selection{Targets: some(random, all), Excludes: some(random, all)}
		picked, err := s.Pick(all, needs)
		if err != nil {
			t.Fatal(err)
		}
		for address := range picked {
			if slices.Contains(s.Excludes, address) {
				t.Errorf("%+v of %v: %s is picked", s, needs, address)
			}
			for _, need := range needs[address] {
				if !picked[need] {
					t.Errorf("%+v of %v: %s without %s", s, needs, address, need)
				}
			}
		}
		for _, target := range s.Targets {
			if len(s.Excludes) == 0 && !picked[target] {
				t.Errorf("%+v of %s: %s is left out", s, strings.Join(all, " "), target)
			}
		}
	}
}

func some(random *rand.Rand, all []string) []string {
	var out []string
	for _, a := range all {
		if random.IntN(6) == 0 {
			out = append(out, a)
		}
	}
	return out
}
