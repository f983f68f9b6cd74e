package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const docsIntro = `# Commands

Results go to standard output, talk to standard error. A PIPELINE is a file, or the name of a built-in pipeline such as
` + "`embedded`" + ` where there is no file of that name.

| Exit code | Meaning |
|---|---|
| 0 | done |
| 1 | a phase failed, or something on the way to it; ` + "`fmt --check`" + `: a file is not formatted |
| 2 | ` + "`plan --detailed-exitcode`" + `: there are changes |
| 3 | done, but something failed that may, or undo left things over |
| 4 | the pipeline or the command line is wrong; nothing was done |
| 130 | stopped by the user |

A command that does not say otherwise exits with 0, with 1 after a failure, with 4 if the pipeline or the command line is wrong.

`

// TestDocs checks that docs/cli.md has every command with its flags, as its help
// has them; UPDATE_GOLDEN=1 writes it.
func TestDocs(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	root := newRootCmd(&app{})
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	b.WriteString(docsIntro)
	b.WriteString("## Flags of all commands\n\n")
	writeFlags(&b, root.PersistentFlags())
	writeCommands(&b, root)
	path := filepath.Join("..", "..", "docs", "cli.md")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-there +commands), make golden writes it:\n%s", path, diff)
	}
}

// TestHelp checks what every help text should have.
func TestHelp(t *testing.T) {
	root := newRootCmd(&app{})
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: the short help %q is no phrase", cmd.CommandPath(), cmd.Short)
		}
		for line := range strings.Lines(cmd.Long) {
			if len(strings.TrimSuffix(line, "\n")) > 120 {
				t.Errorf("%s: a line is too long for a terminal: %s", cmd.CommandPath(), line)
			}
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s: there is no help", cmd.CommandPath(), f.Name)
			}
		})
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(root)
}

func writeCommands(b *strings.Builder, cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.Hidden || sub.Name() == "help" {
			continue
		}
		level := strings.Repeat("#", 1+strings.Count(sub.CommandPath(), " "))
		fmt.Fprintf(b, "\n%s %s\n\n%s.\n", level, sub.CommandPath(), sub.Short)
		if sub.Runnable() {
			fmt.Fprintf(b, "\n```\n%s\n```\n", sub.UseLine())
		}
		if sub.Long != "" && sub.Name() != "completion" && sub.Parent().Name() != "completion" {
			fmt.Fprintf(b, "\n%s\n", strings.TrimSpace(sub.Long))
		}
		if sub.Example != "" {
			fmt.Fprintf(b, "\n```console\n%s\n```\n", strings.ReplaceAll("$"+strings.TrimPrefix(sub.Example, " "), "\n  ", "\n$ "))
		}
		if sub.LocalNonPersistentFlags().HasAvailableFlags() {
			b.WriteByte('\n')
			writeFlags(b, sub.LocalNonPersistentFlags())
		}
		writeCommands(b, sub)
	}
}

func writeFlags(b *strings.Builder, flags *pflag.FlagSet) {
	b.WriteString("| Flag | Meaning |\n|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		usage = strings.NewReplacer("\n", " ", "|", `\|`).Replace(usage)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.TrimSpace(name+" "+value), usage)
	})
}
