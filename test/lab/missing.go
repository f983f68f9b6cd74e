package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// ErrCannotRun means that this machine or this user cannot have a lab.
var ErrCannotRun = errors.New("this machine cannot run a lab")

// tools are the programs that a lab calls, with Debian's packages of them.
func tools() map[string]string {
	return map[string]string{
		"systemd-nspawn": "systemd-container",
		"debootstrap":    "debootstrap",
		"ip":             "iproute2",
		"nsenter":        "util-linux",
	}
}

// Missing answers why this machine cannot run a lab, as an ErrCannotRun that
// says what to do about it, or nil if it can.
func Missing(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("%w: it is not Linux", ErrCannotRun)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: it makes namespaces and mounts; run as root", ErrCannotRun)
	}
	if err := tryNamespaces(ctx); err != nil {
		return fmt.Errorf("%w: root may not make namespaces here: %w; in a container, run that one with all privileges", ErrCannotRun, err)
	}
	if _, err := readHierarchies(); err != nil {
		return fmt.Errorf("%w: %w", ErrCannotRun, err)
	}
	if packages := missingPackages(); len(packages) > 0 {
		return fmt.Errorf("%w: install %s", ErrCannotRun, strings.Join(packages, " "))
	}
	return nil
}

// tryNamespaces runs a program in the namespaces that need most privileges.
func tryNamespaces(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID}
	return cmd.Run()
}

func missingPackages() []string {
	var packages []string
	for tool, name := range tools() {
		if _, err := exec.LookPath(tool); err != nil {
			packages = append(packages, name)
		}
	}
	if _, err := os.Stat("/usr/share/keyrings/debian-archive-keyring.gpg"); err != nil {
		packages = append(packages, "debian-archive-keyring")
	}
	slices.Sort(packages)
	return packages
}

// Install installs the Debian packages that a lab needs and this machine lacks,
// if it may; otherwise the error says which they are.
func Install(ctx context.Context, log io.Writer) error {
	packages := missingPackages()
	if len(packages) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return Missing(ctx)
	}
	fmt.Fprintf(log, "lab: installing %s\n", strings.Join(packages, " "))
	for _, args := range [][]string{{"update", "-qq"}, append([]string{"install", "-y", "-qq", "--no-install-recommends"}, packages...)} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("install %s: %w\n%s", strings.Join(packages, " "), err, bytes.TrimSpace(out))
		}
	}
	return nil
}
