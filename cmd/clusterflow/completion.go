package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/planfile"
	"github.com/clusterflow/clusterflow/engine/selection"
	"github.com/clusterflow/clusterflow/pipelines"
)

const noFiles = cobra.ShellCompDirectiveNoFileComp

// complete lets the shell complete the arguments and flags of all commands below
// cmd by what they mean. Whatever goes wrong then is not shown: there is no place
// to show it in.
func (a *app) complete(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		a.complete(sub)
	}
	if strings.Contains(cmd.Use, "PIPELINE") {
		cmd.ValidArgsFunction = a.completeArgs
	}
	addresses := a.completeAddresses
	if cmd.Name() == "undo" {
		addresses = a.completeRecorded
	}
	for flag, function := range map[string]cobra.CompletionFunc{
		"target": addresses, "exclude": addresses, "rerun": a.completeOpen,
		"format":    cobra.FixedCompletions([]string{"ascii", "dot", "json", "mermaid", "svg"}, noFiles),
		"log-level": cobra.FixedCompletions(levelNames(), noFiles),
	} {
		if cmd.Flag(flag) != nil {
			_ = cmd.RegisterFlagCompletionFunc(flag, function) // it fails where a flag of the root has it already
		}
	}
}

// completeArgs completes a pipeline, and behind it the name of an output.
func (a *app) completeArgs(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0 && cmd.Name() == "apply":
		return pipelineNames(typed, pipelines.Extension, planfile.Extension)
	case len(args) == 0:
		return pipelineNames(typed, pipelines.Extension)
	case len(args) == 1 && cmd.Name() == "output":
		return a.outputNames(args[0]), noFiles
	default:
		return nil, noFiles
	}
}

// pipelineNames are the files, directories and built-in pipelines that begin with
// what was typed.
func pipelineNames(typed string, extensions ...string) ([]string, cobra.ShellCompDirective) {
	dir, begin := filepath.Split(typed)
	entries, _ := os.ReadDir(cmp.Or(dir, ".")) // nothing to read, nothing to complete
	var names []string
	for _, e := range entries {
		switch name := e.Name(); {
		case !strings.HasPrefix(name, begin), strings.HasPrefix(name, ".") && begin == "":
		case e.IsDir():
			names = append(names, dir+name+"/")
		case slices.Contains(extensions, filepath.Ext(name)):
			names = append(names, dir+name)
		}
	}
	directive := noFiles
	if len(names) == 1 && strings.HasSuffix(names[0], "/") {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	for _, name := range pipelines.Names() {
		if strings.HasPrefix(name, typed) {
			names = append(names, cobra.CompletionWithDesc(name, "built-in pipeline"))
		}
	}
	return names, directive
}

func (a *app) outputNames(name string) []string {
	a.err = io.Discard
	from, err := a.source(name)
	if err != nil {
		return nil
	}
	p, _ := config.Load(from.files, from.path) // what a broken file still declares
	var names []string
	for name, out := range p.Root.Outputs {
		names = append(names, cobra.CompletionWithDesc(name, out.Description))
	}
	slices.Sort(names)
	return names
}

// completeAddresses completes the address of a phase or module of the pipeline, or
// of what is recorded of it if it cannot be loaded.
func (a *app) completeAddresses(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, noFiles
	}
	a.err = io.Discard
	var flags pipelineFlags
	flags.vars, _ = cmd.Flags().GetStringArray("var") // a command without it has no variables
	flags.varFiles, _ = cmd.Flags().GetStringArray("var-file")
	var addresses []string
	err := a.withPipeline(cmd.Context(), args[0], flags, func(_ context.Context, p *engine.Pipeline) error {
		for _, n := range p.Program.Nodes {
			addresses = append(addresses, n.Address)
		}
		return nil
	})
	if err != nil {
		return a.completeRecorded(cmd, args, typed)
	}
	return selection.Names(addresses), noFiles
}

// completeRecorded completes the address of what is recorded.
func (a *app) completeRecorded(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return selection.Names(a.recorded(cmd.Context(), args, false)), noFiles
}

// completeOpen completes the address of a phase that nobody knows the outcome of.
func (a *app) completeOpen(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.recorded(cmd.Context(), args, true), noFiles
}

// recorded lists what is recorded of the pipeline in args, or what of it is open.
func (a *app) recorded(ctx context.Context, args []string, open bool) []string {
	if len(args) == 0 {
		return nil
	}
	e, err := a.engine()
	if err != nil {
		return nil
	}
	state, err := e.State(args[0])
	if errors.Join(err, e.Close(context.WithoutCancel(ctx))) != nil {
		return nil
	}
	return slices.DeleteFunc(state.Addresses(), func(address string) bool {
		return open && !state.Nodes[address].Status.Open()
	})
}

// completeBuiltins completes the name of a built-in pipeline.
func completeBuiltins(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return pipelines.Names(), noFiles
}

// completeTypes completes the name of a plugin or of a phase type.
func (a *app) completeTypes(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, noFiles
	}
	a.err = io.Discard
	var names []string
	_ = a.withPlugins(cmd.Context(), func(found []engine.FoundPlugin) error { // no plugins, no names
		for _, f := range found {
			if f.ShadowedBy != "" || f.Problem != nil {
				continue
			}
			names = append(names, cobra.CompletionWithDesc(f.Found.Name, sentence(f.Doc)))
			for _, t := range f.Types {
				names = append(names, cobra.CompletionWithDesc(f.Found.Name+"."+t.Name, sentence(t.Doc)))
			}
		}
		return nil
	})
	return names, noFiles
}

// sentence is the first one of a text.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(first, ".")
}
