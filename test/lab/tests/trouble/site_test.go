//go:build lab

package trouble

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

const (
	// variables are those that any cluster in a lab needs.
	variables = `
pod_subnet            = "10.244.0.0/16"
kubelet_configuration = <<-YAML
  failCgroupV1: false
  cgroupDriver: cgroupfs
YAML
kube_proxy_configuration = <<-YAML
  conntrack:
    maxPerCore: 0
YAML
`
	// applyWithin bounds one apply on a machine with much else to do.
	applyWithin = 5 * time.Minute
	// settleWithin is how long components may take to work again after a change.
	settleWithin = time.Minute
	top          = "../../../.."
)

// site is a host with clusterflow on it.
type site struct {
	*lab.Host
	t *testing.T
}

// install unpacks clusterflow on a host, and writes the variables.
func install(t *testing.T, h *lab.Host) site {
	t.Helper()
	s := site{h, t}
	if _, err := h.InstallClusterflow(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.put("/root/lab.hclvars", variables)
	return s
}

func (s site) put(name, content string) {
	s.t.Helper()
	if err := s.Put(s.t.Context(), name, 0o600, strings.NewReader(content)); err != nil {
		s.t.Fatal(err)
	}
}

// shell runs a script that must succeed.
func (s site) shell(script string) string {
	s.t.Helper()
	out, err := s.Shell(s.t.Context(), script)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// program puts a program of the cache of make kube on the host.
func (s site) program(name string) {
	s.t.Helper()
	f, err := os.Open(filepath.Join(top, "bin", "kube", name))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if err := s.Put(s.t.Context(), "/usr/local/bin/"+name, 0o755, f); err != nil {
		s.t.Fatal(err)
	}
}

// clusterflow runs a command, and answers its exit code and all that it printed.
func (s site) clusterflow(args ...string) (out string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), applyWithin)
	defer cancel()
	cmd := s.Command(ctx, append([]string{"clusterflow"}, args...)...)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	begin := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		s.t.Fatalf("clusterflow %s: %v\n%s", strings.Join(args, " "), err, &both)
	}
	s.t.Logf("%s: clusterflow %s: exit code %d after %.1fs", s.Name, strings.Join(args, " "), cmd.ProcessState.ExitCode(), time.Since(begin).Seconds())
	return both.String(), cmd.ProcessState.ExitCode()
}

// apply applies a pipeline with the variables of the lab and more, which win.
func (s site) apply(pipeline, more string) (out string, code int) {
	s.t.Helper()
	if more == "" {
		more = `cluster_name = "kubernetes"` // as by default
	}
	s.put("/root/more.hclvars", more)
	return s.clusterflow(append([]string{"apply", pipeline, "--auto-approve"}, withVariables()...)...)
}

// init makes a cluster, and asks it whether it is ready.
func (s site) init(more string) {
	s.t.Helper()
	if out, code := s.apply("init.hcl", more); code != 0 {
		s.t.Fatalf("init: exit code %d\n%s", code, out)
	}
	s.kubectl("get", "--raw", "/readyz")
}

func (s site) kubectl(args ...string) string {
	s.t.Helper()
	out, err := s.Run(s.t.Context(), append([]string{"kubectl"}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// withVariables are the arguments for the variables of the last apply.
func withVariables() []string {
	return []string{"--var-file", "/root/lab.hclvars", "--var-file", "/root/more.hclvars"}
}

// unchanged demands that a second apply has nothing to do, at the latest when the
// components have settled: those that lose their lease while the API server is
// exchanged end and start again, which a plan shows.
func (s site) unchanged(pipeline string, args ...string) {
	s.t.Helper()
	deadline := time.Now().Add(settleWithin)
	for {
		out, code := s.clusterflow(append([]string{"plan", pipeline}, args...)...)
		if code == 0 && strings.Contains(out, ": 0 to change (") {
			return
		}
		if time.Now().After(deadline) {
			s.t.Errorf("second plan of %s: exit code %d\n%s", pipeline, code, out)
			return
		}
	}
}

// wants demands that out contains all.
func wants(t *testing.T, out string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func wantsNot(t *testing.T, out, unwanted string) {
	t.Helper()
	if strings.Contains(out, unwanted) {
		t.Errorf("%q in:\n%s", unwanted, out)
	}
}
