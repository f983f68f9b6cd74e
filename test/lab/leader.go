package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// findLeader finds the first process of a host: the one in its groups that is
// process 1 of a namespace directly below this process'. Those of pods are deeper.
func (h *Host) findLeader() error {
	depth, err := namespaces("self")
	if err != nil {
		return err
	}
	members, err := h.groups.members()
	if err != nil {
		return err
	}
	for _, pid := range members {
		ids, err := namespaces(strconv.Itoa(pid))
		if err == nil && len(ids) == len(depth)+1 && ids[len(depth)] == "1" {
			h.machine.leader = pid
			return nil
		}
	}
	return fmt.Errorf("host %s is not running", h.Name)
}

// namespaces answers the ids of a process, from the namespace of this process on
// inwards.
func namespaces(pid string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			return strings.Fields(ids), nil
		}
	}
	return nil, fmt.Errorf("read the namespaces of process %s: the kernel does not tell", pid)
}

// BootID answers the kernel's id of the present boot of h.
func (h *Host) BootID(ctx context.Context) (string, error) {
	id, err := h.Run(ctx, "cat", "/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(id), err
}

// AwaitBoot returns when h, which something in it boots anew, is up again: all that
// is to start with it has started. Before is the id of the boot that ends. What
// outlives a boot that would not on a machine is the network: interfaces of pods
// and rules of the packet filter.
//
// What boots h must be a unit of its systemd, such as of systemd-run, not a command
// of Run: systemd stops those as it goes down, and nsenter with them, which then
// reaps nothing. Nothing is run in h until it has gone down.
func (h *Host) AwaitBoot(ctx context.Context, before string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootWithin, fmt.Errorf("it has not booted anew within %s", bootWithin))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for old := h.machine.leader; ; {
		if h.findLeader() == nil && h.machine.leader != old && h.bootedSince(ctx, before) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("host %s: %w\n%s", h.Name, context.Cause(ctx), h.Console())
		case <-tick.C:
		}
	}
}

func (h *Host) bootedSince(ctx context.Context, before string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	now, err := h.BootID(ctx)
	if err != nil || now == before {
		return false
	}
	state, _ := h.Run(ctx, "systemctl", "is-system-running") // fails unless all units run
	return slices.Contains([]string{"running", "degraded"}, strings.TrimSpace(state))
}
