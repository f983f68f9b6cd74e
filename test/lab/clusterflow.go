package lab

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// Variables are those that init.hcl and join.hcl need on a host of a lab: what
// KubeadmConfig says to kubeadm, in clusterflow's words.
const Variables = `pod_subnet              = "` + PodCIDR + `"
ignore_preflight_errors = ["` + KubeadmIgnore + `"]

kubelet_configuration = <<-YAML
  failCgroupV1: false
YAML

kube_proxy_configuration = <<-YAML
  conntrack:
    maxPerCore: 0
YAML
`

// Archive is what make lab-test packs for hosts of the clone at top.
func Archive(top string) string {
	return filepath.Join(top, "dist", "clusterflow-lab-linux-"+runtime.GOARCH+".tar.gz")
}

// InstallClusterflow unpacks the archive below /opt of h, as a person would, and
// links the program into the PATH. It answers the directory of the archive,
// which has the pipelines.
func (h *Host) InstallClusterflow(ctx context.Context) (string, error) {
	archive := Archive(h.lab.opt.Top)
	if _, err := os.Stat(archive); err != nil {
		return "", fmt.Errorf("install clusterflow: %w; make dist VERSION=lab ARCHES=%s", err, runtime.GOARCH)
	}
	if err := h.Unpack(ctx, archive, "/opt"); err != nil {
		return "", err
	}
	dir := path.Join("/opt", strings.TrimSuffix(filepath.Base(archive), ".tar.gz"))
	_, err := h.Run(ctx, "ln", "-sfn", dir+"/bin/clusterflow", "/usr/local/bin/clusterflow")
	return dir, err
}

// Clusterflow runs a command of clusterflow with the variables in the text of a
// file for --var-file, if it has any, and answers what it prints.
func (h *Host) Clusterflow(ctx context.Context, variables string, args ...string) (string, error) {
	const file = "/root/lab.hclvars"
	if variables == "" {
		return h.Run(ctx, append([]string{"clusterflow"}, args...)...)
	}
	if err := h.Put(ctx, file, 0o600, strings.NewReader(variables)); err != nil {
		return "", err
	}
	return h.Run(ctx, append(append([]string{"clusterflow"}, args...), "--var-file", file)...)
}
