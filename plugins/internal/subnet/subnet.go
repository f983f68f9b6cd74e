// Package subnet reads the service and pod subnets of a cluster: one CIDR, or two
// of different families separated by a comma, the first being the primary one.
//
// It does no networking.
package subnet

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// DNSIndex is the address of the cluster's DNS service within the first service
// CIDR: the tenth, 10.96.0.10 in 10.96.0.0/12.
const DNSIndex = 10

// Parse reads one or two CIDRs. Bits behind the prefix are ignored.
func Parse(text string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		p, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("%q is not a subnet such as 10.96.0.0/12", part)
		}
		out = append(out, p.Masked())
	}
	switch {
	case len(out) > 2:
		return nil, fmt.Errorf("%q has more than two subnets", text)
	case len(out) == 2 && out[0].Addr().Is4() == out[1].Addr().Is4():
		return nil, errors.New("two subnets must be of different families, one IPv4 and one IPv6")
	}
	return out, nil
}

// Address returns the n-th address of the first subnet in text.
func Address(text string, n int) (netip.Addr, error) {
	subnets, err := Parse(text)
	if err != nil {
		return netip.Addr{}, err
	}
	address := subnets[0].Addr()
	for range n {
		address = address.Next()
	}
	if !subnets[0].Contains(address) {
		return netip.Addr{}, fmt.Errorf("subnet %s has no address number %d", subnets[0], n)
	}
	return address, nil
}
