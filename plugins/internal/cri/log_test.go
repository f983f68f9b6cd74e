package cri

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTailLog(t *testing.T) {
	long := strings.Repeat("2026-01-01T00:00:00Z stdout F "+strings.Repeat("x", 1000)+"\n", 400) + "2026-01-01T00:00:00Z stdout F end\n"
	tests := map[string]struct {
		log  string
		n    int
		want []string
	}{
		"cri":           {"2026-01-01T00:00:00.1Z stdout F a b  c\n2026-01-01T00:00:00Z stderr F \n", 9, []string{"a b  c", ""}},
		"last":          {"t stdout F 1\nt stdout F 2\nt stdout F 3\n", 2, []string{"2", "3"}},
		"partial":       {"t stdout P 1\nt stderr F x\nt stdout P 2\nt stdout F 3\n", 9, []string{"x", "123"}},
		"cut off":       {"t stdout P 1", 9, []string{"1"}},
		"tags":          {"t stdout P:more 1\nt stdout F:more 2\n", 9, []string{"12"}},
		"docker":        {`{"log":"a\n","stream":"stdout","time":"t"}` + "\n" + `{"log":"b","stream":"stderr"}` + "\n" + `{"log":"c\n","stream":"stderr"}`, 9, []string{"a", "bc"}},
		"json inside":   {`t stdout F {"log":"a"}`, 9, []string{`{"log":"a"}`}},
		"no format":     {"panic: x\n{\n", 9, []string{"panic: x", "{"}},
		"empty":         {"", 9, nil},
		"none wanted":   {"t stdout F 1\n", 0, nil},
		"longer":        {long, 1, []string{"end"}},
		"windows lines": {"t stdout F a\r\n", 1, []string{"a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "0.log")
			if err := os.WriteFile(path, []byte(tt.log), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := TailLog(path, tt.n)
			if err != nil || strings.Join(got, "\n") != strings.Join(tt.want, "\n") || len(got) != len(tt.want) {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
	if got, err := TailLog(filepath.Join(t.TempDir(), "none"), 1); got != nil || err != nil {
		t.Errorf("absent: got %q, %v", got, err)
	}
	if _, err := TailLog(t.TempDir(), 1); err == nil {
		t.Error("directory: got no error")
	}
}

func FuzzParseLog(f *testing.F) {
	f.Add("2026-01-01T00:00:00.1Z stdout P a\nt stderr F b\n", 1)
	f.Add(`{"log":"a\n","stream":"stdout","time":"t"}`, 5)
	f.Fuzz(func(t *testing.T, log string, n int) {
		if got := lastLines(log, n); len(got) > max(0, n) {
			t.Errorf("got %d lines, want at most %d", len(got), n)
		}
		entries := strings.Count(log, "\n") + 1
		if got := len(parseLog(log)); got > entries {
			t.Errorf("got %d lines of %d entries", got, entries)
		}
	})
}

func TestParseConfig(t *testing.T) {
	tests := map[string]struct{ config, image, driver string }{
		"containerd 1": {`{"containerd":{"defaultRuntimeName":"runc","runtimes":{"runc":{"options":{"SystemdCgroup":true}}}},"sandboxImage":"p:1"}`, "p:1", "systemd"},
		"cgroupfs":     {`{"containerd":{"defaultRuntimeName":"runc","runtimes":{"runc":{"options":null}}}}`, "", "cgroupfs"},
		"no default":   {`{"containerd":{"runtimes":{"runc":{"options":{"SystemdCgroup":true}}}}}`, "", ""},
		"crio":         {`{"sandboxImage":"p:2"}`, "p:2", ""},
		"nothing":      {``, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if image, driver := parseConfig(tt.config); image != tt.image || driver != tt.driver {
				t.Errorf("got %q, %q, want %q, %q", image, driver, tt.image, tt.driver)
			}
		})
	}
}
