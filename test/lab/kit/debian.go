package kit

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

const suite = "bookworm"

// debianRecipe is all that decides what the root file system has; its last
// field is the list of packages. The list is what a Kubernetes host needs, runc,
// and what people look for when they are in a host.
func debianRecipe() []string {
	return []string{"1", runtime.GOARCH, suite, strings.Join([]string{
		"systemd", "systemd-sysv", "dbus", "openssh-server",
		"runc", "iptables", "nftables", "conntrack", "ipset", "ebtables", "ethtool", "socat", "iproute2",
		"mount", "util-linux", "kmod", "procps",
		"ca-certificates", "curl", "iputils-ping",
	}, ",")}
}

// debootstrap makes a root file system in dir.
func debootstrap(ctx context.Context, dir string) error {
	recipe := debianRecipe()
	cmd := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+recipe[len(recipe)-1], suite, dir)
	if out, err := runContained(cmd); err != nil {
		return fmt.Errorf("debootstrap %s: %w\n%s", suite, err, lastLines(out, 20))
	}
	for _, pattern := range []string{"var/cache/apt/archives/*.deb", "var/lib/apt/lists/*_*", "usr/share/doc/*", "usr/share/man/*", "usr/share/locale/*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := os.RemoveAll(file); err != nil {
				return err
			}
		}
	}
	// Empty: each host gets an identity of its own.
	return os.WriteFile(filepath.Join(dir, "etc/machine-id"), nil, 0o444)
}

// runContained runs cmd and answers what it printed. cmd is the first process
// of its own process and mount namespaces: when it dies, also because this
// process was killed, nothing that it started or mounted remains.
func runContained(cmd *exec.Cmd) (output string, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS,
		Pdeathsig:    syscall.SIGKILL,
	}
	runtime.LockOSThread() // Pdeathsig is about the thread that started cmd
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// lastLines returns the last n lines of text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
