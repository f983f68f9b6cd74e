package kubelet

import (
	"regexp"
	"strings"
)

// cause is a well-known reason for which a kubelet does not work.
type cause struct {
	signs  []string // parts of the log lines that prove it; all in one line
	what   string
	advice string
	// passing says that it may go away by itself, as while a runtime starts.
	passing bool
}

// causes are in the order in which they count: the first that a log shows is it.
// The signs are those of kubelet 1.36.
func causes() []cause { return append(hostCauses(), fileCauses()...) }

// hostCauses are in what the host has and runs.
func hostCauses() []cause {
	return []cause{
		{
			signs: []string{"unknown service runtime.v1.RuntimeService"},
			what:  "the container runtime does not serve CRI v1",
			advice: "With containerd, take \"cri\" out of disabled_plugins in /etc/containerd/config.toml and restart it: systemctl restart containerd. " +
				"Versions before 1.6 are too old.",
		},
		{
			signs: []string{"validate CRI v1"}, passing: true,
			what:   "the container runtime does not answer",
			advice: "Start it (systemctl status containerd), or set cri_socket of kubelet.config to its socket.",
		},
		{
			signs:  []string{"running with swap on is not supported"},
			what:   "swap is on",
			advice: "Turn it off (swapoff -a, and remove it from /etc/fstab), or allow it: failSwapOn = false in the configuration of kubelet.config.",
		},
		{
			signs:  []string{"configured to not run on a host using cgroup v1"},
			what:   "this host uses cgroup v1, which Kubernetes is giving up",
			advice: "Boot with cgroup v2 (kernel argument systemd.unified_cgroup_hierarchy=1), or allow it for now: failCgroupV1 = false in the configuration of kubelet.config.",
		},
		{
			signs:  []string{"expected cgroupsPath to be of format"},
			what:   "kubelet and container runtime use different cgroup drivers",
			advice: "Set both to systemd (SystemdCgroup = true in containerd's config.toml), or both to cgroupfs (cgroupDriver in the configuration of kubelet.config).",
		},
		{
			signs:  []string{"bind: address already in use"},
			what:   "another program has a port of the kubelet",
			advice: "Stop it: ss -ltnp shows who listens. It may be another kubelet (k3s, microk8s, a container).",
		},
		{
			signs:  []string{"/dev/kmsg"},
			what:   "it cannot read the kernel's log",
			advice: "In a container, give it /dev/kmsg; or set the feature gate KubeletInUserNamespace in the configuration of kubelet.config.",
		},
	}
}

// fileCauses are in the files and flags that the kubelet is given.
func fileCauses() []cause {
	return []cause{
		{
			signs:  []string{"failed to load kubelet config file", "no such file or directory"},
			what:   "its configuration is not where its unit looks for it",
			advice: "The unit names a file with --config that does not exist: write it there (dir of kubelet.config), or correct the unit: systemctl cat kubelet.",
		},
		{
			signs:  []string{"failed to load kubelet config file"},
			what:   "it cannot read its configuration",
			advice: "Correct the field that the log names, in configuration or patches of kubelet.config. It may be newer than this kubelet.",
		},
		{
			signs:  []string{"failed to validate kubelet configuration"},
			what:   "it refuses its configuration",
			advice: "Correct the field that the log names, in configuration or patches of kubelet.config.",
		},
		{
			signs:  []string{"failed to parse kubelet flag"},
			what:   "it does not know one of its flags",
			advice: "Look at extra_args of kubelet.config, and at /etc/default/kubelet or /etc/sysconfig/kubelet. Flags are removed from one version to the next.",
		},
		{
			signs:  []string{"unable to load client CA file"},
			what:   "it cannot read the cluster's CA",
			advice: "The phase that writes ca.crt must come before this one, and cert_dir of kubelet.config must name its directory.",
		},
		{
			signs:  []string{"unable to load bootstrap kubeconfig", "no such file or directory"},
			what:   "it has neither a kubeconfig with a valid client certificate nor one to bootstrap with",
			advice: "The client certificate in kubelet.conf is missing or has ended: make the file anew (pki.kubeconfig), or join the node again (kubelet.bootstrap).",
		},
	}
}

// failing are the lines of a log that tell of errors: klog's severities E and F,
// and what the command line says itself.
var failing = regexp.MustCompile(`^(E|F)\d{4} |^Error: |err="|^panic: `)

// recognize finds a well-known cause in the lines of a log.
func recognize(lines []string) (cause, bool) {
	for _, c := range causes() {
		for _, line := range lines {
			if failing.MatchString(line) && containsAll(line, c.signs) {
				return c, true
			}
		}
	}
	return cause{}, false
}

func containsAll(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}
