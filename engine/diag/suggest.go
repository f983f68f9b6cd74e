package diag

import (
	"fmt"
	"slices"
	"strings"
)

// Suggest returns the candidate that name was probably meant to be, or "".
func Suggest(name string, candidates []string) string {
	best, limit := "", 1+len(name)/6
	if len(name) < 3 {
		limit = 0 // any other short name is one slip away
	}
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if c == "" || c == name {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d <= limit {
			best, limit = c, d-1
		}
	}
	return best
}

// distance counts the slips that turn one word into another: a letter too many,
// too few or wrong, or two neighbours swapped.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row := make([]int, len(y)+1)
		row[0] = i
		for j := 1; j <= len(y); j++ {
			wrong := 1
			if x[i-1] == y[j-1] {
				wrong = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+wrong)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(y)]
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
