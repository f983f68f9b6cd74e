package cri

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// mostLog bounds how much of a log is read: 256 KiB.
const mostLog = 256 << 10

// TailLog returns the last n lines that a container wrote, from its log file in
// the format of CRI or of Docker. A file that is not there gives none.
func TailLog(path string, n int) ([]string, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read log of container: %w", err)
	}
	defer func() { _ = file.Close() }()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("read log of container: %w", err)
	}
	from := max(0, size-mostLog)
	text, err := io.ReadAll(io.NewSectionReader(file, from, size-from))
	if err != nil {
		return nil, fmt.Errorf("read log of container: %w", err)
	}
	if from > 0 { // it begins in the middle of a line
		_, rest, _ := strings.Cut(string(text), "\n")
		return lastLines(rest, n), nil
	}
	return lastLines(string(text), n), nil
}

func lastLines(log string, n int) []string {
	lines := parseLog(log)
	return lines[max(0, len(lines)-max(0, n)):]
}

// parseLog returns the lines that a container wrote. What is in no known format is
// taken as it is.
func parseLog(log string) []string {
	var out []string
	partial := map[string]string{} // by stream
	for entry := range strings.Lines(log) {
		entry = strings.TrimRight(entry, "\r\n")
		stream, text, more := parseEntry(entry)
		text = partial[stream] + text
		delete(partial, stream)
		if more {
			partial[stream] = text
			continue
		}
		out = append(out, text)
	}
	for _, stream := range []string{"stdout", "stderr"} {
		if text, ok := partial[stream]; ok {
			out = append(out, text)
		}
	}
	return out
}

// parseEntry reads one entry: "TIME stderr F text" in CRI's format, where P in
// place of F says that the line goes on; or Docker's JSON, where it goes on when
// the text does not end with a newline.
func parseEntry(entry string) (stream, text string, more bool) {
	if strings.HasPrefix(entry, "{") {
		var docker struct{ Log, Stream string }
		if json.Unmarshal([]byte(entry), &docker) == nil && (docker.Stream == "stdout" || docker.Stream == "stderr") {
			text, ends := strings.CutSuffix(docker.Log, "\n")
			return docker.Stream, text, !ends
		}
	}
	fields := strings.SplitN(entry, " ", 4)
	if len(fields) < 3 || fields[1] != "stdout" && fields[1] != "stderr" {
		return "", entry, false
	}
	if len(fields) == 4 {
		text = fields[3]
	}
	tag, _, _ := strings.Cut(fields[2], ":")
	return fields[1], text, tag == "P"
}
