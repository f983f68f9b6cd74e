package preflight

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// nodeNameRule is what the API server demands of a node's name, which is also the
// value of a label.
var nodeNameRule = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

const (
	longestNodeName = 63
	nodeNameForm    = "up to 63 lower-case letters, digits, dots and dashes"
)

func validNodeName(name string) bool {
	return len(name) <= longestNodeName && nodeNameRule.MatchString(name)
}

func (m machine) nodeName(ctx context.Context, name string) verdict {
	if name == "" {
		host, err := m.hostname()
		if err != nil {
			return unreadable(err)
		}
		name = strings.ToLower(strings.TrimSpace(host))
	}
	var v verdict
	if !validNodeName(name) {
		v.warnings = append(v.warnings, finding{
			fmt.Sprintf("the node name %q is not valid", name),
			"It may hold " + nodeNameForm + ". Set node_name, or rename the host: hostnamectl set-hostname NAME",
		})
	}
	addresses, err := m.lookup(ctx, name)
	if err != nil {
		v.warnings = append(v.warnings, finding{
			fmt.Sprintf("the node name %q has no address: %v", name, err),
			fmt.Sprintf("Add it to the DNS, or to this host: echo 'ADDRESS %s' >> /etc/hosts", name),
		})
	}
	v.note = fmt.Sprintf("%s is %s", name, strings.Join(addresses, ", "))
	return v
}

// proxyTo warns when the API server would be reached through a proxy.
func (m machine) proxyTo(server string) verdict {
	if server == "" {
		return fail("api_server is not set", "Set it, so that there is something to check.")
	}
	if a, err := netip.ParseAddr(server); err == nil && a.Is6() {
		server = "[" + server + "]"
	}
	proxy, err := m.proxy(&url.URL{Scheme: "https", Host: server})
	if err != nil {
		return unreadable(fmt.Errorf("read proxy settings: %w", err))
	}
	if proxy == nil {
		return pass("%s is reached directly", server)
	}
	return warn(fmt.Sprintf("%s would be reached through the proxy %s", server, proxy.Redacted()), noProxy(host(server)))
}

// proxyToRanges warns when pods or services would be reached through a proxy.
func (m machine) proxyToRanges(cidrs []string) verdict {
	v := pass("%d address ranges are reached directly", len(cidrs))
	for _, cidr := range cidrs {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return unreadable(err)
		}
		first := prefix.Masked().Addr().Next()
		proxy, err := m.proxy(&url.URL{Scheme: "https", Host: netip.AddrPortFrom(first, 1234).String()})
		if err != nil {
			return unreadable(fmt.Errorf("read proxy settings: %w", err))
		}
		if proxy != nil {
			v.warnings = append(v.warnings, finding{
				fmt.Sprintf("%s would be reached through the proxy %s", cidr, proxy.Redacted()), noProxy(cidr),
			})
		}
	}
	return v
}

func noProxy(what string) string {
	return fmt.Sprintf("Leave it out of the proxy: export NO_PROXY=\"$NO_PROXY,%s\"", what)
}

func host(server string) string {
	if h, _, err := net.SplitHostPort(server); err == nil {
		return h
	}
	return server
}
