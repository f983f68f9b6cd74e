//go:build e2e

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// noOrphans demands that all processes of the site are gone, within 5 s.
func (s *site) noOrphans() {
	s.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(5 * time.Second); ; <-tick.C {
		left := s.processes()
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			s.t.Errorf("still running: %v", left)
			return
		}
	}
}

// processes lists those that were started on the site, by what their environment
// says: all inherit its home.
func (s *site) processes() map[int]string {
	out := map[int]string{}
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range environs {
		env, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(env), "HOME="+filepath.Join(s.dir, "home")+"\x00") {
			continue
		}
		dir := filepath.Dir(file)
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		if err != nil || strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X") {
			continue
		}
		var pid int
		if _, err := fmt.Sscan(filepath.Base(dir), &pid); err != nil {
			s.t.Fatal(err)
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		out[pid] = strings.ReplaceAll(string(command), "\x00", " ")
	}
	return out
}
