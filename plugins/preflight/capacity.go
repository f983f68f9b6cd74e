package preflight

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func (m machine) privileged(context.Context) verdict {
	if m.uid == 0 {
		return pass("running as root")
	}
	return fail(fmt.Sprintf("running as user %d", m.uid), "Root is needed. Run the same command with sudo.")
}

func (m machine) numCPU(minimum int) verdict {
	if m.cpus < minimum {
		return fail(fmt.Sprintf("there are %d CPUs", m.cpus), fmt.Sprintf("%d are needed. Take a larger machine, or lower minimum_cpu.", minimum))
	}
	return pass("%d CPUs", m.cpus)
}

func (m machine) memory(minimumMB int) verdict {
	text, err := os.ReadFile(filepath.Join(m.proc, "meminfo"))
	if err != nil {
		return unreadable(fmt.Errorf("read memory size: %w", err))
	}
	kb, err := memTotal(string(text))
	if err != nil {
		return unreadable(fmt.Errorf("read memory size: %w", err))
	}
	mb := kb >> 10
	if mb < uint64(max(0, minimumMB)) {
		return fail(fmt.Sprintf("there are %d MiB of memory", mb),
			fmt.Sprintf("%d MiB are needed. Take a larger machine, or lower minimum_memory_mb.", minimumMB))
	}
	return pass("%d MiB", mb)
}

// memTotal reads the size of the memory in KiB from /proc/meminfo.
func memTotal(meminfo string) (uint64, error) {
	for line := range strings.Lines(meminfo) {
		rest, ok := strings.CutPrefix(line, "MemTotal:")
		if !ok {
			continue
		}
		number, unit, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if strings.TrimSpace(unit) != "kB" {
			return 0, fmt.Errorf("parse meminfo: unit %q, want kB", unit)
		}
		kb, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("parse meminfo: MemTotal: %w", err)
		}
		return kb, nil
	}
	return 0, errors.New("parse meminfo: it has no MemTotal")
}

// swap is an error where kubeadm only warns: a kubelet that fails on swap never
// comes up.
func (m machine) swap(failSwapOn bool) verdict {
	text, err := os.ReadFile(filepath.Join(m.proc, "swaps"))
	if errors.Is(err, fs.ErrNotExist) { // a kernel without swap
		return pass("the kernel knows no swap")
	}
	if err != nil {
		return unreadable(fmt.Errorf("read swaps: %w", err))
	}
	devices := swapDevices(string(text))
	if len(devices) == 0 {
		return pass("off")
	}
	if !failSwapOn {
		return pass("swap is on, as the kubelet may have it: %s", strings.Join(devices, ", "))
	}
	return fail("swap is on: "+strings.Join(devices, ", "),
		"The kubelet will not start. Turn swap off: swapoff -a, and take it out of /etc/fstab. "+
			"Or let the kubelet run with it: failSwapOn: false in its configuration, and fail_swap_on = false here.")
}

// swapDevices lists what /proc/swaps lists: a header, then a line for each.
func swapDevices(swaps string) []string {
	var devices []string
	lines := bufio.NewScanner(strings.NewReader(swaps))
	lines.Buffer(nil, len(swaps)+1)
	lines.Scan()
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 0 {
			devices = append(devices, fields[0])
		}
	}
	return devices
}
