// Package resume lets a run go on after the host has booted anew: it installs a
// systemd unit that runs a command line once the host is up, and removes it.
//
// It boots nothing, and knows nothing of runs: the command line says what to do.
package resume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	unitDir = "/etc/systemd/system"
	// booted exists while systemd runs the host, see sd_booted(3).
	booted = "/run/systemd/system"
	// answerWithin bounds one question to systemd.
	answerWithin = 5 * time.Second
)

// ErrNoSystemd reports a host on which nothing would run the unit.
var ErrNoSystemd = errors.New("this host is not run by systemd, so nothing would go on with the run after the boot")

// Unit is a oneshot unit that runs a command line after the next boot.
type Unit struct {
	// Name is what the unit is for: clusterflow-resume-NAME.service.
	Name string
	// Argv is the command line, with an absolute program. It is stored, so it must hold
	// no secret. Dir is its working directory.
	Argv []string
	Dir  string
	// Env is its environment, besides that of systemd. No secrets either.
	Env []string
	// Unable is why the run could not go on, for a reason of its own. Nil if it can.
	Unable error

	// System is the host; its zero value is this one.
	System System
}

// System is what a unit needs of the host. Tests bring their own.
type System struct {
	UnitDir, Booted string
	// Systemctl runs systemctl.
	Systemctl func(ctx context.Context, args ...string) error
	// State is what systemctl is-system-running prints; empty if it does not answer.
	State func(ctx context.Context) string
}

func (s System) withDefaults() System {
	if s.UnitDir == "" {
		s.UnitDir = unitDir
	}
	if s.Booted == "" {
		s.Booted = booted
	}
	if s.Systemctl == nil {
		s.Systemctl = func(ctx context.Context, args ...string) error {
			out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("run systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
			}
			return nil
		}
	}
	if s.State == nil {
		s.State = func(ctx context.Context) string {
			ctx, cancel := context.WithTimeout(ctx, answerWithin)
			defer cancel()
			out, _ := exec.CommandContext(ctx, "systemctl", "is-system-running").Output() // fails unless all is well
			return strings.TrimSpace(string(out))
		}
	}
	return s
}

func (u Unit) file() string { return "clusterflow-resume-" + u.Name + ".service" }

// Arm installs the unit.
func (u Unit) Arm(ctx context.Context) error {
	s := u.System.withDefaults()
	if u.Unable != nil {
		return fmt.Errorf("go on after a boot: %w", u.Unable)
	}
	if _, err := os.Stat(s.Booted); err != nil {
		return sdk.Hint(fmt.Errorf("go on after a boot: %w", ErrNoSystemd),
			"Boot the host yourself, leave the phase out (--exclude), and apply again after the boot.")
	}
	if err := resource.WriteFile(filepath.Join(s.UnitDir, u.file()), u.text(), 0o644); err != nil {
		return fmt.Errorf("go on after a boot: %w", err)
	}
	for _, args := range [][]string{{"daemon-reload"}, {"enable", u.file()}} {
		if err := s.Systemctl(ctx, args...); err != nil {
			return fmt.Errorf("go on after a boot: %w", errors.Join(err, u.Disarm(ctx)))
		}
	}
	return nil
}

// Disarm removes the unit, if it is there.
func (u Unit) Disarm(ctx context.Context) error {
	s := u.System.withDefaults()
	path := filepath.Join(s.UnitDir, u.file())
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := s.Systemctl(ctx, "disable", u.file())
	err = errors.Join(err, resource.RemoveFile(path), s.Systemctl(ctx, "daemon-reload"))
	if err != nil {
		return sdk.Hint(fmt.Errorf("remove unit %s: %w", u.file(), err),
			"It would run the pipeline at each boot: systemctl disable "+u.file()+"; rm "+path)
	}
	return nil
}

// GoesDown reports that systemd stops the host, or does not answer any more: that is
// so at the very end.
func (u Unit) GoesDown(ctx context.Context) bool {
	state := u.System.withDefaults().State(ctx)
	return !slices.Contains([]string{"initializing", "starting", "running", "degraded", "maintenance"}, state)
}

func (u Unit) text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by clusterflow to go on with a run after a boot; it removes itself when the run has ended.\n")
	fmt.Fprintf(&b, "[Unit]\nDescription=Go on with clusterflow pipeline %s\n", escape(u.Name))
	fmt.Fprintf(&b, "Wants=network-online.target\nAfter=network-online.target\n\n")
	fmt.Fprintf(&b, "[Service]\nType=oneshot\nTimeoutStartSec=infinity\nWorkingDirectory=%s\n", escape(u.Dir))
	for _, e := range u.Env {
		fmt.Fprintf(&b, "Environment=%s\n", quote(e))
	}
	words := make([]string, len(u.Argv))
	for i, a := range u.Argv {
		words[i] = strings.ReplaceAll(quote(a), "$", "$$")
	}
	fmt.Fprintf(&b, "ExecStart=%s\n\n[Install]\nWantedBy=multi-user.target\n", strings.Join(words, " "))
	return []byte(b.String())
}

// escape keeps systemd from replacing anything, see systemd.unit(5).
func escape(text string) string {
	return strings.NewReplacer("%", "%%", "\n", " ").Replace(text)
}

// quote makes one word of text, see systemd.syntax(7).
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "\n", `\n`).Replace(text) + `"`
}
