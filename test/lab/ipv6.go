package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// What hosts have besides IPv4 in a lab with Options.IPv6: an address of their own,
// a range for pods, and a router that refuses what is nowhere.
const (
	gateway6 = "fd00:99::1"
	// PodCIDR6 has the ranges of all hosts, as a cluster hands them out.
	PodCIDR6 = "fd00:10:244::/56"
)

// IP6 is the IPv6 address of h, in a lab that has such: fd00:99::11, fd00:99::12, …
func (h *Host) IP6() string { return fmt.Sprintf("fd00:99::%d", 10+h.number) }

func podRange6(i int) string { return fmt.Sprintf("fd00:10:244:%x::/64", i-1) }

func (l *Lab) makeBridge6(ctx context.Context) error {
	if !l.opt.IPv6 {
		return nil
	}
	err := inNamespace(l.dir.bridge(), func() error {
		return errors.Join(
			os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0o644),
			os.WriteFile("/proc/sys/net/ipv6/icmp/ratelimit", []byte("0"), 0o644),
		)
	})
	if err != nil {
		return fmt.Errorf("let the bridge route IPv6: %w", err)
	}
	return ip(ctx, l.dir.bridge(), "addr add "+gateway6+"/64 dev br0 nodad", "route add prohibit ::/0")
}

func (h *Host) plug6(ctx context.Context) error {
	if !h.lab.opt.IPv6 {
		return nil
	}
	err := inNamespace(h.namespace(), func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0o644)
	})
	if err != nil {
		return fmt.Errorf("let host %s route IPv6: %w", h.Name, err)
	}
	return errors.Join(
		ip(ctx, h.lab.dir.bridge(), "route replace "+podRange6(h.number)+" via "+h.IP6()),
		ip(ctx, h.namespace(), "addr add "+h.IP6()+"/64 dev eth0 nodad", "route add default via "+gateway6),
	)
}

// podNetwork is the part of the configuration of CNI that says which addresses pods get.
func (h *Host) podNetwork() string {
	ranges, routes := fmt.Sprintf(`[{"subnet": %q}]`, podRange(h.number)), `{"dst": "0.0.0.0/0"}`
	if h.lab.opt.IPv6 {
		ranges += fmt.Sprintf(`, [{"subnet": %q}]`, podRange6(h.number))
		routes += `, {"dst": "::/0"}`
	}
	return fmt.Sprintf(`{"type": "host-local", "ranges": [%s], "routes": [%s]}`, ranges, routes)
}
