package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math"
	"math/big"
	"net"
	"time"
)

// backdate is how far the validity of a certificate begins in the past, so that
// hosts whose clocks are a little behind accept it: 5 min, as kubeadm's.
const backdate = 5 * time.Minute

// issuer is a certificate authority that can sign.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// selfSign makes the certificate of an authority.
func selfSign(commonName string, key crypto.Signer, now time.Time, validity time.Duration) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: commonName},
		DNSNames:     []string{commonName},
		NotBefore:    now.Add(-backdate), NotAfter: now.Add(validity),
		KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	return create(template, issuer{template, key}, key.Public())
}

// sign makes the certificate of a leaf. A zero notBefore means now.
func (i issuer) sign(id identity, key crypto.PublicKey, notBefore, notAfter time.Time) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	return create(&x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: id.CommonName, Organization: id.Organizations},
		DNSNames:     id.DNSNames, IPAddresses: id.netIPs(),
		NotBefore: notBefore, NotAfter: notAfter,
		KeyUsage:              x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           id.Usages,
		BasicConstraintsValid: true,
	}, i, key)
}

func create(template *x509.Certificate, by issuer, key crypto.PublicKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key, by.key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// newSerial returns a random number in [1, MaxInt64).
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(math.MaxInt64-1))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

func (id identity) netIPs() []net.IP {
	var out []net.IP
	for _, ip := range id.IPs {
		out = append(out, ip.AsSlice())
	}
	return out
}
