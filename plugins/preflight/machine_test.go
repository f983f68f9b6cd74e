package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clusterflow/clusterflow/plugins/internal/command"
)

// good is a machine on which all is well. Its procfs is a directory in which
// tests put files.
func good(t *testing.T) *machine {
	t.Helper()
	m := &machine{
		workDir: t.TempDir(), proc: t.TempDir(), run: t.TempDir(), uid: 0, cpus: 4,
		hostname: func() (string, error) { return "Node-1", nil },
		lookup:   func(context.Context, string) ([]string, error) { return []string{"10.0.0.1"}, nil },
		proxy:    func(*url.URL) (*url.URL, error) { return nil, nil },
		lookPath: func(program string) (string, error) { return "/bin/" + program, nil },
		interfaces: func() ([]link, error) {
			return []link{
				{name: "lo", up: true, loopback: true, addresses: addresses("127.0.0.1", "::1")},
				{name: "eth0", up: true, addresses: addresses("fe80::1", "10.0.0.10", "fd00::10")},
			}, nil
		},
		verify: func(string) systemReport { return systemReport{} },
		clock:  func() (bool, error) { return true, nil },
	}
	m.command = func(context.Context, ...string) (command.Result, error) {
		return command.Result{}, errors.New("not expected")
	}
	write(t, filepath.Join(m.run, "systemd/system/x"), "", 0o600)
	m.says("kubelet --version", "Kubernetes v1.36.3", 0)
	m.says("systemctl show --property=LoadState,ActiveState,UnitFileState kubelet.service", "LoadState=loaded\nActiveState=activating\nUnitFileState=enabled", 0)
	m.says("systemctl show --property=LoadState,ActiveState,UnitFileState firewalld.service", "LoadState=not-found\nActiveState=inactive\nUnitFileState=", 0)
	m.says("ufw status", "Status: inactive", 0)
	m.says("nft list chains", "", 0)
	m.put(t, "sys/net/bridge/bridge-nf-call-iptables", "1\n")
	m.put(t, "net/route", routes4)
	m.put(t, "meminfo", "MemTotal:       24684092 kB\nMemFree:        1 kB\n")
	m.put(t, "swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
	m.put(t, "sys/net/ipv4/ip_forward", "1\n")
	m.put(t, "sys/net/ipv6/conf/default/forwarding", "1\n")
	return m
}

// says makes a program answer.
func (m *machine) says(line, stdout string, code int) {
	before := m.command
	m.command = func(ctx context.Context, argv ...string) (command.Result, error) {
		if strings.Join(argv, " ") == line {
			return command.Result{Stdout: stdout, Code: code, State: fmt.Sprintf("exit status %d", code)}, nil
		}
		return before(ctx, argv...)
	}
}

// without takes programs out of PATH.
func (m *machine) without(programs ...string) {
	m.lookPath = func(program string) (string, error) {
		if slices.Contains(programs, program) {
			return "", exec.ErrNotFound
		}
		return "/bin/" + program, nil
	}
}

func addresses(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
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
