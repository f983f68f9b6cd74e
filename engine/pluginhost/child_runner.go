package pluginhost

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// The methods of this file are for go-plugin alone.
var _ runner.Runner = (*child)(nil)

// Start starts the process. It is called once.
func (c *child) Start(context.Context) error {
	c.begun = true
	stdout, stderr, err := c.start()
	if err != nil {
		_ = c.helloW.Close()
		close(c.ended)
		return err
	}
	var readers sync.WaitGroup
	readers.Go(func() { c.read(stdout, c.stdoutLine) })
	readers.Go(func() { c.read(stderr, c.stderrLine) })
	go func() {
		c.reap()
		deadline := time.Now().Add(drainTime)
		_ = stdout.SetReadDeadline(deadline)
		_ = stderr.SetReadDeadline(deadline)
		readers.Wait()
		_ = c.helloW.Close()
		c.hangUp()
		close(c.ended)
	}()
	return nil
}

// Wait returns when the process has ended and go-plugin has its connection.
func (c *child) Wait(context.Context) error {
	<-c.connected
	<-c.ended
	return nil
}

// Kill kills the process group and returns when the process is gone.
func (c *child) Kill(context.Context) error {
	c.kill()
	<-c.ended
	return nil
}

// Stdout gives the handshake line and ends.
func (c *child) Stdout() io.ReadCloser { return c.hello }

// Stderr is empty.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is the path of the plugin.
func (c *child) Name() string { return c.binary.Path }

// ID is the process id, or empty if the process was never started.
func (c *child) ID() string {
	if pid := c.pid(); pid != 0 {
		return strconv.Itoa(pid)
	}
	return ""
}

// Diagnose has nothing to add: errors of the start are made here, not by go-plugin.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost returns the address as it is: the plugin runs on this machine.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin returns the address as it is.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
