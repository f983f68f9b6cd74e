package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Kernel parameters that pods need.
const (
	forwardingV4 = "/proc/sys/net/ipv4/ip_forward"
	forwardingV6 = "/proc/sys/net/ipv6/conf/default/forwarding"
	bridgeV4     = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	bridgeV6     = "/proc/sys/net/bridge/bridge-nf-call-ip6tables"
)

// parameter reads a kernel parameter that has to be 1.
func (m machine) parameter(path string) (is1 bool, value string, err error) {
	text, err := os.ReadFile(filepath.Join(m.proc, strings.TrimPrefix(path, "/proc/")))
	if err != nil {
		return false, "", err
	}
	value = strings.TrimSpace(string(text))
	return value == "1", value, nil
}

// setting is how to set a parameter, now and for good.
func setting(path string) string {
	key := strings.ReplaceAll(strings.TrimPrefix(path, "/proc/sys/"), "/", ".")
	return fmt.Sprintf("Now: sysctl -w %s=1. For good: echo '%s = 1' >> /etc/sysctl.d/90-kubernetes.conf", key, key)
}

func (m machine) forwarding(path string) verdict {
	is1, value, err := m.parameter(path)
	switch {
	case err != nil:
		return unreadable(err)
	case !is1:
		return fail(fmt.Sprintf("%s is %q", path, value), "It must be 1, so that packets get from pod to pod. "+setting(path))
	}
	return pass("%s is 1", path)
}

// bridged warns: kubeadm does not check these any more, as it depends on the
// network plugin who sets them.
func (m machine) bridged(path string) verdict {
	const why = "With a network plugin that puts pods on a bridge, services do not work without it. "
	is1, value, err := m.parameter(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return warn("the kernel module br_netfilter is not loaded",
			why+"Now: modprobe br_netfilter. For good: echo br_netfilter > /etc/modules-load.d/kubernetes.conf. Then: "+setting(path))
	case err != nil:
		return unreadable(err)
	case !is1:
		return warn(fmt.Sprintf("%s is %q", path, value), why+setting(path))
	}
	return pass("%s is 1", path)
}

// ipvs looks for the kernel modules of kube-proxy's mode ipvs: loaded, or there to
// be loaded.
func (m machine) ipvs(ctx context.Context) verdict {
	text, err := os.ReadFile(filepath.Join(m.proc, "modules"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unreadable(err)
	}
	loaded := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, " ")
		loaded[name] = true
	}
	var missing []string
	for _, name := range []string{"ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "nf_conntrack"} {
		if loaded[name] {
			continue
		}
		result, err := m.command(ctx, "modprobe", "--dry-run", "--quiet", name)
		if err != nil {
			return unreadable(err)
		}
		if result.Code != 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fail("the kernel has no modules "+strings.Join(missing, ", "),
			"kube-proxy needs them in mode ipvs. Install them (Debian: linux-image, Ubuntu: linux-modules-extra), or take another mode of kube-proxy.")
	}
	return pass("the modules of ipvs are there")
}

// clock warns when nothing keeps the clock right: certificates and leases go by it.
func (m machine) timeSync(context.Context) verdict {
	synchronised, err := m.clock()
	switch {
	case err != nil:
		return warn(fmt.Sprintf("the state of the clock could not be read: %v", err), "See whether it is right: timedatectl")
	case !synchronised:
		return warn("the clock is not synchronised",
			"Certificates that one host makes may not be valid yet on another. Turn it on: timedatectl set-ntp true, or install chrony.")
	}
	return pass("the clock is synchronised")
}
