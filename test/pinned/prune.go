package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// unused is how long a set is kept that no clone asked for: 60 days. Each update
// of Kubernetes makes a new one of some hundred megabytes.
const unused = 60 * 24 * time.Hour

// use remembers when a set was asked for.
func use(dir string, now time.Time) error { return os.Chtimes(dir, now, now) }

// prune removes the older sets of the same name that were not used for long.
func (s set) prune(keep string, now time.Time) error {
	sets, err := filepath.Glob(filepath.Join(s.cache, s.name+"-*"))
	if err != nil {
		return err
	}
	for _, dir := range sets {
		info, err := os.Stat(dir)
		if err != nil || !info.IsDir() || dir == keep || now.Sub(info.ModTime()) < unused {
			continue
		}
		fmt.Fprintf(s.out, "%s: removing %s, which was not used since %s\n", s.name, dir, info.ModTime().Format(time.DateOnly))
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}
