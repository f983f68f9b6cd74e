package resource

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// bootID tells boots of the kernel apart, since pids and start times repeat.
func bootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("read boot id: %w", err)
	}
	return string(bytes.TrimSpace(data)), nil
}

// startTicks returns when a live process started, in clock ticks after boot. One
// that is gone, or dead and not yet reaped, gives [fs.ErrNotExist].
func startTicks(pid int) (uint64, error) {
	data, err := os.ReadFile(procPath(pid, "stat"))
	if errors.Is(err, syscall.ESRCH) { // it died while we read
		return 0, fs.ErrNotExist
	}
	if err != nil {
		return 0, err
	}
	return parseStat(data)
}

// parseStat reads /proc/PID/stat; see proc(5). The second field is the program's
// name in parentheses and may hold anything, parentheses too.
func parseStat(data []byte) (ticks uint64, err error) {
	const state, threads, starttime = 0, 17, 19 // fields 3, 20 and 22, counted from after the name
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return 0, fmt.Errorf("read process state %q: no name", data)
	}
	fields := strings.Fields(string(data[end+1:]))
	if len(fields) <= starttime {
		return 0, fmt.Errorf("read process state: %d fields, want more than %d", len(fields), starttime)
	}
	// A process that is being killed is a zombie while its last threads still hold
	// its sockets: it is dead when there is only one.
	if fields[state] == "X" || fields[state] == "Z" && (fields[threads] == "0" || fields[threads] == "1") {
		return 0, fs.ErrNotExist
	}
	ticks, err = strconv.ParseUint(fields[starttime], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read process state: start time: %w", err)
	}
	return ticks, nil
}

// findArgv returns the oldest live process of this user, in this pid namespace,
// whose command line is exactly argv. Pid zero means that there is none.
func findArgv(argv []string) (pid int, ticks uint64, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, 0, fmt.Errorf("list processes: %w", err)
	}
	want := []byte(strings.Join(argv, "\x00") + "\x00")
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	for _, e := range entries {
		candidate, err := strconv.Atoi(e.Name())
		if err != nil || !ownedByUs(e) {
			continue
		}
		line, err := os.ReadFile(procPath(candidate, "cmdline"))
		if err != nil || !bytes.Equal(line, want) {
			continue
		}
		if ns, err := os.Readlink(procPath(candidate, "ns/pid")); err == nil && ns != namespace {
			continue // in a container, with files of its own
		}
		if t, err := startTicks(candidate); err == nil && (pid == 0 || t < ticks) {
			pid, ticks = candidate, t
		}
	}
	return pid, ticks, nil
}

func ownedByUs(e fs.DirEntry) bool {
	info, err := e.Info()
	if err != nil {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// programReplaced reports that path holds another program by now than the one
// that runs. What cannot be told, as for a script, counts as the same.
func programReplaced(pid int, path string) bool {
	line, err := os.ReadFile(procPath(pid, "cmdline"))
	if err != nil || !slices.Equal(bytes.SplitN(line, []byte{0}, 2)[0], []byte(path)) {
		return false
	}
	running, err := os.Stat(procPath(pid, "exe"))
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	return err == nil && !os.SameFile(running, now)
}

func procPath(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
