//go:build lab

package tests

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

// balancerAddress is the control_plane_endpoint of clusters behind a balancer.
const balancerAddress = lab.Gateway + ":6443"

// balancer is the simplest load balancer there is: it gives each connection to the
// next API server that accepts it. It knows nothing of their health.
type balancer struct {
	lab     *lab.Lab
	servers []*lab.Host
	next    atomic.Uint32
}

// startBalancer balances between hosts until t ends.
func startBalancer(t *testing.T, l *lab.Lab, servers ...*lab.Host) {
	t.Helper()
	listener, err := l.Listen(t.Context(), balancerAddress)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	b := &balancer{lab: l, servers: servers}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { b.serve(ctx, conn) })
		}
	})
	t.Cleanup(func() {
		cancel()
		listener.Close()
		group.Wait()
	})
}

// serve carries one connection to its end.
func (b *balancer) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	server := b.connect(ctx)
	if server == nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() {
		client.Close()
		server.Close()
	})()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
	client.Close() // which ends the other direction
	<-sent
}

// connect tries each server once, nil if none accepts.
func (b *balancer) connect(ctx context.Context) net.Conn {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	first := int(b.next.Add(1))
	for i := range b.servers {
		h := b.servers[(first+i)%len(b.servers)]
		if conn, err := h.Dial(ctx, "tcp", h.IP+":6443"); err == nil {
			return conn
		}
	}
	return nil
}
