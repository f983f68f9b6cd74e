package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type noStateConfig struct {
	Dir   string   `cf:"dir" default:"\"/var/lib/kubelet\"" doc:"Directory of the kubelet."`
	Files []string `cf:"files" doc:"Paths of further files and directories that shall go with it, such as /etc/kubernetes/bootstrap-kubelet.conf."`
}

func noStateType() sdk.Type {
	return resource.Phase[noStateConfig, struct{}]{
		Name: "no_state",
		Doc: "A kubelet that was stopped has left nothing behind: its pods' files, its certificates, its records of CPUs, memory and devices. " +
			"Its configuration is kubelet.config's, and what is no kubelet's, such as credentials for registries or seccomp profiles, stays with a warning. " +
			"Nothing is deleted in which something is mounted. Nothing can be undone.",
		Example: "phase \"kubelet.no_state\" \"state\" {\n  files = [\"/etc/kubernetes/bootstrap-kubelet.conf\"]\n}",
		Access:  []sdk.Access{{Kind: sdk.AccessPath, What: "config.dir, config.files", Write: true}},
		Validate: func(c noStateConfig) error {
			for _, path := range c.Files {
				if !filepath.IsAbs(path) {
					return attrError("files", "%q is not an absolute path", path)
				}
			}
			return nil
		},
		Build: func(ctx context.Context, in resource.Input[noStateConfig]) (resource.Work[struct{}], error) {
			things, err := stateIn(ctx, hostpath.Abs(in.WorkDir, in.Config.Dir), in.Config.Files)
			return resource.Work[struct{}]{Resources: sweep.Resources(things)}, err
		},
	}.Type()
}

// made reports what a kubelet makes in its directory, in this version or another.
func made(name string) bool {
	return slices.Contains([]string{
		"pods", "plugins", "plugins_registry", "plugin-containers", "containers", "device-plugins", "pod-resources", "pods-api",
		"checkpoints", "image_manager", "pki", "memory_manager_state", "graceful_node_shutdown_state", "podcertificates",
		"usernamespaces", "userns",
	}, name) || strings.HasSuffix(name, "_state") || strings.HasPrefix(name, "dynamic-resources") || unfinished(name)
}

// unfinished reports a file that a kubelet was about to write when it was ended: a
// dot and digits.
func unfinished(name string) bool {
	digits, dotted := strings.CutPrefix(name, ".")
	return dotted && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// configured reports the files of kubelet.config, finished or not, which undoes them
// itself.
func configured(name string) bool {
	return slices.Contains([]string{"config.yaml", "instance-config.yaml", "kubeadm-flags.env"}, name) || strings.Contains(name, ".clusterflow-")
}

func stateIn(ctx context.Context, dir string, files []string) ([]sweep.Thing, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read state of the kubelet: %w", err)
	}
	var out []sweep.Thing
	var others []string
	for _, e := range entries {
		switch name := e.Name(); {
		case made(name):
			out = append(out, gone(filepath.Join(dir, name)))
		case !configured(name):
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		resource.Warn(ctx, fmt.Sprintf("left in %s: %s, which no kubelet made", dir, strings.Join(others, ", ")),
			"Delete them yourself if nobody needs them.")
	}
	for _, path := range files {
		if _, err := os.Lstat(path); err == nil {
			out = append(out, gone(path))
		}
	}
	return out, nil
}

// gone is the thing at a path, with all that is in it.
func gone(path string) sweep.Thing {
	kind := "file"
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		kind = "directory"
	}
	return sweep.Thing{Kind: kind, Target: path, Remove: func(context.Context) error { return removeTree(path) }}
}

// removeTree deletes path unless something is mounted at it or in it: that may be
// a volume, and what is on it somebody's data.
func removeTree(path string) error {
	points, err := mountPoints(filepath.Dir(path))
	if err != nil {
		return err
	}
	for _, p := range points {
		if p.Path == path || strings.HasPrefix(p.Path, path+"/") {
			return sdk.Hint(fmt.Errorf("something is mounted at %s", p.Path),
				fmt.Sprintf("See what it is: findmnt %s. Then: umount %s, and repeat.", p.Path, p.Path))
		}
	}
	return os.RemoveAll(path)
}
