package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/engine/config"
	"github.com/clusterflow/clusterflow/engine/lock"
)

func newPluginsLockCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "lock PIPELINE",
		Short: "Pin the plugins of a pipeline to the files that are there now",
		Long: "Writes " + config.LockFile + " beside a pipeline: the SHA-256 of each of its plugins that does not come\n" +
			"with clusterflow. From then on no other file is run for them, until they are locked again. The file\n" +
			"belongs into version control.\n\n" +
			"Plugins are taken as they are: make sure before that they are the ones that you want.",
		Args: onePipeline,
		RunE: func(cmd *cobra.Command, args []string) error { return a.lockPlugins(cmd.Context(), args[0]) },
	}
}

func (a *app) lockPlugins(ctx context.Context, name string) (err error) {
	from, err := a.source(name)
	if err != nil {
		return err
	}
	if _, ok := from.files.(config.OS); !ok {
		return &usageError{errors.New("a built-in pipeline uses the plugins that come with clusterflow: there is nothing to lock. " +
			"Copy it first: clusterflow pipelines copy")}
	}
	e, err := a.engine()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(context.WithoutCancel(ctx))) }()
	dirs := pluginDirs()
	entries, files, diags := e.Lock(ctx, from.path, dirs[len(dirs)-1])
	if diags.HasErrors() {
		return &sourceError{diags: diags, files: files, code: exitInvalid}
	}
	path := lock.Beside(from.path)
	before, _ := lock.Read(path) // a broken one is replaced
	if err := lock.Write(path, entries); err != nil {
		return err
	}
	for _, entry := range entries {
		fmt.Fprintln(a.out, lockLine(before, entry))
	}
	for _, gone := range before.Entries {
		if _, ok := (lock.File{Entries: entries}).Entry(gone.Name); !ok {
			fmt.Fprintf(a.out, "%s  forgotten\n", gone.Name)
		}
	}
	if len(entries) == 0 {
		fmt.Fprintf(a.err, "%s uses only plugins that come with clusterflow: there is nothing to lock.\n", filepath.Base(from.path))
	}
	return nil
}

// lockLine says what a plugin is pinned to, and how that differs from before.
func lockLine(before lock.File, entry lock.Entry) string {
	line := fmt.Sprintf("%s %s  %s", entry.Name, entry.Version, entry.SHA256)
	switch old, ok := before.Entry(entry.Name); {
	case !ok:
		return line + "  new"
	case old.SHA256 != entry.SHA256:
		return line + "  changed, was " + old.Version + " " + old.SHA256
	default:
		return line + "  as before"
	}
}
