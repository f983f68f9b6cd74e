package preflight

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Init systems.
const (
	initSystemd = "systemd"
	initOpenRC  = "openrc"
)

// initSystem is what starts services here, "" if it is none that is known. A
// systemctl without a systemd that runs, as containers have, is none.
func (m machine) initSystem() string {
	if info, err := os.Stat(filepath.Join(m.run, "systemd", "system")); err == nil && info.IsDir() {
		return initSystemd
	}
	if _, err := m.lookPath("openrc"); err == nil {
		return initOpenRC
	}
	return ""
}

// service is what the init system says of a service.
type service struct {
	known, active, enabled bool
	enable                 string // the command that enables and starts it
}

func (m machine) service(ctx context.Context, name string) (service, error) {
	switch m.initSystem() {
	case initSystemd:
		return m.systemdService(ctx, name)
	case initOpenRC:
		return m.openRCService(ctx, name)
	}
	return service{}, errNoInit
}

var errNoInit = errors.New("this host has neither systemd nor OpenRC")

func (m machine) systemdService(ctx context.Context, name string) (service, error) {
	s := service{enable: "systemctl enable --now " + name}
	result, err := m.command(ctx, "systemctl", "show", "--property=LoadState,ActiveState,UnitFileState", name+".service")
	if err != nil {
		return s, err
	}
	properties := map[string]string{}
	for line := range strings.Lines(result.Stdout) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[key] = value
	}
	s.known = properties["LoadState"] != "not-found" && properties["LoadState"] != ""
	s.active = slices.Contains([]string{"active", "activating", "reloading"}, properties["ActiveState"])
	s.enabled = slices.Contains([]string{"enabled", "enabled-runtime", "static", "alias", "indirect", "generated", "linked"}, properties["UnitFileState"])
	if properties["LoadState"] == "masked" {
		s.enable = fmt.Sprintf("systemctl unmask %s; %s", name, s.enable)
	}
	return s, nil
}

func (m machine) openRCService(ctx context.Context, name string) (service, error) {
	s := service{enable: fmt.Sprintf("rc-update add %s default; rc-service %s start", name, name)}
	status, err := m.command(ctx, "rc-service", name, "status")
	if err != nil {
		return s, err
	}
	text := status.Stdout + status.Stderr
	s.known = !strings.Contains(text, "does not exist")
	s.active = s.known && !strings.Contains(text, "stopped")
	list, err := m.command(ctx, "rc-update", "show", "default")
	if err != nil {
		return s, err
	}
	s.enabled = slices.Contains(strings.Fields(list.Stdout), name)
	return s, nil
}

// serviceReady warns when a service is not there, not enabled, or, if it has to
// be, not active.
func (m machine) serviceReady(ctx context.Context, name string, active bool) verdict {
	s, err := m.service(ctx, name)
	switch {
	case err != nil:
		return warn(fmt.Sprintf("the service %s could not be looked at: %v", name, err), "See to it that it starts with the host.")
	case !s.known:
		return warn("there is no service "+name, "Install the package that has it, then: "+s.enable)
	case active && !s.active:
		return fail(fmt.Sprintf("the service %s is not active", name), fmt.Sprintf("Start it: %s. See why it stopped: journalctl -u %s -n 50", s.enable, name))
	case !s.enabled:
		return warn(fmt.Sprintf("the service %s is not enabled, so it will not start with the host", name), s.enable)
	}
	return pass("%s is enabled", name)
}
