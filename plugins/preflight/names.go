package preflight

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/clusterflow/clusterflow/sdk"
)

// ignoreAll stands for every check in ignore.
const ignoreAll = "all"

// choose picks the checks to make and tells which may fail. all are those that
// exist for this config, in any role.
func choose(c hostConfig, all []check) (chosen []check, ignored func(string) bool, err error) {
	if err := knownNames("ignore", c.Ignore, all, ignoreAll); err != nil {
		return nil, nil, err
	}
	if err := knownNames("checks", c.Checks, all); err != nil {
		return nil, nil, err
	}
	if len(c.Ignore) > 1 && contains(c.Ignore, ignoreAll) {
		return nil, nil, attrError("ignore", fmt.Errorf("%q stands for every name, so it must stand alone", ignoreAll))
	}
	for _, k := range all {
		if contains(c.Checks, k.name) || len(c.Checks) == 0 && slices.Contains(k.roles, c.Role) {
			chosen = append(chosen, k)
		}
	}
	return chosen, func(name string) bool { return contains(c.Ignore, name) || contains(c.Ignore, ignoreAll) }, nil
}

func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// knownNames reports the first name that is no check's.
func knownNames(attr string, names []string, all []check, more ...string) error {
	known := slices.Clone(more)
	for _, k := range all {
		known = append(known, k.name)
	}
	for _, name := range names {
		if contains(known, name) {
			continue
		}
		if strings.EqualFold(name, "ImagePull") {
			return attrError(attr, sdk.Hint(errors.New(`"ImagePull" is no check here: images are phases of their own, of type preflight.image`),
				`Take it out of `+attr+`. To go on without an image: on_error = "continue" in its phase.`))
		}
		err := fmt.Errorf("there is no check %q", name)
		if s := suggest(name, known); s != "" {
			err = fmt.Errorf("%w; did you mean %q?", err, s)
		}
		slices.Sort(known)
		return attrError(attr, sdk.Hint(err, "With this config there are: "+strings.Join(known, ", ")+"."))
	}
	return nil
}

// suggest returns the known name that was probably meant, or "".
func suggest(name string, known []string) string {
	best, distance := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(k), nil); d < distance {
			best, distance = k, d
		}
	}
	return best
}
