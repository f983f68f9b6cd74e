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
	tests := map[string]struct{ endpoint, want string }{
		"answers":   {start(t, &fake{}, ""), ""},
		"refuses":   {start(t, &fake{noQuorum: true}, ""), "etcdserver: no leader"},
		"hangs up":  {accept(t, func(c net.Conn) { _ = c.Close() }), "connection error: "},
		"is silent": {silent, "the reason of who asks"},
		"is not":    {silentURL, "dial tcp 127.0.0.1:1: connect: connection refused"},
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
			if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
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
