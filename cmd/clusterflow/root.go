package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/clusterflow/clusterflow/engine"
	"github.com/clusterflow/clusterflow/engine/diag"
	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/pipelines"
)

// app is what all commands share: where they read and write, and the flags that
// all of them have.
type app struct {
	streams
	signals  *signals
	stateDir string
	noColor  bool
	verbose  bool
	level    levelFlag
	started  bool                 // the command line is understood
	warm     bool                 // the command plans: it will need the plugins of its pipeline
	system   string               // where this runs, if not on runtime.GOOS
	shown    atomic.Pointer[view] // the view of the run, for what plugins print
}

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "clusterflow",
		Short: "Bootstrap Kubernetes hosts from a DAG of plugin phases",
		Long: "clusterflow reads a pipeline written in HCL, resolves its phases into a DAG and runs each one\n" +
			"in a plugin process: what does not depend on each other runs at once, what was done is\n" +
			"remembered, so that apply goes on after a failure and undo takes everything back.",
		SilenceErrors: true, SilenceUsage: true,
		Version:          version,
		PersistentPreRun: func(*cobra.Command, []string) { a.started = true },
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.StringVar(&a.stateDir, "state-dir", "", "keep what is known of pipelines under `DIR` (default: CLUSTERFLOW_STATE_DIR,\n"+
		"else /var/lib/clusterflow for root, .clusterflow for others)")
	flags.BoolVar(&a.noColor, "no-color", os.Getenv("NO_COLOR") != "", "no colours (also with NO_COLOR set)")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "show all log lines of phases")
	flags.Var(&a.level, "log-level", "show log lines of phases from this `LEVEL` on: trace, debug, info, warn or error\n"+
		"(default: warn, with --verbose trace)")
	root.AddCommand(
		newApplyCmd(a), newPlanCmd(a), newValidateCmd(a), newGraphCmd(a), newUndoCmd(a), newOutputCmd(a), newVersionCmd(a),
		newPipelinesCmd(a), newPluginsCmd(a), newFmtCmd(a), newShowCmd(a), newExplainCmd(a), newRunsCmd(a), newAttachCmd(a), newTestCmd(a),
		newImportCmd(a),
	)
	root.SetArgs(spelled(os.Args[1:]))
	a.complete(root)
	return root
}

// flagError adds which flag was meant to the error of an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return err
	}
	var known []string
	add := func(f *pflag.Flag) { known = append(known, f.Name) }
	cmd.Flags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	meant := ""
	if s := diag.Suggest(missing.GetSpecifiedName(), known); s != "" {
		meant = fmt.Sprintf(" Did you mean --%s?", s)
	}
	return fmt.Errorf("%w.%s All flags: %s --help", err, meant, cmd.CommandPath())
}

// defaultStateDir is /var/lib/clusterflow for root, who owns the host, and
// .clusterflow in the working directory for everybody else.
func defaultStateDir() string {
	if dir := os.Getenv("CLUSTERFLOW_STATE_DIR"); dir != "" {
		return dir
	}
	if os.Geteuid() == 0 {
		return "/var/lib/clusterflow"
	}
	return ".clusterflow"
}

// stateDirFlag is what a command needs to find the same state as this one.
func (a *app) stateDirFlag() string {
	if a.stateDir == "" {
		return ""
	}
	return " --state-dir " + a.stateDir
}

func (a *app) engine() (*engine.Engine, error) {
	known, err := shipped(cmp.Or(a.system, runtime.GOOS))
	if err != nil {
		return nil, err
	}
	e, err := engine.New(engine.Options{
		Version: version, StateDir: cmp.Or(a.stateDir, defaultStateDir()), BuiltIn: pipelines.Files(),
		Warm: a.warm, Ask: a.asker(),
		Warn: func(text string) { fmt.Fprintf(a.err, "Warning: %s\n", text) },
		Plugins: pluginhost.Options{
			Dirs: pluginDirs(), CacheDir: cacheDir(), Log: a.pluginLine, Shipped: known,
		},
	})
	if err == nil && a.signals != nil {
		a.signals.onLast(e.Kill)
	}
	return e, err
}

// pluginDirs is the search path for plugins: CLUSTERFLOW_PLUGIN_PATH, so that a
// user can replace any plugin, the user's plugin directory, and the directory of
// the program itself with the built-in ones.
func pluginDirs() []string {
	var dirs []string
	for _, dir := range filepath.SplitList(os.Getenv("CLUSTERFLOW_PLUGIN_PATH")) {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	if data := userDir("XDG_DATA_HOME", ".local/share"); data != "" {
		dirs = append(dirs, filepath.Join(data, "clusterflow", "plugins"))
	}
	if self, err := os.Executable(); err == nil {
		if target, err := filepath.EvalSymlinks(self); err == nil {
			self = target
		}
		dirs = append(dirs, filepath.Dir(self))
	}
	return dirs
}

func cacheDir() string {
	if cache := userDir("XDG_CACHE_HOME", ".cache"); cache != "" {
		return filepath.Join(cache, "clusterflow", "plugins")
	}
	return ""
}

func userDir(variable, fallback string) string {
	if dir := os.Getenv(variable); filepath.IsAbs(dir) {
		return dir
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.IsAbs(home) {
		return filepath.Join(home, fallback)
	}
	return ""
}

// pluginLine shows what a plugin printed outside of a phase.
func (a *app) pluginLine(line pluginhost.Line) {
	if a.verbose || line.Level == "warn" || line.Level == "error" {
		text := "plugin " + line.Plugin + ": " + strings.TrimSpace(line.Message) + "\n"
		if v := a.shown.Load(); v == nil || v.Background == nil || !v.Print(text) {
			_, _ = a.err.Write([]byte(text))
		}
	}
}

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write([]byte("clusterflow " + version + " " + runtime.Version() + " " +
				runtime.GOOS + "/" + runtime.GOARCH + "\n"))
			return err
		},
	}
}
