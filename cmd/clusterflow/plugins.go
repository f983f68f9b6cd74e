package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/diag"
)

func newPluginsCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plugins",
		Short: "List plugins, show what their phases take and give, pin them",
		Long: "Plugins are programs named clusterflow-plugin-NAME. They are looked for in the directories of\n" +
			"CLUSTERFLOW_PLUGIN_PATH, then in the user's plugin directory ($XDG_DATA_HOME/clusterflow/plugins), then\n" +
			"beside clusterflow itself. The first one of a name is used and hides the others.",
		Args: cobra.NoArgs,
		RunE: help,
	}
	cmd.AddCommand(newPluginsListCmd(a), newPluginsDocsCmd(a), newPluginsLockCmd(a))
	return cmd
}

func newPluginsListCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List all plugins with their versions, files and phase types",
		Long: "Lists all plugins that are found, with those that are hidden by another one of the same name.\n\n" +
			"It exits with 1 if one of them cannot be used.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withPlugins(cmd.Context(), func(found []engine.FoundPlugin) error {
				return a.listPlugins(found, asJSON)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// withPlugins hands all plugins that are found to do.
func (a *app) withPlugins(ctx context.Context, do func([]engine.FoundPlugin) error) (err error) {
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(ctx))) }()
	found, err := e.Plugins(ctx)
	if err != nil {
		return err
	}
	return do(found)
}

// pluginJSON is one element of `clusterflow plugins list --json`.
type pluginJSON struct {
	Name       string   `json:"name"`
	Version    string   `json:"version,omitempty"`
	Doc        string   `json:"doc,omitempty"`
	Path       string   `json:"path"`
	ShadowedBy string   `json:"shadowed_by,omitempty"`
	Types      []string `json:"types,omitempty"`
	Problem    string   `json:"problem,omitempty"`
}

func (a *app) listPlugins(found []engine.FoundPlugin, asJSON bool) error {
	list := []pluginJSON{}
	var broken error
	for _, f := range found {
		p := pluginJSON{Name: f.Found.Name, Version: f.Version, Doc: f.Doc, Path: f.Path, ShadowedBy: f.ShadowedBy}
		for _, t := range f.Types {
			p.Types = append(p.Types, t.Name)
		}
		if f.Problem != nil {
			p.Problem, broken = f.Problem.Error(), &statusError{exitFailed}
		}
		list = append(list, p)
	}
	if asJSON {
		return errors.Join(writeJSON(a.out, list), broken)
	}
	for _, p := range list {
		a.listPlugin(p)
	}
	if len(list) == 0 {
		fmt.Fprintf(a.err, "There are no plugins in %s.\n", strings.Join(pluginDirs(), ", "))
	}
	return broken
}

func (a *app) listPlugin(p pluginJSON) {
	fmt.Fprintln(a.out, strings.TrimSpace(p.Name+" "+p.Version))
	if p.Doc != "" {
		fmt.Fprintf(a.out, "  %s\n", p.Doc)
	}
	file := p.Path
	if file == "" {
		file = "none: it runs on Linux only, here clusterflow knows what it takes"
	}
	fmt.Fprintf(a.out, "  file:  %s\n", file)
	if p.ShadowedBy != "" {
		fmt.Fprintf(a.out, "  not used: hidden by %s\n", p.ShadowedBy)
	}
	if len(p.Types) > 0 {
		fmt.Fprintf(a.out, "  types: %s\n", strings.Join(p.Types, ", "))
	}
	if p.Problem != "" {
		fmt.Fprintf(a.out, "  cannot be used: %s\n", strings.ReplaceAll(p.Problem, "\n", "\n    "))
	}
}

func newPluginsDocsCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "docs [PLUGIN[.TYPE]]",
		Short: "Show what phase types take and give, with an example",
		Long: "Prints the documentation of a phase type: its arguments with types, defaults and allowed values, its\n" +
			"outputs, what it touches, and an example. With the name of a plugin it lists the plugin's phase types,\n" +
			"without one those of all plugins.",
		Example:           "  clusterflow plugins docs pki.ca",
		ValidArgsFunction: a.completeTypes,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return errors.New("name one plugin or phase type, such as pki or pki.ca")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withPlugins(cmd.Context(), func(found []engine.FoundPlugin) error {
				docs, err := documented(found, append(args, "")[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(a.out, docs)
				}
				return docs.write(a.out)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, always with all that is known")
	return cmd
}

// documented picks what a name means: all plugins, one, or one of its types.
func documented(found []engine.FoundPlugin, name string) (pluginDocs, error) {
	plugin, typ, one := strings.Cut(name, ".")
	docs := pluginDocs{one: one, plugin: plugin != ""}
	var names []string
	for _, f := range found {
		if f.ShadowedBy != "" {
			continue
		}
		names = append(names, f.Found.Name)
		switch {
		case plugin != "" && plugin != f.Found.Name:
		case f.Problem != nil && plugin != "":
			return docs, f.Problem
		case f.Problem == nil:
			docs.Plugins = append(docs.Plugins, docOf(f.Description))
		}
	}
	if plugin != "" && len(docs.Plugins) == 0 {
		return docs, &usageError{fmt.Errorf("there is no plugin %q.%s %s", plugin, diag.DidYouMean(plugin, names), diag.Names("plugins", names))}
	}
	if !one {
		return docs, nil
	}
	return docs, docs.only(typ)
}
