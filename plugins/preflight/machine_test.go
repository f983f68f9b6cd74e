package preflight

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/http/httpproxy"
)

// good is a machine on which all is well. Its procfs is a directory in which
// tests put files.
func good(t *testing.T) *machine {
	t.Helper()
	m := &machine{
		workDir: t.TempDir(), proc: t.TempDir(), uid: 0, cpus: 4,
		hostname: func() (string, error) { return "Node-1", nil },
		lookup:   func(context.Context, string) ([]string, error) { return []string{"10.0.0.1"}, nil },
		proxy:    func(*url.URL) (*url.URL, error) { return nil, nil },
	}
	m.put(t, "meminfo", "MemTotal:       24684092 kB\nMemFree:        1 kB\n")
	m.put(t, "swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
	m.put(t, "sys/net/ipv4/ip_forward", "1\n")
	m.put(t, "sys/net/ipv6/conf/default/forwarding", "1\n")
	return m
}

func (m *machine) put(t *testing.T, name, content string) {
	t.Helper()
	write(t, filepath.Join(m.proc, name), content, 0o644)
}

func (m *machine) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(m.proc, name)); err != nil {
		t.Fatal(err)
	}
}

// work is a path in the machine's working directory.
func (m *machine) work(name string) string { return filepath.Join(m.workDir, name) }

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// say is a verdict in a line, with the machine's directories by short names.
func (m *machine) say(v verdict) string {
	var parts []string
	for _, f := range v.warnings {
		parts = append(parts, "warning: "+f.found)
	}
	for _, f := range v.errors {
		parts = append(parts, "error: "+f.found)
	}
	if parts == nil {
		parts = []string{"ok: " + v.note}
	}
	return strings.NewReplacer(m.proc, "PROC", m.workDir, "WORK").Replace(strings.Join(parts, "; "))
}

// ask makes one check of a host.
func (m *machine) ask(t *testing.T, c hostConfig, name string) verdict {
	t.Helper()
	for _, k := range m.checks(c) {
		if k.name == name {
			return k.run(t.Context())
		}
	}
	t.Fatalf("there is no check %q", name)
	return verdict{}
}

// proxied sends everything but NO_PROXY through a proxy with a password.
func proxied(noProxy string) func(*testing.T, *machine) {
	return func(_ *testing.T, m *machine) {
		config := httpproxy.Config{HTTPSProxy: "http://me:s3cret@proxy:3128", NoProxy: noProxy}
		m.proxy = config.ProxyFunc()
	}
}

func TestChecks(t *testing.T) {
	defaults := hostConfig{Role: roleInit, MinimumCPU: 2, MinimumMemoryMB: 1700, KubernetesDir: "kube", EtcdDataDir: "etcd"}
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
		}, "warning: swap is on: /dev/sda2, /swapfile"},

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

func TestMemTotal(t *testing.T) {
	tests := map[string]struct {
		text string
		want uint64
		err  string
	}{
		"plain":   {"MemTotal:        1234 kB\n", 1234, ""},
		"later":   {"Foo: 1 kB\nMemTotal: 5 kB", 5, ""},
		"unit":    {"MemTotal: 5 MB\n", 0, `parse meminfo: unit "MB", want kB`},
		"no unit": {"MemTotal: 5\n", 0, `parse meminfo: unit "", want kB`},
		"number":  {"MemTotal: x kB\n", 0, `parse meminfo: MemTotal: strconv.ParseUint: parsing "x": invalid syntax`},
		"empty":   {"", 0, "parse meminfo: it has no MemTotal"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := memTotal(tt.text)
			if got != tt.want || message(err) != tt.err {
				t.Errorf("got %d, %q, want %d, %q", got, message(err), tt.want, tt.err)
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func FuzzProcFiles(f *testing.F) {
	f.Add("MemTotal:        1234 kB\n")
	f.Add("Filename Type\n/dev/sda2 partition 1 0 -2\n")
	f.Add("  sl  local_address\n   0: 00000000:07E8 00000000:0000 0A 0:0 00:0 0  0  0 1120 1 0 100 0 0 10 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = memTotal(text)
		swapDevices(text)
		for _, l := range parseListeners(text) {
			if l.port < 0 || l.port > 65535 {
				t.Errorf("port %d", l.port)
			}
		}
	})
}
