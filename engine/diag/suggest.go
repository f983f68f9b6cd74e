package diag

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Suggest returns the candidate that name was probably meant to be, or "".
func Suggest(name string, candidates []string) string {
	best, distance := "", max(1, len(name)/3)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if c == "" || c == name {
			continue
		}
		if d := levenshtein.Distance(strings.ToLower(name), strings.ToLower(c), nil); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// DidYouMean is a sentence with the suggestion for a name, to be put behind
// another one, or "".
func DidYouMean(name string, candidates []string) string {
	if s := Suggest(name, candidates); s != "" {
		return fmt.Sprintf(" Did you mean %q?", s)
	}
	return ""
}

// Names is a sentence that lists what there is, or says that there is nothing.
func Names(what string, candidates []string) string {
	const most = 12
	sorted := slices.Sorted(slices.Values(candidates))
	switch {
	case len(sorted) == 0:
		return fmt.Sprintf("There are no %s.", what)
	case len(sorted) > most:
		return fmt.Sprintf("There are %d %s, such as %s.", len(sorted), what, strings.Join(sorted[:most], ", "))
	default:
		return fmt.Sprintf("The %s are: %s.", what, strings.Join(sorted, ", "))
	}
}
