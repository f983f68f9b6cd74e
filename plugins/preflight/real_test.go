package preflight

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestSystemHere runs Kubernetes' validators on the host of the test.
func TestSystemHere(t *testing.T) {
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	hasV2 := strings.Contains(string(mounts), " /sys/fs/cgroup cgroup2 ")
	for version, isError := range map[string]bool{"v1.36.3": true, "v1.34.0": false} {
		r := verifySystem(version)
		v1 := func(text string) bool { return strings.Contains(text, cgroupV1Text) }
		missing := slices.ContainsFunc(r.errors, func(text string) bool { return strings.Contains(text, "missing required cgroups") })
		if got := slices.ContainsFunc(r.errors, v1); got != (isError && !hasV2 && !missing) {
			t.Errorf("kubelet %s: got %+v, want an error for cgroup v1: %v", version, r, isError && !hasV2)
		}
	}
}

func TestUnknownKernel(t *testing.T) {
	for text, want := range map[string]bool{
		`failed to parse kernel config: unable to load kernel module: "configs"`: true,
		"failed to parse kernel config: no config path in [/x] is available":     true,
		"unexpected kernel config: CONFIG_MEMCG":                                 false,
	} {
		if got := unknownKernel(errors.New(text)); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// TestMachineHere asks the real seams, which tests of checks replace.
func TestMachineHere(t *testing.T) {
	m := newMachine(t.TempDir(), nil)
	if _, err := m.clock(); err != nil {
		t.Error(err)
	}
	all, err := m.interfaces()
	if err != nil || !slices.ContainsFunc(all, func(l link) bool { return l.loopback }) {
		t.Errorf("interfaces: got %+v, %v", all, err)
	}
	result, err := m.command(t.Context(), "sh", "-c", "echo out; exit 3")
	if err != nil || result.Code != 3 || result.Stdout != "out" {
		t.Errorf("command: got %+v, %v", result, err)
	}
	for _, k := range m.checks(hostConfig{Role: roleInit, APIPort: 6443, EtcdDataDir: "/var/lib/etcd", KubernetesDir: "/etc/kubernetes"}) {
		if !slices.Contains(k.roles, roleInit) {
			continue
		}
		v := k.run(context.WithoutCancel(t.Context()))
		if len(v.errors)+len(v.warnings) == 0 && v.note == "" {
			t.Errorf("%s says nothing", k.name)
		}
	}
}
