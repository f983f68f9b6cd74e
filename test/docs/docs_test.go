// Package docs_test checks the documentation of the language against the language:
// what it lists is there, what is there is listed, and its examples work.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/lang"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section returns what stands below a heading, without the examples, up to the
// next heading of that level.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut("\n"+text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("there is no section %q", heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	rest, _, _ = strings.Cut(rest, "\n"+level+" ")
	return regexp.MustCompile("(?s)```.*?```").ReplaceAllString(rest, "")
}

// words returns what a text has in backticks and looks like a name of the language.
func words(text string) []string {
	var out []string
	for _, m := range regexp.MustCompile("`([a-z][a-z0-9_]*)( = [^`]*| \\{[^`]*\\})?`").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

func TestFunctions(t *testing.T) {
	listed := words(section(t, read(t, "docs/language.md"), "## Functions"))
	if want := lang.FunctionNames(); !slices.Equal(listed, want) {
		t.Errorf("docs/language.md lists\n%v\nthe language has\n%v", listed, want)
	}
}

// TestArguments checks that all arguments and blocks that belong to the language
// are explained where they may be used.
func TestArguments(t *testing.T) {
	text := read(t, "docs/language.md")
	for heading, names := range map[string][]string{
		"## phase":  slices.Concat(config.PhaseArguments(), config.PhaseBlocks()),
		"## module": config.CallArguments(),
	} {
		explained := words(section(t, text, heading))
		for _, name := range names {
			if !slices.Contains(explained, name) {
				t.Errorf("%s: %s is not explained", heading, name)
			}
		}
	}
}

// TestBlocks checks that each kind of block has its example.
func TestBlocks(t *testing.T) {
	text := read(t, "docs/language.md")
	for _, name := range config.BlockTypes() {
		if !regexp.MustCompile(`(?m)^` + name + `( "[^{]*)? \{$`).MatchString(text) {
			t.Errorf("there is no example of a %s block", name)
		}
	}
}
