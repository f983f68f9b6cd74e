package cri

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
)

// Default is the socket that is taken when no runtime is found, as kubeadm does:
// the runtime may be installed or started later.
const Default = "unix:///var/run/containerd/containerd.sock"

const detectTimeout = 2 * time.Second

// Known are the sockets that are looked for, in kubeadm's order.
func Known() []string {
	return []string{Default, "unix:///var/run/crio/crio.sock", "unix:///var/run/cri-dockerd.sock"}
}

// Detect finds the runtime among the candidates, usually [Known]: the only one on
// whose socket somebody listens. None gives [Default], several are an error that
// names them.
func Detect(ctx context.Context, candidates []string) (string, error) {
	found := Listening(ctx, candidates)
	switch len(found) {
	case 0:
		return Default, nil
	case 1:
		return found[0], nil
	}
	return "", sdk.Permanent(sdk.Hint(
		fmt.Errorf("choose container runtime: this host has several: %s", strings.Join(found, ", ")),
		fmt.Sprintf("Say which one the kubelet uses: cri_socket = %q.", found[0])))
}

// Listening lists those of the sockets that are open, in the order given. One that
// this user may not open is one of them.
func Listening(ctx context.Context, sockets []string) []string {
	return slices.DeleteFunc(slices.Clone(sockets), func(socket string) bool { return !listening(ctx, socket) })
}

func listening(ctx context.Context, socket string) bool {
	address, err := Address(socket)
	if err != nil {
		return false
	}
	dialer := net.Dialer{Timeout: detectTimeout}
	conn, err := dialer.DialContext(ctx, "unix", strings.TrimPrefix(address, "unix://"))
	if err != nil {
		return errors.Is(err, syscall.EACCES)
	}
	_ = conn.Close()
	return true
}
