package pki

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// identity is what a certificate says about its holder.
type identity struct {
	CommonName    string
	Organizations []string
	DNSNames      []string // sorted, each once
	IPs           []netip.Addr
	Usages        []x509.ExtKeyUsage
}

// newIdentity reads names as they stand in a config. sans mixes addresses and DNS
// names; the latter are lower-cased.
func newIdentity(commonName string, organizations, sans, usages []string) (identity, error) {
	id := identity{CommonName: commonName, Organizations: organizations}
	for _, san := range sans {
		san = strings.ToLower(san)
		if ip, err := netip.ParseAddr(san); err == nil && ip.Zone() == "" {
			if ip = ip.Unmap(); !slices.Contains(id.IPs, ip) {
				id.IPs = append(id.IPs, ip)
			}
			continue
		}
		if len(validation.IsDNS1123Subdomain(san)) > 0 && len(validation.IsWildcardDNS1123Subdomain(san)) > 0 {
			return identity{}, fmt.Errorf("sans: %q is neither an IP address nor a DNS name", san)
		}
		id.DNSNames = append(id.DNSNames, san)
	}
	slices.Sort(id.DNSNames)
	id.DNSNames = slices.Compact(id.DNSNames)
	for _, u := range usageNames() { // the order does not depend on the config
		if slices.Contains(usages, u) {
			id.Usages = append(id.Usages, usageOf(u))
		}
	}
	return id, nil
}

func usageOf(name string) x509.ExtKeyUsage {
	if name == "server" {
		return x509.ExtKeyUsageServerAuth
	}
	return x509.ExtKeyUsageClientAuth
}

func usageName(u x509.ExtKeyUsage) string {
	switch u {
	case x509.ExtKeyUsageServerAuth:
		return "server"
	case x509.ExtKeyUsageClientAuth:
		return "client"
	default:
		return fmt.Sprintf("usage %d", u)
	}
}

// String describes the holder, for a person who is to sign a certificate.
func (id identity) String() string {
	parts := []string{"CN=" + id.CommonName}
	for _, o := range id.Organizations {
		parts = append(parts, "O="+o)
	}
	for _, name := range id.DNSNames {
		parts = append(parts, "DNS:"+name)
	}
	for _, ip := range id.IPs {
		parts = append(parts, "IP:"+ip.String())
	}
	for _, u := range id.Usages {
		parts = append(parts, usageName(u)+"Auth")
	}
	return strings.Join(parts, ", ")
}
