package preflight

import (
	"os"
	"strings"
	"testing"
)

func TestPrograms(t *testing.T) {
	tests := map[string]struct {
		make func(t *testing.T, m *machine)
		name string
		want string
	}{
		"in PATH":     {nil, "sh", "ok: /"},
		"not in PATH": {func(_ *testing.T, m *machine) { m.without("no-such-program") }, "no-such-program", "error: there is no no-such-program in PATH"},
		"no file":     {nil, "bin/etcd", "error: there is no WORK/bin/etcd"},
		"version": {func(t *testing.T, m *machine) {
			t.Helper()
			write(t, m.work("bin/etcd"), "#!/bin/sh\n[ $1 = --version ] && echo 'etcd Version: 3.6.0' && echo more\n", 0o755)
		}, "bin/etcd", "ok: WORK/bin/etcd: etcd Version: 3.6.0"},
		"no version": {func(t *testing.T, m *machine) {
			t.Helper()
			write(t, m.work("bin/etcd"), "#!/bin/sh\nexit 2\n", 0o755)
		}, "bin/etcd", "ok: WORK/bin/etcd (it tells no version)"},
		"not executable": {func(t *testing.T, m *machine) {
			t.Helper()
			write(t, m.work("bin/etcd"), "", 0o644)
		}, "bin/etcd", "error: WORK/bin/etcd is not a program: its mode is -rw-r--r--"},
		"directory": {func(t *testing.T, m *machine) {
			t.Helper()
			write(t, m.work("bin/etcd/x"), "", 0o644)
		}, "bin/etcd", "error: WORK/bin/etcd is not a program: its mode is drwxr-xr-x"},
		"of another machine": {func(t *testing.T, m *machine) {
			t.Helper()
			write(t, m.work("bin/etcd"), "\x7fELF", 0o755)
		}, "bin/etcd", "error: start etcd: fork/exec WORK/bin/etcd: exec format error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := good(t)
			if tt.make != nil {
				tt.make(t, m)
			}
			c := hostConfig{Role: roleEmbedded, Binaries: []string{tt.name}}
			got := m.say(m.ask(t, c, named("FileExisting", tt.name)))
			if tt.want == "ok: /" { // wherever it is
				got = got[:min(len(got), len(tt.want))]
			}
			equal(t, "verdict", got, tt.want)
		})
	}
}

func TestDirectory(t *testing.T) {
	m := good(t)
	c := hostConfig{Role: roleEmbedded, Directory: "state/deep", MinimumDiskMB: 1}
	equal(t, "writable", m.say(m.ask(t, c, "DirWritable-state-deep")), "ok: WORK is writable")
	if got := m.say(m.ask(t, c, "DiskSpace-state-deep")); !strings.HasPrefix(got, "ok: WORK has ") {
		t.Errorf("space: got %q", got)
	}
	c.MinimumDiskMB = 1 << 40
	if got := m.say(m.ask(t, c, "DiskSpace-state-deep")); !strings.HasPrefix(got, "error: WORK has ") {
		t.Errorf("no space: got %q", got)
	}
	write(t, m.work("state"), "", 0o600)
	equal(t, "file", m.say(m.ask(t, c, "DirWritable-state-deep")), "error: WORK/state is a file")

	if os.Geteuid() == 0 {
		return // root may write anywhere
	}
	m = good(t)
	if err := os.Chmod(m.workDir, 0o500); err != nil {
		t.Fatal(err)
	}
	if got := m.say(m.ask(t, c, "DirWritable-state-deep")); !strings.Contains(got, "cannot write to WORK") {
		t.Errorf("read-only: got %q", got)
	}
}
