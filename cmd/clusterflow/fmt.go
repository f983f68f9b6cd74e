package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// standardInput is the argument that means it.
const standardInput = "-"

type fmtFlags struct{ check, diff bool }

func newFmtCmd(a *app) *cobra.Command {
	var flags fmtFlags
	cmd := &cobra.Command{
		Use:   "fmt FILE|DIR...",
		Short: "Write pipelines in the one form",
		Long: "Brings files into the canonical form, indentation and alignment of equals signs above all, and prints\n" +
			"the names of those that it changed. In directories it takes all files named `*.hcl` and `*.hclvars`, also\n" +
			"further down, except in directories whose names begin with a dot. \"-\" reads standard input and\n" +
			"writes to standard output. Files with mistakes in their syntax are left alone.\n\n" +
			"It exits with 0, with 1 if --check finds a file that is not formatted, and with 4 if one has mistakes.",
		Example: "  clusterflow fmt .\n  clusterflow fmt --check --diff pipelines",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name files or directories, such as . for all below this one, or - for standard input")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.format(args, flags) },
	}
	cmd.Flags().BoolVar(&flags.check, "check", false, "change nothing, but exit with 1 if there is something to change")
	cmd.Flags().BoolVar(&flags.diff, "diff", false, "change nothing, but show what would be changed")
	return cmd
}

// format goes on after a mistake, to report all of them.
func (a *app) format(args []string, flags fmtFlags) error {
	names, err := sourceFiles(args)
	if err != nil {
		return err
	}
	broken, unformatted := false, false
	for _, name := range names {
		changed, err := a.formatFile(name, flags)
		var source *sourceError
		if errors.As(err, &source) {
			a.writeDiagnostics(source.files, source.diags)
			broken = true
		} else if err != nil {
			return err
		}
		unformatted = unformatted || changed
	}
	switch {
	case broken:
		return &statusError{exitInvalid}
	case flags.check && unformatted:
		return &statusError{exitFailed}
	}
	return nil
}

// sourceFiles lists the files that the arguments mean, each once, in their order.
func sourceFiles(args []string) ([]string, error) {
	var names []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case arg == standardInput, err == nil && !info.IsDir():
			names = append(names, arg)
			continue
		case err != nil:
			return nil, &usageError{fmt.Errorf("format: %w", err)}
		}
		err = filepath.WalkDir(arg, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && name != arg && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case d.Type().IsRegular() && isSource(name):
				names = append(names, name)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("format: %w", err)
		}
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(names, func(name string) bool {
		again := seen[filepath.Clean(name)]
		seen[filepath.Clean(name)] = true
		return again
	}), nil
}

func isSource(name string) bool {
	return slices.Contains([]string{".hcl", ".hclvars"}, filepath.Ext(name))
}

// formatFile reports whether a file is not formatted, and mends that.
func (a *app) formatFile(name string, flags fmtFlags) (bool, error) {
	text, shown, err := a.readSource(name)
	if err != nil {
		return false, fmt.Errorf("format: %w", err)
	}
	if file, diags := config.Parse(text, shown); diags.HasErrors() {
		return false, &sourceError{diags: diags, files: map[string]*hcl.File{shown: file}, code: exitInvalid}
	}
	formatted := hclwrite.Format(text)
	changed := !bytes.Equal(text, formatted)
	if changed && flags.diff {
		fmt.Fprint(a.out, udiff.Unified(shown, shown+" (formatted)", string(text), string(formatted)))
	}
	switch {
	case flags.diff, flags.check && name == standardInput:
		return changed, nil
	case name == standardInput:
		_, err = a.out.Write(formatted)
		return changed, err
	case !changed:
		return false, nil
	case !flags.check:
		if err := replace(name, formatted); err != nil {
			return true, fmt.Errorf("format: %w", err)
		}
	}
	_, err = fmt.Fprintln(a.out, name)
	return true, err
}

// readSource returns the text of a file and its name in messages.
func (a *app) readSource(name string) (text []byte, shown string, err error) {
	if name != standardInput {
		text, err = config.ReadFile(config.OS{}, name)
		return text, name, err
	}
	text, err = io.ReadAll(a.in)
	return text, "standard input", err
}

// replace gives a file a new content at once, and leaves links to it alone.
func replace(name string, text []byte) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	return resource.WriteFile(target, text, info.Mode().Perm())
}

// spelled lets flags be written with one dash where the fmt commands of other
// tools do.
func spelled(args []string) []string {
	if len(args) == 0 || args[0] != "fmt" {
		return args
	}
	long := map[string]string{"-check": "--check", "-diff": "--diff"}
	out := slices.Clone(args)
	for i, arg := range out {
		out[i] = cmp.Or(long[arg], arg)
	}
	return out
}
