package preflight

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"
)

// proxied sends everything but NO_PROXY through a proxy with a password.
func proxied(noProxy string) func(*testing.T, *machine) {
	return func(_ *testing.T, m *machine) {
		config := httpproxy.Config{HTTPSProxy: "http://me:s3cret@proxy:3128", NoProxy: noProxy}
		m.proxy = config.ProxyFunc()
	}
}

func TestChecks(t *testing.T) {
	defaults := hostConfig{Role: roleInit, APIPort: 6443, FailSwapOn: true, FailCgroupV1: true, MinimumCPU: 2, MinimumMemoryMB: 1700, KubernetesDir: "kube", EtcdDataDir: "etcd"}
	with := func(change func(*hostConfig)) hostConfig { c := defaults; change(&c); return c }
	noSuchHost := errors.New("no such host")
	tests := map[string]struct {
		check   string
		config  hostConfig
		machine func(*testing.T, *machine)
		want    string
	}{
		"root":     {"IsPrivilegedUser", defaults, nil, "ok: running as root"},
		"not root": {"IsPrivilegedUser", defaults, func(_ *testing.T, m *machine) { m.uid = 1000 }, "error: running as user 1000"},

		"cpus":     {"NumCPU", defaults, nil, "ok: 4 CPUs"},
		"few cpus": {"NumCPU", with(func(c *hostConfig) { c.MinimumCPU = 5 }), nil, "error: there are 4 CPUs"},

		"memory":         {"Mem", with(func(c *hostConfig) { c.MinimumMemoryMB = 24105 }), nil, "ok: 24105 MiB"},
		"little memory":  {"Mem", with(func(c *hostConfig) { c.MinimumMemoryMB = 24106 }), nil, "error: there are 24105 MiB of memory"},
		"strange memory": {"Mem", defaults, func(t *testing.T, m *machine) { t.Helper(); m.put(t, "meminfo", "x") }, "error: read memory size: parse meminfo: it has no MemTotal"},
		"no meminfo":     {"Mem", defaults, func(t *testing.T, m *machine) { t.Helper(); m.remove(t, "meminfo") }, "error: read memory size: open PROC/meminfo: no such file or directory"},

		"no swap":  {"Swap", defaults, nil, "ok: off"},
		"swapless": {"Swap", defaults, func(t *testing.T, m *machine) { t.Helper(); m.remove(t, "swaps") }, "ok: the kernel knows no swap"},
		"swap": {"Swap", defaults, func(t *testing.T, m *machine) {
			t.Helper()
			m.put(t, "swaps", "Filename\n/dev/sda2  partition 1 0 -2\n/swapfile file 1 0 -3\n")
		}, "error: swap is on: /dev/sda2, /swapfile"},
		"swap allowed": {"Swap", with(func(c *hostConfig) { c.FailSwapOn = false }), func(t *testing.T, m *machine) {
			t.Helper()
			m.put(t, "swaps", "Filename\n/swapfile file 1 0 -3\n")
		}, "ok: swap is on, as the kubelet may have it: /swapfile"},

		"forwarding": {"FileContent--proc-sys-net-ipv4-ip_forward", defaults, nil, "ok: /proc/sys/net/ipv4/ip_forward is 1"},
		"no forwarding": {"FileContent--proc-sys-net-ipv6-conf-default-forwarding", defaults, func(t *testing.T, m *machine) {
			t.Helper()
			m.put(t, "sys/net/ipv6/conf/default/forwarding", "0\n")
		}, `error: /proc/sys/net/ipv6/conf/default/forwarding is "0"`},
		"no ipv4": {"FileContent--proc-sys-net-ipv4-ip_forward", defaults, func(t *testing.T, m *machine) {
			t.Helper()
			m.remove(t, "sys/net/ipv4/ip_forward")
		}, "error: open PROC/sys/net/ipv4/ip_forward: no such file or directory"},

		"host name": {"Hostname", defaults, nil, "ok: node-1 is 10.0.0.1"},
		"node name": {"Hostname", with(func(c *hostConfig) { c.NodeName = "a.b-c" }), nil, "ok: a.b-c is 10.0.0.1"},
		"bad name":  {"Hostname", with(func(c *hostConfig) { c.NodeName = "a_b" }), nil, `warning: the node name "a_b" is not valid`},
		"long name": {"Hostname", with(func(c *hostConfig) { c.NodeName = strings.Repeat("a", 64) }), nil, `warning: the node name "` + strings.Repeat("a", 64) + `" is not valid`},
		"no address": {"Hostname", defaults, func(_ *testing.T, m *machine) {
			m.lookup = func(context.Context, string) ([]string, error) { return nil, noSuchHost }
		}, `warning: the node name "node-1" has no address: no such host`},
		"nameless": {"Hostname", defaults, func(_ *testing.T, m *machine) {
			m.hostname = func() (string, error) { return "", noSuchHost }
		}, "error: no such host"},

		"no proxy":      {"HTTPProxy", with(func(c *hostConfig) { c.APIServer = "10.0.0.1:6443" }), nil, "ok: 10.0.0.1:6443 is reached directly"},
		"proxy":         {"HTTPProxy", with(func(c *hostConfig) { c.APIServer = "10.0.0.1:6443" }), proxied(""), "warning: 10.0.0.1:6443 would be reached through the proxy http://me:xxxxx@proxy:3128"},
		"proxy ipv6":    {"HTTPProxy", with(func(c *hostConfig) { c.APIServer = "fd00::1" }), proxied("fd00::1"), "ok: [fd00::1] is reached directly"},
		"proxy to whom": {"HTTPProxy", defaults, nil, "error: api_server is not set"},
		"ranges":        {"HTTPProxyCIDR", with(func(c *hostConfig) { c.PodSubnets = []string{"10.244.0.0/16", "fd00::/64"} }), nil, "ok: 2 address ranges are reached directly"},
		"proxy for range": {"HTTPProxyCIDR", with(func(c *hostConfig) {
			c.PodSubnets, c.ServiceSubnets = []string{"10.244.0.0/16"}, []string{"10.96.0.0/12"}
		}), proxied("10.96.0.0/12"), "warning: 10.244.0.0/16 would be reached through the proxy http://me:xxxxx@proxy:3128"},

		"no manifest": {"FileAvailable-kube-manifests-etcd.yaml", defaults, nil, "ok: kube/manifests/etcd.yaml is absent"},
		"manifest": {"FileAvailable-kube-manifests-etcd.yaml", defaults, func(t *testing.T, m *machine) {
			t.Helper()
			write(t, m.work("kube/manifests/etcd.yaml"), "", 0o600)
		}, "error: kube/manifests/etcd.yaml exists"},
		"no data": {"DirAvailable-etcd", defaults, nil, "ok: etcd is absent"},
		"empty data": {"DirAvailable-etcd", defaults, func(t *testing.T, m *machine) {
			t.Helper()
			write(t, m.work("etcd/x"), "", 0o600)
			_ = os.Remove(m.work("etcd/x"))
		}, "ok: etcd is empty"},
		"mount":     {"DirAvailable-etcd", defaults, func(t *testing.T, m *machine) { t.Helper(); write(t, m.work("etcd/lost+found/x"), "", 0o600) }, "ok: etcd is empty"},
		"data":      {"DirAvailable-etcd", defaults, func(t *testing.T, m *machine) { t.Helper(); write(t, m.work("etcd/member"), "", 0o600) }, "error: etcd is not empty: it holds member"},
		"data file": {"DirAvailable-etcd", defaults, func(t *testing.T, m *machine) { t.Helper(); write(t, m.work("etcd"), "", 0o600) }, "error: open WORK/etcd: not a directory"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := good(t)
			if tt.machine != nil {
				tt.machine(t, m)
			}
			v := m.ask(t, tt.config, tt.check)
			equal(t, "verdict", m.say(v), tt.want)
			for _, f := range append(v.errors, v.warnings...) {
				if strings.Contains(f.found+f.fix, "s3cret") {
					t.Errorf("a password is shown: %+v", f)
				}
			}
		})
	}
}
