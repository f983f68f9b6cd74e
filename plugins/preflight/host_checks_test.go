package preflight

import (
	"errors"
	"strings"
	"testing"
)

func unit(name, load, active, file string) (line, out string) {
	return "systemctl show --property=LoadState,ActiveState,UnitFileState " + name + ".service",
		"LoadState=" + load + "\nActiveState=" + active + "\nUnitFileState=" + file
}

// asked is a table of checks of a machine that differs from a good one.
type asked map[string]struct {
	check   string
	config  hostConfig
	machine func(*testing.T, *machine)
	want    string
}

func (a asked) run(t *testing.T) {
	t.Helper()
	for name, tt := range a {
		t.Run(name, func(t *testing.T) {
			m := good(t)
			if tt.machine != nil {
				tt.machine(t, m)
			}
			v := m.ask(t, tt.config, tt.check)
			equal(t, "verdict", m.say(v), tt.want)
			for _, f := range v.errors {
				if f.fix == "" && !strings.Contains(name, "strange") {
					t.Errorf("%s: no word on what to do", f.found)
				}
			}
		})
	}
}

func TestKernelChecks(t *testing.T) {
	c := hostConfig{Role: roleInit, FailCgroupV1: true}
	ipvs := hostConfig{Role: roleInit, ProxyMode: "ipvs"}
	v1 := func(_ *testing.T, m *machine) {
		m.verify = func(kubelet string) systemReport {
			if kubelet != "v1.36.3" {
				return systemReport{errors: []string{"asked for kubelet " + kubelet}}
			}
			return systemReport{errors: []string{cgroupV1Text + " and more"}, warnings: []string{"kernel release 4.19 is unsupported"}}
		}
	}
	const v4 = "FileContent--proc-sys-net-bridge-bridge-nf-call-iptables"
	asked{
		"bridge": {v4, c, nil, "ok: /proc/sys/net/bridge/bridge-nf-call-iptables is 1"},
		"bridge off": {v4, c, func(t *testing.T, m *machine) {
			t.Helper()
			m.put(t, "sys/net/bridge/bridge-nf-call-iptables", "0\n")
		}, `warning: /proc/sys/net/bridge/bridge-nf-call-iptables is "0"`},
		"no bridge": {"FileContent--proc-sys-net-bridge-bridge-nf-call-ip6tables", c, nil, "warning: the kernel module br_netfilter is not loaded"},

		"system":    {"SystemVerification", c, nil, "ok: kernel, operating system and cgroups are fit"},
		"cgroup v1": {"SystemVerification", c, v1, "warning: kernel release 4.19 is unsupported; error: this host uses cgroup v1, on which a kubelet of 1.35 or newer does not run"},
		"cgroup v1 wanted": {
			"SystemVerification",
			hostConfig{Role: roleInit},
			v1,
			"warning: kernel release 4.19 is unsupported; warning: this host uses cgroup v1, which Kubernetes will give up",
		},
		"no cgroups": {"SystemVerification", c, func(_ *testing.T, m *machine) {
			m.verify = func(string) systemReport {
				return systemReport{errors: []string{"missing required cgroups: pids"}, missing: []string{"CGROUPS_PIDS: missing"}}
			}
		}, "error: missing required cgroups: pids"},
		"no kubelet yet, strange": {"SystemVerification", c, func(_ *testing.T, m *machine) {
			m.without("kubelet")
			m.verify = func(kubelet string) systemReport { return systemReport{errors: []string{"for " + kubelet}} }
		}, "error: for v1.36.0"},

		"clock":        {"ClockSync", c, nil, "ok: the clock is synchronised"},
		"clock adrift": {"ClockSync", c, func(_ *testing.T, m *machine) { m.clock = func() (bool, error) { return false, nil } }, "warning: the clock is not synchronised"},
		"no clock": {"ClockSync", c, func(_ *testing.T, m *machine) {
			m.clock = func() (bool, error) { return false, errors.New("not permitted") }
		}, "warning: the state of the clock could not be read: not permitted"},

		"ipvs loaded": {"RequiredIPVSKernelModulesAvailable", ipvs, func(t *testing.T, m *machine) {
			t.Helper()
			m.put(t, "modules", "ip_vs 1 2\nip_vs_rr 1 2\nip_vs_wrr 1 2\nip_vs_sh 1 2\nnf_conntrack 1 2\n")
		}, "ok: the modules of ipvs are there"},
		"ipvs missing": {"RequiredIPVSKernelModulesAvailable", ipvs, func(t *testing.T, m *machine) {
			t.Helper()
			m.put(t, "modules", "ip_vs_rr 1 2\nip_vs_wrr 1 2\nip_vs_sh 1 2\n")
			m.says("modprobe --dry-run --quiet ip_vs", "", 0)
			m.says("modprobe --dry-run --quiet nf_conntrack", "", 1)
		}, "error: the kernel has no modules nf_conntrack"},
		"no modprobe, strange": {"RequiredIPVSKernelModulesAvailable", ipvs, nil, "error: not expected"},
	}.run(t)
}

func TestKubernetesChecks(t *testing.T) {
	target := func(v string) hostConfig { return hostConfig{Role: roleInit, KubernetesVersion: v} }
	kubelet := func(said string) func(*testing.T, *machine) {
		return func(_ *testing.T, m *machine) { m.says("kubelet --version", said, 0) }
	}
	kubeletUnit := func(load, active, file string) func(*testing.T, *machine) {
		return func(_ *testing.T, m *machine) {
			line, out := unit("kubelet", load, active, file)
			m.says(line, out, 0)
		}
	}
	openRC := func(status, list string) func(*testing.T, *machine) {
		return func(t *testing.T, m *machine) {
			t.Helper()
			m.run = t.TempDir()
			m.says("rc-service kubelet status", status, 0)
			m.says("rc-update show default", list, 0)
		}
	}
	asked{
		"version":       {"KubernetesVersion", target("v1.36.9"), nil, "ok: v1.36.9"},
		"version below": {"KubernetesVersion", target("1.35.0-rc.1"), nil, "ok: v1.35.0-rc.1"},
		"version new":   {"KubernetesVersion", target("v1.37.0"), nil, "warning: Kubernetes v1.37.0 is newer than this clusterflow knows, which is 1.36"},
		"version old":   {"KubernetesVersion", target("v1.34.8"), nil, "error: Kubernetes v1.34.8 is older than this clusterflow supports, which is 1.35"},

		"kubelet":          {"KubeletVersion", target("v1.36.0"), nil, "ok: v1.36.3"},
		"kubelet newer":    {"KubeletVersion", target("v1.35.1"), nil, "error: the kubelet is v1.36.3, newer than the control plane, which is v1.35.1"},
		"kubelet oldest":   {"KubeletVersion", target("v1.36.0"), kubelet("Kubernetes v1.33.0"), "ok: v1.33.0"},
		"kubelet old":      {"KubeletVersion", target("v1.36.0"), kubelet("Kubernetes v1.32.9"), "error: the kubelet is v1.32.9, older than 1.33"},
		"kubelet alone":    {"KubeletVersion", target(""), kubelet("W0101 noise\nKubernetes v1.40.0"), "ok: v1.40.0"},
		"kubelet silent":   {"KubeletVersion", target(""), kubelet("what?"), `error: read version of kubelet: it said "what?" (exit status 0)`},
		"kubelet, strange": {"KubeletVersion", target(""), kubelet("Kubernetes v2.0.0"), `error: read version of kubelet: "v2.0.0" is not a version such as v1.36.3`},
		"no kubelet": {
			"KubeletVersion", target(""), func(_ *testing.T, m *machine) { m.without("kubelet") },
			"error: find kubelet: executable file not found in $PATH",
		},

		"service":          {"Service-kubelet", target(""), nil, "ok: kubelet is enabled"},
		"service disabled": {"Service-kubelet", target(""), kubeletUnit("loaded", "inactive", "disabled"), "warning: the service kubelet is not enabled, so it will not start with the host"},
		"service masked":   {"Service-kubelet", target(""), kubeletUnit("masked", "inactive", "masked"), "warning: the service kubelet is not enabled, so it will not start with the host"},
		"no service":       {"Service-kubelet", target(""), kubeletUnit("not-found", "inactive", ""), "warning: there is no service kubelet"},
		"no init": {
			"Service-kubelet", target(""), func(t *testing.T, m *machine) { t.Helper(); m.run = t.TempDir(); m.without("openrc") },
			"warning: the service kubelet could not be looked at: this host has neither systemd nor OpenRC",
		},
		"openrc":          {"Service-kubelet", target(""), openRC(" * status: started", " kubelet | default"), "ok: kubelet is enabled"},
		"openrc disabled": {"Service-kubelet", target(""), openRC(" * status: stopped", " sshd | default"), "warning: the service kubelet is not enabled, so it will not start with the host"},
		"openrc none":     {"Service-kubelet", target(""), openRC("rc-service: service `kubelet' does not exist", ""), "warning: there is no service kubelet"},

		"useful":     {"FileExisting-socat", target(""), nil, "ok: /bin/socat"},
		"not useful": {"FileExisting-tc", target(""), func(_ *testing.T, m *machine) { m.without("tc") }, "warning: there is no tc in PATH"},
	}.run(t)
}

func TestFirewalls(t *testing.T) {
	c := hostConfig{Role: roleJoin}
	firewalld := func(m *machine) { line, out := unit("firewalld", "loaded", "active", "enabled"); m.says(line, out, 0) }
	const chains = "table inet %s {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n"
	asked{
		"no firewalld": {"Firewalld", c, nil, "ok: firewalld does not run"},
		"firewalld": {"Firewalld", c, func(_ *testing.T, m *machine) {
			firewalld(m)
			m.says("firewall-cmd --quiet --query-port=10250/tcp", "", 1)
		}, "warning: firewalld runs and may keep out what comes to ports 10250"},
		"firewalld open": {"Firewalld", c, func(_ *testing.T, m *machine) {
			firewalld(m)
			m.says("firewall-cmd --quiet --query-port=10250/tcp", "", 0)
		}, "ok: firewalld runs, and the ports are open"},
		"firewalld mute": {"Firewalld", hostConfig{Role: roleInit, APIPort: 6443, EtcdDataDir: "/e"}, func(_ *testing.T, m *machine) {
			firewalld(m)
			m.without("firewall-cmd")
		}, "warning: firewalld runs and may keep out what comes to ports 2379 2380 6443 10250"},

		"ufw off": {"Ufw", c, nil, "ok: ufw is not active"},
		"no ufw":  {"Ufw", c, func(_ *testing.T, m *machine) { m.without("ufw") }, "ok: ufw is not installed"},
		"ufw":     {"Ufw", c, func(_ *testing.T, m *machine) { m.says("ufw status", "Status: active\n22/tcp ALLOW Anywhere", 0) }, "warning: ufw runs and may keep out what comes to ports 10250"},
		"ufw open": {"Ufw", c, func(_ *testing.T, m *machine) {
			m.says("ufw status", "Status: active\n6443,10250/tcp  ALLOW  Anywhere", 0)
		}, "ok: ufw runs, and the ports are open"},

		"no drops": {"Nftables", c, nil, "ok: no chain drops what comes in"},
		"no nft":   {"Nftables", c, func(_ *testing.T, m *machine) { m.without("nft") }, "ok: nft is not installed"},
		"nft":      {"Nftables", c, func(_ *testing.T, m *machine) { m.says("nft list chains", strings.ReplaceAll(chains, "%s", "f"), 0) }, "warning: nftables (chain inet f input) runs and may keep out what comes to ports 10250"},
		"nft mute": {"Nftables", c, func(_ *testing.T, m *machine) { m.says("nft list chains", "not permitted", 1) }, "ok: nft does not answer: not permitted"},
		"firewalls": {"Nftables", c, func(_ *testing.T, m *machine) {
			m.says("nft list chains", strings.ReplaceAll(chains, "%s", "firewalld"), 0)
		}, "ok: no chain drops what comes in"},
	}.run(t)
}

func FuzzPrograms(f *testing.F) {
	f.Add("Status: active\n6443,10250/tcp  ALLOW  Anywhere")
	f.Add("table inet f {\n\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n")
	f.Add("v1.36.3-rc.1+x")
	f.Fuzz(func(t *testing.T, text string) {
		allowedBy(text)(6443)
		for _, chain := range droppingChains(text) {
			if chain == "" {
				t.Error("a chain without a name")
			}
		}
		if v, err := parseRelease(text); err == nil && (v.minor < 0 || v.text[0] != 'v') {
			t.Errorf("%q: got %+v", text, v)
		}
	})
}
