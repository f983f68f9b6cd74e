package etcd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
)

// stateExisting is the value of initial-cluster-state of a member that joins.
const stateExisting = "existing"

// keepInitial takes the flags that say how the cluster began from the manifest
// that is there, if the member has data: then etcd does not look at them, and
// members that have come or gone since would restart this one for nothing.
func (m *member) keepInitial(manifest string) error {
	if _, err := os.Stat(filepath.Join(m.DataDir, "member")); err != nil {
		return nil // Diff of the directory reports what is wrong with it
	}
	command, err := commandIn(manifest)
	if err != nil {
		return err
	}
	if members, given := component.Value(command, "initial-cluster"); given {
		m.Initial = strings.Split(members, ",")
		m.InitialState, _ = component.Value(command, "initial-cluster-state")
	}
	return nil
}

// names reports that a manifest is that of a member with this data directory.
func names(manifest, dataDir string) bool {
	command, err := commandIn(manifest)
	dir, given := component.Value(command, "data-dir")
	return err == nil && given && filepath.Clean(dir) == filepath.Clean(dataDir)
}

// commandIn reads the command line from a manifest. There is none in one that is
// absent or broken: it is replaced.
func commandIn(manifest string) ([]string, error) {
	text, err := os.ReadFile(manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal(text, &pod); err != nil || len(pod.Spec.Containers) == 0 {
		return nil, nil
	}
	return pod.Spec.Containers[0].Command, nil
}
