package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// progress tells people which of several builds is under way: on a terminal in
// one line that changes every second, elsewhere in a line every 15 seconds.
type progress struct {
	out      io.Writer
	terminal bool
	total    int

	step      int
	what      string
	began     time.Time // of the first step
	stepBegan time.Time
	every     time.Duration
}

func newProgress(out io.Writer, total int) *progress {
	p := &progress{out: out, total: total, began: time.Now(), every: 15 * time.Second}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if p.terminal {
		p.every = time.Second
	}
	return p
}

// next begins the next step, which makes what.
func (p *progress) next(what string) {
	p.step++
	p.what, p.stepBegan = what, time.Now()
	p.now("")
}

// watch runs cmd and shows the newest line of its log as it goes.
func (p *progress) watch(cmd *exec.Cmd, logFile string) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			if p.terminal {
				fmt.Fprint(p.out, "\r\033[K")
			}
			return err
		case <-tick.C:
			p.now(lastLines(logFile, 1))
		}
	}
}

// built ends the step that made size bytes.
func (p *progress) built(size int64) {
	p.line(fmt.Sprintf("built in %s, %d MB", clock(p.stepBegan), size>>20), "\n")
}

// end tells that all of name is there.
func (p *progress) end(name string) {
	fmt.Fprintf(p.out, "%s: ready after %s\n", name, clock(p.began))
}

// now shows the step and what it does just now.
func (p *progress) now(doing string) {
	if p.terminal {
		p.line(doing, "")
		return
	}
	p.line(doing, "\n")
}

func (p *progress) line(text, end string) {
	line := fmt.Sprintf("  %d/%d  %s  %s", p.step, p.total, clock(p.began), p.what)
	if text != "" {
		line += ": " + text
	}
	if p.terminal && end == "" {
		line = "\r\033[K" + line[:min(len(line), 78)] // wider ones would wrap and stay
	}
	fmt.Fprint(p.out, line, end)
}

// clock answers the time since began, as 2:05.
func clock(began time.Time) string {
	s := int(time.Since(began).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// lastLines returns the last n lines of file, as far as they are in its last
// 16 KiB, and nothing if it cannot be read.
func lastLines(file string, n int) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	text := make([]byte, min(size, 16<<10))
	if _, err := f.ReadAt(text, size-int64(len(text))); err != nil {
		return ""
	}
	lines := strings.Split(string(bytes.TrimSpace(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
