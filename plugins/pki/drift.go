package pki

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// defect is why a certificate should be made anew. The zero value is none.
type defect struct {
	Reason string
	// Usable certificates do what is wanted of them now. They are replaced where
	// that is possible, and accepted where it is not.
	Usable bool
}

func (d defect) found() bool { return d.Reason != "" }

// or returns the graver of two defects, d if they are equal.
func (d defect) or(other defect) defect {
	if d.found() && !d.Usable {
		return d
	}
	return other
}

// leafState is a certificate as it was found, with all that it is judged by.
type leafState struct {
	cert  *x509.Certificate
	chain []*x509.Certificate // what else is in its file
	key   crypto.Signer
	ca    *x509.Certificate
	now   time.Time
	// renewBefore is how long before its end a certificate is renewed. One that
	// lives for less than three times as long is renewed after two thirds.
	renewBefore time.Duration
}

// judge compares a certificate with what is wanted and returns the gravest defect.
func (s leafState) judge(want identity) defect {
	for _, reason := range []string{
		s.wrongKey(), wrongClient(s.cert, want), missing(s.cert, want), s.outdated(), s.untrusted(),
	} {
		if reason != "" {
			return defect{Reason: reason}
		}
	}
	for _, reason := range []string{s.endsSoon(), wrongSubject(s.cert, want), excess(s.cert, want)} {
		if reason != "" {
			return defect{Reason: reason, Usable: true}
		}
	}
	return defect{}
}

func (s leafState) wrongKey() string {
	if belongs(s.key, s.cert) {
		return ""
	}
	return "does not belong to its private key"
}

// wrongClient reports a certificate that would make its holder another user, or
// one with less groups. Of servers, whose clients look at the SANs, the subject does
// not matter.
func wrongClient(cert *x509.Certificate, want identity) string {
	isServer := slices.Contains(want.Usages, x509.ExtKeyUsageServerAuth)
	lacksGroup := len(without(want.Organizations, cert.Subject.Organization)) > 0
	if isServer || (cert.Subject.CommonName == want.CommonName && !lacksGroup) {
		return ""
	}
	return wrongSubject(cert, want)
}

func wrongSubject(cert *x509.Certificate, want identity) string {
	if cert.Subject.CommonName != want.CommonName {
		return fmt.Sprintf("common name %q, want %q", cert.Subject.CommonName, want.CommonName)
	}
	if !slices.Equal(sorted(cert.Subject.Organization), sorted(want.Organizations)) {
		return fmt.Sprintf("organizations %q, want %q", cert.Subject.Organization, want.Organizations)
	}
	return ""
}

func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// missing names what the certificate lacks.
func missing(cert *x509.Certificate, want identity) string {
	lacks := without(names(want.DNSNames, want.IPs), names(cert.DNSNames, ipsOf(cert)))
	if len(lacks) > 0 {
		return "not valid for " + strings.Join(lacks, ", ")
	}
	if slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny) {
		return ""
	}
	for _, u := range want.Usages {
		if !slices.Contains(cert.ExtKeyUsage, u) {
			return "not valid for use as a " + usageName(u)
		}
	}
	return ""
}

// excess names what the certificate is valid for and should not be.
func excess(cert *x509.Certificate, want identity) string {
	extra := without(names(cert.DNSNames, ipsOf(cert)), names(want.DNSNames, want.IPs))
	if len(extra) > 0 {
		return "valid for " + strings.Join(extra, ", ") + " too"
	}
	for _, u := range cert.ExtKeyUsage {
		if !slices.Contains(want.Usages, u) {
			return "valid for use as a " + usageName(u) + " too"
		}
	}
	return ""
}

func names(dns []string, ips []netip.Addr) []string {
	out := slices.Clone(dns)
	for _, ip := range ips {
		out = append(out, ip.String())
	}
	return out
}

func ipsOf(cert *x509.Certificate) []netip.Addr {
	var out []netip.Addr
	for _, raw := range cert.IPAddresses {
		if ip, ok := netip.AddrFromSlice(raw); ok {
			out = append(out, ip.Unmap())
		}
	}
	return out
}

func without(list, exclude []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(exclude, s) })
}

func (s leafState) outdated() string {
	switch {
	case s.now.After(s.cert.NotAfter):
		return "expired on " + day(s.cert.NotAfter)
	case s.now.Before(s.cert.NotBefore):
		return "not valid before " + s.cert.NotBefore.Format(time.RFC3339)
	}
	return ""
}

func (s leafState) untrusted() string {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(s.ca)
	for _, c := range s.chain {
		intermediates.AddCert(c)
	}
	_, err := s.cert.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: s.now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err == nil {
		return ""
	}
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return fmt.Sprintf("not signed by the authority %q", s.ca.Subject.CommonName)
	}
	return err.Error()
}

func (s leafState) endsSoon() string {
	window := min(s.renewBefore, s.cert.NotAfter.Sub(s.cert.NotBefore)/3)
	if s.now.Before(s.cert.NotAfter.Add(-window)) {
		return ""
	}
	return "expires on " + day(s.cert.NotAfter)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
