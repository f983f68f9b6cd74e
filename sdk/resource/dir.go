package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/clusterflow/clusterflow/sdk"
)

// Dir is a directory.
type Dir struct {
	Path string      `json:"path"`
	Mode fs.FileMode `json:"mode"`
	// Contents says that Remove takes what is in it as well. Without it, a
	// directory that is not empty is left and reported.
	Contents bool `json:"contents,omitempty"`
	// Keep says that what others put into it is theirs, such as logs: Remove leaves a
	// directory that is not empty, and warns instead of failing.
	Keep bool `json:"keep,omitempty"`
	// Dirs are the directories that were made, Path last. Diff, Render and the
	// record fill it in.
	Dirs []string `json:"dirs,omitempty"`
}

var _ Resource = (*Dir)(nil)

// ID is "directory" and the path.
func (d *Dir) ID() ID { return ID{Kind: "directory", Target: d.Path} }

// Diff compares existence and mode.
func (d *Dir) Diff(context.Context) (sdk.Change, error) {
	info, err := os.Stat(d.Path)
	switch {
	case absent(err):
		d.Dirs = addDirs(d.Dirs, missingDirs(d.Path))
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case err != nil:
		return sdk.Change{}, err
	case !info.IsDir():
		return sdk.Change{}, fmt.Errorf("is a %s, not a directory", describeMode(info.Mode()))
	case info.Mode().Perm() != d.Mode.Perm():
		return sdk.Change{Op: sdk.OpUpdate, Reason: fmt.Sprintf("mode %04o, want %04o", info.Mode().Perm(), d.Mode.Perm())}, nil
	}
	return sdk.Change{}, nil
}

// Render makes the directory and its parents, the latter with mode 0755.
func (d *Dir) Render(context.Context) error {
	made, err := makeDirs(d.Path, defaultDirMode)
	d.Dirs = addDirs(d.Dirs, made)
	if err != nil {
		return err
	}
	return os.Chmod(d.Path, d.Mode.Perm())
}

// Remove deletes the directory, then the parents that were made for it, if empty.
// It never deletes what took the directory's place, or what is mounted in it.
func (d *Dir) Remove(ctx context.Context) error {
	info, err := os.Lstat(d.Path)
	switch {
	case absent(err):
		removeDirs(d.Dirs)
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("is a %s, not a directory", describeMode(info.Mode()))
	}
	if d.Contents {
		if err := removeContents(d.Path); err != nil {
			return err
		}
	}
	err = removeEmpty(d.Path)
	if d.Keep && isNotEmpty(err) {
		diag := sdk.Diagnose(err)[0]
		Warn(ctx, fmt.Sprintf("left behind: directory %s: %s", d.Path, diag.Summary), diag.Detail)
		return nil
	}
	if err != nil {
		return err
	}
	removeDirs(d.Dirs)
	return nil
}

// recall takes over the directories that were made.
func (d *Dir) recall(r Record) {
	var old Dir
	if entry, ok := r.Find(d.ID()); ok && json.Unmarshal(entry.State, &old) == nil {
		d.Dirs = addDirs(old.Dirs, d.Dirs)
	}
}

func removeContents(path string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil && !absent(err) { // other systems have no such file
		return err
	}
	if at := mountIn(string(mounts), path); at != "" {
		return sdk.Hint(fmt.Errorf("something is mounted at %s", at),
			fmt.Sprintf("What is in there may belong to others. See what it is: findmnt %s. Then: umount %s", at, at))
	}
	return os.RemoveAll(path)
}

// mountIn returns a mount point at or below path, or "".
func mountIn(mountinfo, path string) string {
	const columnPoint = 4
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) <= columnPoint {
			continue
		}
		point := unescape.Replace(fields[columnPoint])
		if point == path || strings.HasPrefix(point, strings.TrimSuffix(path, "/")+"/") {
			return point
		}
	}
	return ""
}

func removeEmpty(path string) error {
	err := os.Remove(path)
	if err == nil || absent(err) {
		return nil
	}
	if !isNotEmpty(err) {
		return err
	}
	entries, readErr := os.ReadDir(path)
	if readErr != nil {
		return readErr
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return sdk.Hint(&notEmptyError{names},
		fmt.Sprintf("Look at them, then remove the directory yourself: rm -r %s", path))
}

// notEmptyError is a directory in which others have files.
type notEmptyError struct{ names []string }

func (e *notEmptyError) Error() string {
	return "holds files that clusterflow did not make: " + strings.Join(e.names, ", ")
}

func isNotEmpty(err error) bool {
	var found *notEmptyError
	return errors.As(err, &found) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, syscall.EEXIST)
}
