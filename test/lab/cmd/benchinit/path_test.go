package main

import (
	"strings"
	"testing"
	"time"
)

func TestCriticalPath(t *testing.T) {
	const events = `{"event":"run_started","time":"2026-01-02T03:04:05Z"}
{"event":"node_ready","time":"2026-01-02T03:04:05Z","node":"ca"}
{"event":"node_ready","time":"2026-01-02T03:04:05Z","node":"kubelet"}
{"event":"node_ended","time":"2026-01-02T03:04:06Z","node":"kubelet"}
{"event":"node_ended","time":"2026-01-02T03:04:07Z","node":"ca"}
{"event":"node_ready","time":"2026-01-02T03:04:07Z","node":"leaf"}
{"event":"node_ended","time":"2026-01-02T03:04:10Z","node":"leaf"}
{"event":"run_ended","time":"2026-01-02T03:04:10Z"}
`
	got, err := criticalPath(events, 6*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	const want = `critical path of the median run, 6.00s, of which 1.00s are outside of the phases:
    0.00s  + 2.00s  ca
    2.00s  + 3.00s  leaf
`
	if got.String() != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	for name, text := range map[string]string{"no end": events[:strings.Index(events, `{"event":"run_ended"`)], "no event": "x\n"} {
		if _, err := criticalPath(text, 0); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
