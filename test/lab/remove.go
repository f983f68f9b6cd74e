package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// remove ends everything that the lab in d runs and removes everything that it
// made, except the lock. It needs nothing but d's record.
func (d stateDir) remove(ctx context.Context) error {
	r, err := d.load()
	if err != nil {
		return err
	}
	if err := r.Groups.end(ctx); err != nil {
		return err
	}
	for i := range r.Hosts {
		if err := removeTraces(d.machine(i+1), d.root(i+1)); err != nil {
			return err
		}
	}
	if err := unmountBelow(d.path); err != nil {
		return err
	}
	return os.RemoveAll(d.path)
}

// removeTraces removes what a killed systemd-nspawn leaves outside the state
// directory: a directory named after its machine, and a lock named after the
// root of that, which must still be mounted.
func removeTraces(machine, root string) error {
	const dir = "/run/systemd/nspawn"
	if err := os.RemoveAll(filepath.Join(dir, "propagate", machine)); err != nil {
		return err
	}
	var stat unix.Stat_t
	if err := unix.Stat(root, &stat); err != nil {
		return nil // there is no root yet
	}
	err := os.Remove(filepath.Join(dir, "locks", fmt.Sprintf("inode-%d:%d", stat.Dev, stat.Ino)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// unmountBelow unmounts everything that is mounted below dir, innermost first,
// also what somebody looks into. Namespaces that such a mount keeps end with it.
func unmountBelow(dir string) error {
	points, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	slices.Reverse(points)
	var errs []error
	for _, point := range points {
		if err := unix.Unmount(point, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

// mountsBelow answers the mount points below dir in the order they were mounted.
func mountsBelow(dir string) ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var points []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if point := unescape.Replace(strings.Fields(lines.Text())[4]); strings.HasPrefix(point, dir+"/") {
			points = append(points, point)
		}
	}
	return points, lines.Err()
}
