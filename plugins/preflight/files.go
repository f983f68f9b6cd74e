package preflight

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/command"
)

const versionTimeout = 5 * time.Second

func (m machine) abs(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(m.workDir, path)
}

func (m machine) fileAbsent(path string) verdict {
	_, err := os.Lstat(m.abs(path))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return pass("%s is absent", path)
	case err != nil:
		return unreadable(err)
	}
	return ofCluster(fail(fmt.Sprintf("%s exists", path), "It must not. It is of an earlier cluster. "+cleanUp))
}

// dirEmpty lets pass what mkfs leaves at the top of a file system.
func (m machine) dirEmpty(path string) verdict {
	entries, err := os.ReadDir(m.abs(path))
	if errors.Is(err, fs.ErrNotExist) {
		return pass("%s is absent", path)
	}
	if err != nil {
		return unreadable(err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "lost+found" })
	if len(entries) == 0 {
		return pass("%s is empty", path)
	}
	return ofCluster(fail(fmt.Sprintf("%s is not empty: it holds %s", path, entries[0].Name()),
		fmt.Sprintf("It must be empty. If it is of an earlier cluster: %s If it is not, and nobody needs it any more: rm -r %s", cleanUp, path)))
}

// program looks for a program and, if it was given by path, asks its version to
// see whether it runs here at all.
func (m machine) program(ctx context.Context, name string) verdict {
	if !strings.Contains(name, "/") {
		path, err := m.lookPath(name)
		if err != nil {
			return fail(fmt.Sprintf("there is no %s in PATH", name), fmt.Sprintf("Install the package that has it. PATH is %s", os.Getenv("PATH")))
		}
		return pass("%s", path)
	}
	path := m.abs(name)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(fmt.Sprintf("there is no %s", path), "Build or install it, or correct the path in binaries.")
	case err != nil:
		return unreadable(err)
	case !info.Mode().IsRegular() || info.Mode()&0o111 == 0:
		return fail(fmt.Sprintf("%s is not a program: its mode is %s", path, info.Mode()), "If it should be one: chmod +x "+path)
	}
	return m.version(ctx, path)
}

// usefulProgram warns when a program is not there that some need.
func (m machine) usefulProgram(name, who string) verdict {
	path, err := m.lookPath(name)
	if err != nil {
		return warn(fmt.Sprintf("there is no %s in PATH", name), fmt.Sprintf("%s. Install the package that has it.", who))
	}
	return pass("%s", path)
}

func (m machine) version(ctx context.Context, path string) verdict {
	ctx, cancel := context.WithTimeoutCause(ctx, versionTimeout, fmt.Errorf("no answer within %s", versionTimeout))
	defer cancel()
	result, err := command.Command{Argv: []string{path, "--version"}, Quiet: true, Grace: time.Second}.Run(ctx)
	switch {
	case ctx.Err() != nil:
		return warn(fmt.Sprintf("%s --version gave %v", path, context.Cause(ctx)), "Is the disk or the machine very slow?")
	case err != nil:
		return fail(err.Error(), fmt.Sprintf("A program for %s/%s is needed: file %s", runtime.GOOS, runtime.GOARCH, path))
	case result.Code != 0:
		return pass("%s (it tells no version)", path)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(result.Stdout), "\n")
	return pass("%s: %s", path, line)
}

// existing is the nearest directory above path that is there.
func existing(path string) string {
	for ; ; path = filepath.Dir(path) {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
	}
}

func (m machine) dirWritable(dir string) verdict {
	path := existing(m.abs(dir))
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		return fail(fmt.Sprintf("%s is a file", path), "A directory is needed there. Move the file away, or take another directory.")
	}
	const writeAndEnter = 3 // W_OK|X_OK
	if err := syscall.Access(path, writeAndEnter); err != nil {
		return fail(fmt.Sprintf("user %d cannot write to %s: %v", m.uid, path, err),
			fmt.Sprintf("Take another directory, or: sudo chown %d %s", m.uid, path))
	}
	return pass("%s is writable", path)
}

func (m machine) diskSpace(dir string, minimumMB int) verdict {
	path := existing(m.abs(dir))
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return unreadable(fmt.Errorf("read free space of %s: %w", path, err))
	}
	free := stat.Bavail * uint64(stat.Bsize) >> 20
	if free < uint64(max(0, minimumMB)) {
		return fail(fmt.Sprintf("%s has %d MiB free", path, free),
			fmt.Sprintf("%d MiB are needed. See what takes the space: df -h %s; du -xh --max-depth=2 %s | sort -h", minimumMB, path, path))
	}
	return pass("%s has %d MiB free", path, free)
}
