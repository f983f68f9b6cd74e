package etcd

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestAsk wants the words of etcd, or of who knows better why there is no answer,
// and nothing left over.
func TestAsk(t *testing.T) {
	silent := accept(t, func(net.Conn) {})
	tests := map[string]struct {
		endpoint string
		fails    bool
		want     string // beginning of the error
	}{
		"answers":   {start(t, &fake{}, ""), false, ""},
		"refuses":   {start(t, &fake{noQuorum: true}, ""), true, "etcdserver: no leader"},
		"hangs up":  {accept(t, func(c net.Conn) { _ = c.Close() }), true, ""}, // noticed as it is read or written
		"is silent": {silent, true, "the reason of who asks"},
		"is not":    {silentURL, true, "dial tcp 127.0.0.1:1: connect: connection refused"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			within := time.Minute
			if tt.endpoint == silent {
				within = 100 * time.Millisecond
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), within, errors.New("the reason of who asks"))
			defer cancel()
			err := asker{}.health(ctx, tt.endpoint)
			if (err != nil) != tt.fails || err != nil && (!strings.HasPrefix(err.Error(), tt.want) || strings.HasPrefix(err.Error(), "rpc error")) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// accept takes connections that nobody serves, and returns a URL.
func accept(t *testing.T, then func(net.Conn)) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepted []net.Conn
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			accepted = append(accepted, c)
			then(c)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-ended
		for _, c := range accepted {
			_ = c.Close()
		}
	})
	return "http://" + listener.Addr().String()
}
