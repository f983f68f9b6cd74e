package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/clusterflow/clusterflow/plugins/core"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/rogue"
)

// TestMain lets the test binary play clusterflow and plugins, in processes of
// their own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"clusterflow":              main,
		"clusterflow-plugin-core":  func() { sdk.Main(recorded(core.Spec())) },
		"clusterflow-plugin-rogue": func() { rogue.Main() },
		"clusterflow-plugin-echo":  playEcho,
	})
}

// TestScript runs the stories in testdata/script. Besides the commands of
// testscript there are
//
//	exits N COMMAND…               run a command and check its exit code
//	signal SIG PATTERN N COMMAND…  the same, but signal it when a line of its output
//	                               matches; the output goes into the file output
//	gone FILE…                     wait until the processes whose ids are in the files are gone
//	there FILE…                    wait until the files are there
//	jsonlines stdout|FILE          check that each line is JSON
//	plugin PATH                    put a plugin there
//	fill FILE NAME=VALUE…          replace @NAME@ in a file; sha256:PATH is the digest of a file
//	flip FILE                      damage a file behind its first line
//	absent TEXT PATH…              check that no file below the paths holds the text
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_GOLDEN") != "",
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "signal": signalCmd, "gone": gone, "there": there, "jsonlines": jsonLines,
			"plugin": pluginCmd, "fill": fill, "flip": flip, "absent": absent,
		},
	})
}

func setup(env *testscript.Env) error {
	run, err := runDir()
	if err != nil {
		return err
	}
	env.Defer(func() { _ = os.RemoveAll(run) })
	bin := filepath.Join(env.WorkDir, ".bin")
	for _, name := range []string{"core", "echo"} {
		if err := link(filepath.Join(bin, "clusterflow-plugin-"+name)); err != nil {
			return err
		}
	}
	env.Setenv("XDG_RUNTIME_DIR", run)
	env.Setenv("HOME", filepath.Join(env.WorkDir, ".home"))
	env.Setenv("CLUSTERFLOW_PLUGIN_PATH", bin)
	env.Setenv("CLUSTERFLOW_STATE_DIR", "state")
	return nil
}

// runDir makes a directory for sockets, whose paths must be short.
func runDir() (string, error) { return os.MkdirTemp("/tmp", "cf") }

func link(path string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.Symlink(self, path)
}
