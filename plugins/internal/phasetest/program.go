package phasetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Program returns the path of a real program of Kubernetes or etcd, for end-to-end
// tests: from the directory CLUSTERFLOW_KUBE_BIN, else from bin/kube of this
// repository. A program that is not there fails the test.
func Program(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("CLUSTERFLOW_KUBE_BIN")
	if dir == "" {
		root, err := moduleRoot()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(root, "bin", "kube")
	}
	path, err := exec.LookPath(filepath.Join(dir, name))
	if err != nil {
		t.Fatalf("%v\nBuild the programs with make kube, or set CLUSTERFLOW_KUBE_BIN to their directory.", err)
	}
	return path
}

// moduleRoot is the nearest directory above that holds a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", os.ErrNotExist
		}
		dir = filepath.Dir(dir)
	}
}
