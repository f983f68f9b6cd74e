package preflight

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"

	"github.com/clusterflow/clusterflow/sdk"
)

// Kubernetes of one minor release below and three for kubelets is what kubeadm of
// a release supports; these pipelines write what kubeadm 1.36 does.
const (
	supportedMinor     = 36
	oldestControlPlane = supportedMinor - 1
	oldestKubelet      = supportedMinor - 3
)

// release is a version of Kubernetes 1.
type release struct {
	text  string // "v1.36.3"
	minor int
}

var releaseRule = regexp.MustCompile(`^v?1\.(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})([-+][-+.0-9A-Za-z]+)?$`)

// parseRelease reads "v1.36.3", with or without the v and a suffix.
func parseRelease(text string) (release, error) {
	groups := releaseRule.FindStringSubmatch(text)
	if groups == nil {
		return release{}, fmt.Errorf("%q is not a version such as v1.36.3", text)
	}
	minor, err := strconv.Atoi(groups[1])
	if text[0] != 'v' {
		text = "v" + text
	}
	return release{text, minor}, err
}

var saidVersion = regexp.MustCompile(`(?m)^Kubernetes (v\S+)\s*$`)

// kubeletVersion asks the kubelet in PATH, unless it has said already.
func (m machine) kubeletVersion(ctx context.Context) (release, error) {
	path, err := m.lookPath("kubelet")
	if err != nil {
		return release{}, sdk.Hint(fmt.Errorf("find kubelet: %w", exec.ErrNotFound), "Install the package kubelet, of the version of the control plane.")
	}
	return m.said.version(path, func() (release, error) { return m.askKubelet(ctx) })
}

func (m machine) askKubelet(ctx context.Context) (release, error) {
	result, err := m.command(ctx, "kubelet", "--version")
	if err != nil {
		return release{}, fmt.Errorf("read version of kubelet: %w", err)
	}
	groups := saidVersion.FindStringSubmatch(result.Stdout)
	if groups == nil {
		return release{}, sdk.Hint(fmt.Errorf("read version of kubelet: it said %q (%s)", result.LastLines(1), result.State),
			"See what it says: kubelet --version")
	}
	v, err := parseRelease(groups[1])
	if err != nil {
		return release{}, fmt.Errorf("read version of kubelet: %w", err)
	}
	return v, nil
}

// checkKubernetesVersion compares the version that is to be installed with those
// that these pipelines are made for.
func checkKubernetesVersion(version string) verdict {
	v, err := parseRelease(version)
	switch {
	case err != nil:
		return unreadable(err)
	case v.minor > supportedMinor:
		return warn(fmt.Sprintf("Kubernetes %s is newer than this clusterflow knows, which is 1.%d", v.text, supportedMinor),
			"Take a newer clusterflow: flags and files may have changed since.")
	case v.minor < oldestControlPlane:
		return fail(fmt.Sprintf("Kubernetes %s is older than this clusterflow supports, which is 1.%d", v.text, oldestControlPlane),
			fmt.Sprintf("Set kubernetes_version to 1.%d or 1.%d, or take an older clusterflow.", oldestControlPlane, supportedMinor))
	}
	return pass("%s", v.text)
}

// checkKubelet compares the kubelet with the control plane that it will talk to:
// it may be up to three minor releases older, never newer.
func (m machine) checkKubelet(ctx context.Context, target string) verdict {
	kubelet, err := m.kubeletVersion(ctx)
	if err != nil {
		return unreadable(err)
	}
	newest, oldest := supportedMinor, oldestKubelet
	if v, err := parseRelease(target); err == nil {
		newest, oldest = v.minor, max(oldest, v.minor-(supportedMinor-oldestKubelet))
	}
	install := fmt.Sprintf("Install kubelet 1.%d, such as: apt-get install kubelet='1.%d.*'", newest, newest)
	switch {
	case kubelet.minor > newest && target != "":
		return fail(fmt.Sprintf("the kubelet is %s, newer than the control plane, which is %s", kubelet.text, target), install)
	case kubelet.minor < oldest:
		return fail(fmt.Sprintf("the kubelet is %s, older than 1.%d", kubelet.text, oldest), install)
	}
	return pass("%s", kubelet.text)
}

func checkVersionAttr(version string) error {
	if version == "" {
		return nil
	}
	if _, err := parseRelease(version); err != nil {
		return attrError("kubernetes_version", err)
	}
	return nil
}
