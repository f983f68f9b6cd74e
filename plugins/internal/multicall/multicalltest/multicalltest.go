// Package multicalltest tests binaries that are made with package multicall.
package multicalltest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/multicall"
	"github.com/clusterflow/clusterflow/sdk"
)

// Run tests the plugins of a binary, from the directory of its main package.
func Run(t *testing.T, plugins []multicall.Plugin) {
	t.Helper()
	t.Run("Specs", func(t *testing.T) { specs(t, plugins) })
	t.Run("Links", func(t *testing.T) { links(t, plugins) })
	t.Run("LinksNothingHeavy", linksNothingHeavy)
	t.Run("DescriptionsAreCommitted", func(t *testing.T) { described(t, plugins) })
}

func specs(t *testing.T, plugins []multicall.Plugin) {
	t.Helper()
	for _, p := range plugins {
		if err := sdk.ValidateSpec(p.Spec()); err != nil {
			t.Errorf("spec of %s: %v", p.Name, err)
		}
		if got := p.Spec().Name; got != p.Name {
			t.Errorf("the plugin that is linked as %s calls itself %s", p.Name, got)
		}
	}
}

// links compares the plugins with the links that make build makes.
func links(t *testing.T, plugins []multicall.Plugin) {
	t.Helper()
	makefile, err := os.ReadFile("../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Base(dir)
	line := regexp.MustCompile(`(?m)^` + program + ` +:= (.*)$`).FindSubmatch(makefile)
	if line == nil {
		t.Fatalf("the Makefile does not say which plugins are in %s", program)
	}
	var want []string
	for _, p := range plugins {
		want = append(want, p.Name)
	}
	if got := strings.Fields(string(line[1])); !slices.Equal(got, want) {
		t.Errorf("the Makefile links %s as %q, want %q", program, got, want)
	}
}

// linksNothingHeavy names who imports a package that takes a good part of a
// millisecond to initialise, used or not. docs/adr/0013 has what to use instead.
func linksNothingHeavy(t *testing.T) {
	heavy := func(pkg string) bool {
		return slices.ContainsFunc([]string{
			"github.com/prometheus/", "k8s.io/component-base/", "k8s.io/kubelet/config/", "k8s.io/kube-proxy/config/",
			"k8s.io/cluster-bootstrap/token/util", "go.etcd.io/etcd/api/v3", "go.etcd.io/etcd/client/v3",
			"k8s.io/cri-api/pkg/apis/runtime/v1",
		}, func(prefix string) bool { return strings.HasPrefix(pkg, prefix) })
	}
	list, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, ".").Output()
	if err != nil {
		t.Fatalf("list what is linked: %v", err)
	}
	for line := range strings.Lines(string(list)) {
		packages := strings.Fields(line)
		for _, pkg := range packages[1:] {
			if heavy(pkg) && !heavy(packages[0]) {
				t.Errorf("%s imports %s, for which every start of a built-in plugin pays: see docs/adr/0013", packages[0], pkg)
			}
		}
	}
}

// descriptions is where the command-line program keeps what the built-in plugins
// say of themselves, for systems on which they do not run.
const descriptions = "../../../cmd/clusterflow/descriptions"

func described(t *testing.T, plugins []multicall.Plugin) {
	t.Helper()
	for _, p := range plugins {
		d, err := sdk.Direct(p.Spec()).Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		data, err := d.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(descriptions, p.Name+".binpb")
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s is stale (%v): run make golden", path, err)
		}
	}
	files, err := filepath.Glob(filepath.Join(descriptions, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".binpb")
		if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
			t.Errorf("%s is of no built-in plugin: remove it", path)
		}
	}
}
