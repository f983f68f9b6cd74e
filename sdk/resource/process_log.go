package resource

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxLog is how long a log may be that a program goes on with: 16 MiB.
	maxLog       = 16 << 20
	tailLines    = 15
	tailBytes    = 16 << 10
	tailLineSize = 400
)

// earlier is where the log of earlier starts is kept.
func earlier(log string) string { return log + ".1" }

// openLog opens the log for appending, anew if it is long, and says where the new
// part begins.
func (p *Process) openLog() (*os.File, int64, error) {
	made, err := makeDirs(filepath.Dir(p.LogFile), defaultDirMode)
	p.Dirs = addDirs(p.Dirs, made)
	if err != nil {
		return nil, 0, fmt.Errorf("make log directory: %w", err)
	}
	if info, err := os.Stat(p.LogFile); err == nil && info.Mode().IsRegular() && info.Size() > maxLog && !p.KeepLog {
		if err := os.Rename(p.LogFile, earlier(p.LogFile)); err != nil {
			return nil, 0, fmt.Errorf("keep the log small: %w", err)
		}
	}
	f, err := os.OpenFile(p.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open log: %w", err)
	}
	offset, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		_ = f.Close()
		return nil, 0, fmt.Errorf("open log: %w", err)
	}
	return f, offset, nil
}

// logTail returns the last lines of a log from offset on, indented. A log that
// cannot be read gives none: it only serves to explain another error.
func logTail(path string, offset int64) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		offset = max(offset, end-tailBytes)
	}
	data, err := io.ReadAll(io.NewSectionReader(f, offset, tailBytes))
	if err != nil {
		return ""
	}
	lines := strings.Split(string(bytes.ToValidUTF8(bytes.TrimSpace(data), []byte("?"))), "\n")
	var out strings.Builder
	for _, line := range lines[max(0, len(lines)-tailLines):] {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintf(&out, "  %.*s\n", tailLineSize, line)
		}
	}
	return strings.TrimRight(out.String(), "\n")
}
