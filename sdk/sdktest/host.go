package sdktest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// host describes the directory of the phase and what its case observes besides.
func (p *phase) host() string {
	p.t.Helper()
	text, err := tree(p.dir)
	if err == nil && p.c.Observe != nil {
		var more string
		more, err = p.c.Observe(p.dir)
		text += more
	}
	if err != nil {
		p.t.Fatalf("observe the host: %v", err)
	}
	return text
}

// tree lists a directory: modes, sizes, contents and link targets, but no times.
func tree(dir string) (string, error) {
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went away just now
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		line, err := describeFile(path, e)
		if err == nil {
			fmt.Fprintf(&out, "%s %s\n", name, line)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return out.String(), err
}

func describeFile(path string, e fs.DirEntry) (string, error) {
	info, err := e.Info()
	if err != nil {
		return "", err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return "-> " + target, err
	case info.Mode().IsRegular():
		data, err := os.ReadFile(path)
		return fmt.Sprintf("%v %d bytes %x", info.Mode(), len(data), sha256.Sum256(data)), err
	default:
		return info.Mode().String(), nil
	}
}
