package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits N COMMAND…")
	}
	checkExit(ts, args[0], ts.Exec(args[1], args[2:]...))
}

func checkExit(ts *testscript.TestScript, want string, err error) {
	code := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		code = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got := strconv.Itoa(code); got != want {
		ts.Fatalf("exit code %s, want %s", got, want)
	}
}

func signalCmd(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}
	if neg || len(args) < 4 || signals[args[0]] == 0 {
		ts.Fatalf("usage: signal SIG PATTERN N COMMAND…")
	}
	pattern := regexp.MustCompile(args[1])
	cmd := exec.CommandContext(context.Background(), args[3], args[4:]...) // testscript put it into PATH
	cmd.Dir = ts.Getenv("WORK")
	for _, name := range []string{"PATH", "HOME", "XDG_RUNTIME_DIR", "CLUSTERFLOW_PLUGIN_PATH", "CLUSTERFLOW_STATE_DIR"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	in, out, err := os.Pipe()
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = out, out
	ts.Check(cmd.Start())
	ts.Check(out.Close())
	var all bytes.Buffer
	sent := false
	for lines := bufio.NewScanner(in); lines.Scan(); {
		all.WriteString(lines.Text() + "\n")
		if !sent && pattern.MatchString(lines.Text()) {
			sent = true
			ts.Check(cmd.Process.Signal(signals[args[0]]))
		}
	}
	err = cmd.Wait()
	ts.Check(errors.Join(in.Close(), os.WriteFile(ts.MkAbs("output"), all.Bytes(), 0o600)))
	ts.Logf("%s", all.String())
	if !sent {
		ts.Fatalf("no line matches %s", pattern)
	}
	checkExit(ts, args[2], err)
}

func gone(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(file)))
		if err != nil || pid <= 1 {
			ts.Fatalf("%s holds no process id", file)
		}
		eventually(ts, "process "+strconv.Itoa(pid)+" is gone", func() bool { return !alive(pid) })
	}
}

// alive reports whether a process exists and is no zombie.
func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return errors.Is(syscall.Kill(pid, 0), nil)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

func there(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		eventually(ts, file+" is there", func() bool { _, err := os.Stat(ts.MkAbs(file)); return err == nil })
	}
}

// eventually polls until the condition holds, for at most 20 s.
func eventually(ts *testscript.TestScript, what string, holds func() bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			ts.Fatalf("not within 20 s: %s", what)
		}
	}
}

func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSpace(ts.ReadFile(args[0]))
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			ts.Fatalf("not JSON: %s", line)
		}
	}
	if text == "" {
		ts.Fatalf("%s is empty", args[0])
	}
}

func pluginCmd(ts *testscript.TestScript, _ bool, args []string) { ts.Check(link(ts.MkAbs(args[0]))) }

func fill(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		if path, ok := strings.CutPrefix(value, "sha256:"); ok {
			content, err := os.ReadFile(ts.MkAbs(path))
			ts.Check(err)
			sum := sha256.Sum256(content)
			value = hex.EncodeToString(sum[:])
		}
		text = strings.ReplaceAll(text, "@"+name+"@", value)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func flip(ts *testscript.TestScript, _ bool, args []string) {
	text := []byte(ts.ReadFile(args[0]))
	text[bytes.IndexByte(text, '\n')+20] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

func absent(ts *testscript.TestScript, _ bool, args []string) {
	files := 0
	for _, root := range args[1:] {
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			if bytes.Contains(content, []byte(args[0])) {
				ts.Fatalf("%s holds %s", path, args[0])
			}
			files++
			return err
		}))
	}
	if files == 0 {
		ts.Fatalf("there are no files to look into")
	}
}
