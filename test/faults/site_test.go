//go:build e2e

package faults

import (
	"cmp"
	"context"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/faults"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest/echo"
	"github.com/clusterflow/clusterflow/sdk/sdktest/rogue"
)

// kills is how many faults of each kind strike: CLUSTERFLOW_FAULTS, or 12, which
// takes about a minute.
func kills(t *testing.T) int {
	t.Helper()
	text := cmp.Or(os.Getenv("CLUSTERFLOW_FAULTS"), "12")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CLUSTERFLOW_FAULTS is %q, want a number", text)
	}
	return n
}

// TestMain lets the test binary play the plugins echo and rogue.
func TestMain(m *testing.M) {
	if os.Getenv(sdk.Handshake().MagicCookieKey) != "" {
		if strings.HasSuffix(os.Args[0], "rogue") {
			rogue.Main()
			return
		}
		sdk.Main(echo.Spec())
	}
	m.Run()
}

// site is a host of its own: a pipeline, its state, and what it makes.
type site struct {
	t      *testing.T
	dir    string // of the pipeline; work is below
	state  string // the base directory
	run    string // of sockets
	local  faults.Local
	binary string
	random *rand.Rand
	took   time.Duration // of an undisturbed run
}

func newSite(t *testing.T, pipeline string) *site {
	t.Helper()
	binary, err := filepath.Abs("../../bin/clusterflow")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("%v; run make build first", err)
	}
	dir := t.TempDir()
	run, err := shortDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plugins := filepath.Join(dir, "plugins")
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	s := &site{
		t: t, dir: dir, state: filepath.Join(dir, "state"), run: run, binary: binary,
		random: rand.New(rand.NewPCG(uint64(seed), 1)),
		local: faults.Local{Dir: dir, Env: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "XDG_RUNTIME_DIR=" + run,
			"CLUSTERFLOW_PLUGIN_PATH=" + plugins,
		}},
	}
	for _, step := range []error{
		os.MkdirAll(plugins, 0o750),
		os.Symlink(self, filepath.Join(plugins, "clusterflow-plugin-echo")),
		os.Symlink(self, filepath.Join(plugins, "clusterflow-plugin-rogue")),
		os.WriteFile(filepath.Join(dir, "site.hcl"), []byte(pipeline), 0o600),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	t.Cleanup(s.noOrphans)
	return s
}

// shortDir makes a directory for sockets, whose paths must be short.
func shortDir() (string, error) { return os.MkdirTemp("/tmp", "cf") }

// argv is an apply of the site's pipeline.
func (s *site) argv(flags ...string) []string {
	return append([]string{s.binary, "apply", "site.hcl", "--state-dir", s.state, "--json"}, flags...)
}

// drive runs a command that a fault may strike.
func (s *site) drive(fault *faults.Fault, argv ...string) faults.Ending {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	ending, err := faults.Drive(ctx, s.local, argv, fault)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, ending.Talk)
	}
	return ending
}

func (s *site) apply(fault *faults.Fault, flags ...string) faults.Ending {
	s.t.Helper()
	return s.drive(fault, s.argv(append(flags, "--auto-approve")...)...)
}

// must is an apply that has to work.
func (s *site) must(flags ...string) faults.Ending {
	s.t.Helper()
	ending := s.apply(nil, flags...)
	if ending.Code != 0 {
		s.t.Fatalf("apply: exit code %d\n%s", ending.Code, ending.Talk)
	}
	return ending
}

// settled demands that a plan finds nothing to do.
func (s *site) settled() {
	s.t.Helper()
	argv := []string{s.binary, "plan", "site.hcl", "--state-dir", s.state, "--detailed-exitcode"}
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	var out, talk strings.Builder
	p, err := s.local.Start(ctx, argv, &out, &talk)
	if err != nil {
		s.t.Fatal(err)
	}
	if code, err := p.Wait(); code != 0 || err != nil {
		s.t.Errorf("second plan: exit code %d, %v\n%s%s", code, err, out.String(), talk.String())
	}
}

// fresh forgets everything.
func (s *site) fresh() {
	s.t.Helper()
	for _, name := range []string{s.state, s.work()} {
		if err := os.RemoveAll(name); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := os.MkdirAll(s.work(), 0o750); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) work() string { return filepath.Join(s.dir, "work") }

// moment is a random point of a run.
func (s *site) moment() time.Duration { return time.Duration(s.random.Int64N(int64(s.took))) }

// clean demands that no temporary file, socket or process is left.
func (s *site) clean() {
	s.t.Helper()
	for _, root := range []string{s.work(), s.state} {
		for _, name := range tree(s.t, root) {
			if strings.Contains(name, ".clusterflow-") || strings.HasPrefix(filepath.Base(name), ".") && name != ".lock" {
				s.t.Errorf("left behind: %s", filepath.Join(root, name))
			}
		}
	}
	for _, name := range tree(s.t, s.run) {
		s.t.Errorf("left behind: %s", filepath.Join(s.run, name))
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		s.t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		if point := strings.Fields(line)[1]; strings.HasPrefix(point, s.dir+"/") && point != s.work() && point != s.state {
			s.t.Errorf("still mounted: %s", point)
		}
	}
	s.noOrphans()
}

// tree lists the files below a directory.
func tree(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(root, path)
			out = append(out, name)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return out
}
