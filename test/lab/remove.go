package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
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
	if err := r.Groups.kill(ctx); err != nil {
		return err
	}
	if err := r.Groups.remove(); err != nil {
		return err
	}
	if err := unmountBelow(d.path); err != nil {
		return err
	}
	return os.RemoveAll(d.path)
}

// unmountBelow unmounts everything that is mounted below dir, innermost first.
// Namespaces that are kept by such a mount end with it.
func unmountBelow(dir string) error {
	points, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	slices.Reverse(points)
	var errs []error
	for _, point := range points {
		if err := unix.Unmount(point, unix.UMOUNT_NOFOLLOW); err != nil {
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
