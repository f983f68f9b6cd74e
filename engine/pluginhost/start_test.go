//go:build linux

package pluginhost_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/engine/pluginhost"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestStartRefused(t *testing.T) {
	tests := map[string]struct {
		script string
		want   string // the error, with PID for the process id
		hint   string // part of the hint
		crash  bool
	}{
		"exit before the handshake": {
			script: "echo bye >&2; exit 0",
			want:   `start plugin "bad": plugin "bad" (pid PID) ended unexpectedly: exit status 0`,
			hint:   "bye", crash: true,
		},
		"killed before the handshake": {
			script: "kill -9 $$",
			want:   `start plugin "bad": plugin "bad" (pid PID) ended unexpectedly: signal: killed`,
			hint:   "It printed nothing before.", crash: true,
		},
		"other protocol version": {
			script: "echo '1|99|unix|/x|grpc'; sleep 60",
			want:   `start plugin "bad": it speaks version 99 of the plugin protocol, this clusterflow speaks 1`,
			hint:   "same major protocol version",
		},
		"other handshake version": {
			script: "echo '7|1|unix|/x|grpc'; sleep 60",
			want:   `start plugin "bad": it speaks version 7 of the go-plugin handshake, want 1`,
			hint:   "Rebuild",
		},
		"net/rpc": {
			script: `echo "1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/x"; sleep 60`,
			want:   `start plugin "bad": it offers the protocol "netrpc", want "grpc"`,
		},
		"tcp": {
			script: "echo '1|1|tcp|127.0.0.1:1|grpc'; sleep 60",
			want:   `start plugin "bad": it listens on tcp 127.0.0.1:1, want a unix socket in DIR`,
			hint:   "PLUGIN_UNIX_SOCKET_DIR",
		},
		"no end of garbage": {
			script: "while :; do echo garbage; done",
			want:   `start plugin "bad": it printed 100 lines on stdout and no handshake among them`,
			hint:   "garbage",
		},
		"nobody listens": {
			script: `echo "1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/x|grpc"; sleep 60`,
			want:   `start plugin "bad": configure: rpc error: code = Unavailable`,
		},
		"exit after the handshake": {
			script: `echo "1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/x|grpc"; exit 3`,
			want:   `start plugin "bad": plugin "bad" (pid PID) ended unexpectedly: exit status 3`,
			crash:  true,
		},
		"silence": {
			script: "sleep 60",
			want:   `start plugin "bad": it did not answer within 2s`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, func(o *pluginhost.Options) { o.StartTimeout = 2 * time.Second })
			start := time.Now()
			_, err := h.Client(t.Context(), h.script(t, "bad", tt.script), false)
			took(t, name, start)
			var crash *pluginhost.CrashError
			if errors.As(err, &crash) != tt.crash {
				t.Errorf("got error %#v, crash %v", err, tt.crash)
			}
			if got := normal(err, crash, h.run); !strings.HasPrefix(got, tt.want) {
				t.Errorf("got error %s\nwant %s", got, tt.want)
			}
			if got := hintOf(err); !strings.Contains(got, tt.hint) {
				t.Errorf("got hint %q, want %q in it", got, tt.hint)
			}
		})
	}
}

// normal replaces what differs from run to run.
func normal(err error, crash *pluginhost.CrashError, run string) string {
	if err == nil {
		return ""
	}
	words := strings.Fields(err.Error())
	for i, w := range words {
		switch {
		case crash != nil && words[max(i-1, 0)] == "(pid":
			words[i] = "PID)"
		case strings.HasPrefix(w, run):
			words[i] = "DIR"
		}
	}
	return strings.Join(words, " ")
}

func hintOf(err error) string {
	var hint *sdk.HintError
	if errors.As(err, &hint) {
		return hint.Hint
	}
	return ""
}

func TestStartNotAProgram(t *testing.T) {
	h := newHost(t)
	path := filepath.Join(h.bin, "clusterflow-plugin-text")
	if err := os.WriteFile(path, []byte("just text"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := h.Client(t.Context(), pluginhost.Ref{Name: "text"}, false)
	if got, want := message(err), `start plugin "text": run `+path+`: exec format error`; got != want {
		t.Errorf("got error %s\nwant %s", got, want)
	}
	if hintOf(err) == "" {
		t.Error("no hint")
	}
}

func TestStartPreamble(t *testing.T) {
	h := newHost(t)
	ref := h.script(t, "other", "echo loading; exec '"+filepath.Join(h.bin, "clusterflow-plugin-echo")+"'")
	_, err := h.Client(t.Context(), ref, false) // it starts, but calls itself echo
	if got, want := message(err), `start plugin "other": check description: the plugin calls itself "echo", not "other"`; got != want {
		t.Errorf("got error %s\nwant %s", got, want)
	}
	h.logged(t, "loading")
}

func TestStartCancelled(t *testing.T) {
	h := newHost(t)
	ref := h.script(t, "slow", "echo started >&2; sleep 60")
	for name, isolated := range map[string]bool{"shared": false, "isolated": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				h.logged(t, "started")
				cancel()
			}()
			if _, err := h.Client(ctx, ref, isolated); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v", err)
			}
		})
	}
	start := time.Now()
	if err := h.Close(t.Context()); err != nil { // while it starts
		t.Error(err)
	}
	took(t, "close during a start", start)
	if _, err := h.Client(t.Context(), ref, false); !errors.Is(err, pluginhost.ErrClosed) {
		t.Errorf("after close: got error %v", err)
	}
}

func TestStartAgain(t *testing.T) {
	h := newHost(t)
	flag := filepath.Join(h.bin, "flag")
	ref := h.script(t, "moody", "test -e "+flag+" || exit 1; echo '1|99|unix|/x|grpc'; sleep 60")
	_, first := h.Client(t.Context(), ref, false)
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, second := h.Client(t.Context(), ref, false)
	if !strings.Contains(message(first), "exit status 1") || !strings.Contains(message(second), "version 99") {
		t.Errorf("got errors %v; %v", first, second)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
