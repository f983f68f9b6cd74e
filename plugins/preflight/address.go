package preflight

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
)

// advertiseAddress is the address given; for "", "0.0.0.0", "::" and a loopback
// address it is the first global address of the interface of a default route, of
// that family first, IPv4 when none was given. That is kubeadm's choice, except
// that of several routes the one with the lowest metric counts.
func (m machine) advertiseAddress(given string) (netip.Addr, error) {
	v6 := false
	if given != "" {
		a, err := netip.ParseAddr(given)
		if err != nil {
			return netip.Addr{}, attrError("advertise_address", fmt.Errorf("%q is not an IP address", given))
		}
		a = a.Unmap()
		if !a.IsUnspecified() && !a.IsLoopback() {
			return a, nil
		}
		v6 = a.Is6()
	}
	families := []bool{v6, !v6}
	if given != "" {
		families = families[:1]
	}
	address, err := m.defaultAddress(families)
	return address, sdk.Permanent(sdk.Hint(err, "Set advertise_address to the address on which other hosts reach this one: ip -brief address"))
}

func (m machine) defaultAddress(families []bool) (netip.Addr, error) {
	all, err := m.interfaces()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list network interfaces: %w", err)
	}
	routes, err := m.defaultRoutes()
	if err != nil {
		return netip.Addr{}, err
	}
	for _, v6 := range families {
		for _, r := range routes {
			if r.v6 != v6 {
				continue
			}
			// A router's interface may have link-local addresses only, and the host its
			// own on the loopback interface (RFC 5549).
			for _, l := range slices.Concat(byName(all, r.device), loopbacks(all)) {
				if a, ok := global(l, v6); ok {
					return a, nil
				}
			}
		}
	}
	if len(routes) == 0 {
		return netip.Addr{}, errors.New("choose address of this host: it has no default route")
	}
	return netip.Addr{}, fmt.Errorf("choose address of this host: interface %s of the default route has no global address of the family that is wanted", routes[0].device)
}

func byName(all []link, name string) []link {
	return slices.DeleteFunc(slices.Clone(all), func(l link) bool { return l.name != name })
}

func loopbacks(all []link) []link {
	return slices.DeleteFunc(slices.Clone(all), func(l link) bool { return !l.loopback })
}

// global is the first address of a link on which others may reach the host.
func global(l link, v6 bool) (netip.Addr, bool) {
	i := slices.IndexFunc(l.addresses, func(a netip.Addr) bool { return a.Is6() == v6 && a.IsGlobalUnicast() })
	if !l.up || i < 0 {
		return netip.Addr{}, false
	}
	return l.addresses[i], true
}

// defaultRoute is one way out.
type defaultRoute struct {
	device string
	metric uint64
	v6     bool
}

// defaultRoutes lists default routes, lowest metric first. A family that the kernel
// does not have has none.
func (m machine) defaultRoutes() ([]defaultRoute, error) {
	var out []defaultRoute
	for name, parse := range map[string]func(string) []defaultRoute{"route": parseRoutes4, "ipv6_route": parseRoutes6} {
		text, err := os.ReadFile(filepath.Join(m.proc, "net", name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read routes: %w", err)
		}
		out = append(out, parse(string(text))...)
	}
	slices.SortStableFunc(out, func(a, b defaultRoute) int { return int(min(a.metric, 1<<31)) - int(min(b.metric, 1<<31)) })
	return out, nil
}

// Flags of routes.
const (
	routeUp      = 0x1
	routeGateway = 0x2
	routeReject  = 0x200
)

// parseRoutes4 reads /proc/net/route: interface, destination, gateway, flags, two
// counters, metric, mask; numbers are hexadecimal, the metric decimal.
func parseRoutes4(text string) []defaultRoute {
	var out []defaultRoute
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		flags, err := strconv.ParseUint(f[3], 16, 32)
		metric, metricErr := strconv.ParseUint(f[6], 10, 32)
		if err == nil && metricErr == nil && flags&routeUp != 0 && flags&routeReject == 0 {
			out = append(out, defaultRoute{device: f[0], metric: metric})
		}
	}
	return out
}

// parseRoutes6 leaves out routes without a gateway, which the loopback interface
// has. It reads /proc/net/ipv6_route: destination, its length, source, its
// length, next hop, metric, two counters, flags, interface; all hexadecimal.
func parseRoutes6(text string) []defaultRoute {
	var out []defaultRoute
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 || f[0] != strings.Repeat("0", 32) || f[1] != "00" {
			continue
		}
		flags, err := strconv.ParseUint(f[8], 16, 32)
		metric, metricErr := strconv.ParseUint(f[5], 16, 32)
		if err == nil && metricErr == nil && flags&routeUp != 0 && flags&routeGateway != 0 && flags&routeReject == 0 {
			out = append(out, defaultRoute{device: f[9], metric: metric, v6: true})
		}
	}
	return out
}
