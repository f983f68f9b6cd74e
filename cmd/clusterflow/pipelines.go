package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/pipelines"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

func newPipelinesCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pipelines",
		Short: "List, show and copy the built-in pipelines",
		Long: "clusterflow brings pipelines along. Every command that takes a pipeline takes the name of one of\n" +
			"them, such as embedded or embedded.hcl, where there is no file of that name.\n\n" +
			"To change one, copy it: the copy is yours, and a file goes before the built-in one.",
		Example: "  clusterflow plan embedded\n  clusterflow pipelines copy embedded .",
		Args:    cobra.NoArgs,
		RunE:    help,
	}
	cmd.AddCommand(newPipelinesListCmd(a), newPipelinesShowCmd(a), newPipelinesCopyCmd(a))
	return cmd
}

// help is what a command does that only holds others.
func help(cmd *cobra.Command, _ []string) error { return cmd.Help() }

func newPipelinesListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the built-in pipelines and what they are for",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			width := 0
			for _, name := range pipelines.Names() {
				width = max(width, len(name))
			}
			for _, name := range pipelines.Names() {
				text, err := pipelines.Source(name + pipelines.Extension)
				if err != nil {
					return fmt.Errorf("list pipelines: %w", err)
				}
				fmt.Fprintf(a.out, "%-*s  %s\n", width, name, sentence(pipelines.Doc(text)))
			}
			return nil
		},
	}
}

func newPipelinesShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Print a built-in pipeline",
		Long: "Prints the text of a built-in pipeline. The files that it includes and its modules come along with\n" +
			"`clusterflow pipelines copy`.",
		Args:              oneName("built-in pipeline"),
		ValidArgsFunction: completeBuiltins,
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := builtin(args[0])
			if err != nil {
				return err
			}
			text, err := pipelines.Source(file)
			if err != nil {
				return fmt.Errorf("show pipeline: %w", err)
			}
			_, err = a.out.Write(text)
			return err
		},
	}
}

func newPipelinesCopyCmd(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "copy NAME DIR",
		Short: "Copy a built-in pipeline and all that belongs to it into a directory",
		Long: "Writes a built-in pipeline into a directory, with the files that it includes and the modules that it\n" +
			"uses below it, and prints the names of the files. Files that are there already stay as they are, and\n" +
			"then nothing is copied; with --force they are replaced.",
		Example:           "  clusterflow pipelines copy embedded mine\n  clusterflow plan mine/embedded.hcl",
		ValidArgsFunction: completeBuiltins,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name a built-in pipeline and a directory")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := builtin(args[0])
			if err != nil {
				return err
			}
			return a.copyPipeline(file, args[1], force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace files that are there")
	return cmd
}

// oneName is the argument check of commands that take the name of one thing.
func oneName(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("name one %s", what)
		}
		return nil
	}
}

// builtin returns the file of a built-in pipeline.
func builtin(name string) (string, error) {
	file, ok := pipelines.Path(name)
	if !ok {
		known := pipelines.Names()
		return "", &usageError{fmt.Errorf("there is no built-in pipeline %q.%s %s", name, diag.DidYouMean(name, known), diag.Names("built-in pipelines", known))}
	}
	return file, nil
}

// copyPipeline writes a pipeline with what it loads below dir, all or nothing as
// far as files that exist are concerned.
func (a *app) copyPipeline(file, dir string, force bool) error {
	p, diags := config.Load(pipelines.Files(), file)
	if diags.HasErrors() {
		return &sourceError{diags: diags, files: p.Files, code: exitFailed}
	}
	names := slices.Sorted(maps.Keys(p.Files))
	if !force {
		if err := checkAbsent(dir, names); err != nil {
			return err
		}
	}
	for _, name := range names {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("copy pipeline: %w", err)
		}
		if err := resource.WriteFile(target, p.Files[name].Bytes, 0o644); err != nil {
			return fmt.Errorf("copy pipeline: %w", err)
		}
		fmt.Fprintln(a.out, target)
	}
	return nil
}

func checkAbsent(dir string, names []string) error {
	var there []string
	for _, name := range names {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, target)
		}
	}
	if len(there) == 0 {
		return nil
	}
	return sdk.Hint(fmt.Errorf("copy %s: there is a file %s", path.Base(names[0]), strings.Join(there, ", ")),
		"Choose another directory, or have the files replaced with --force. Nothing was copied.")
}
