package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// The kinds of PEM blocks.
const (
	blockCertificate = "CERTIFICATE"
	blockPublicKey   = "PUBLIC KEY"
	blockRSA         = "RSA PRIVATE KEY" // PKCS #1
	blockEC          = "EC PRIVATE KEY"  // SEC 1
	blockPKCS8       = "PRIVATE KEY"
)

// newKey makes a private key. The algorithm is one of those that the schemas
// list, which are kubeadm's.
func newKey(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "RSA-2048":
		return rsa.GenerateKey(rand.Reader, 2048)
	case "RSA-3072":
		return rsa.GenerateKey(rand.Reader, 3072)
	case "RSA-4096":
		return rsa.GenerateKey(rand.Reader, 4096)
	case "ECDSA-P256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ECDSA-P384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		return nil, fmt.Errorf("make key: unknown algorithm %q", algorithm)
	}
}

// encodeKey returns a private key as PEM, in the forms that kubeadm writes.
func encodeKey(key crypto.Signer) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return pem.EncodeToMemory(&pem.Block{Type: blockRSA, Bytes: x509.MarshalPKCS1PrivateKey(k)}), nil
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(k)
		if err != nil {
			return nil, fmt.Errorf("encode key: %w", err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: blockEC, Bytes: der}), nil
	default:
		return nil, fmt.Errorf("encode key: %T is neither RSA nor ECDSA", key)
	}
}

func encodePublicKey(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockPublicKey, Bytes: der}), nil
}

// parseKey reads the first private key in data. The error never quotes data.
func parseKey(data []byte) (crypto.Signer, error) {
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			return nil, errors.New("no private key in PEM form")
		}
		data = rest
		var key any
		var err error
		switch block.Type {
		case blockRSA:
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case blockEC:
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case blockPKCS8:
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("the private key is encrypted")
		default: // such as EC PARAMETERS
			continue
		}
		if err != nil {
			return nil, errors.New("the private key cannot be decoded: it is encrypted or damaged")
		}
		switch k := key.(type) {
		case *rsa.PrivateKey:
			return k, nil
		case *ecdsa.PrivateKey:
			return k, nil
		default:
			return nil, errors.New("the private key is neither RSA nor ECDSA")
		}
	}
}

// checkPublicKey refuses what holds no public key.
func checkPublicKey(data []byte) error {
	block, _ := pem.Decode(data)
	if block == nil {
		return errors.New("no public key in PEM form")
	}
	var err error
	switch block.Type {
	case blockPublicKey:
		_, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY": // PKCS #1
		_, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case blockCertificate:
		_, err = x509.ParseCertificate(block.Bytes)
	default:
		err = fmt.Errorf("a PEM block of type %q is no public key", block.Type)
	}
	return err
}

// parseCertificates reads all certificates in data, at least one.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		data = rest
		if block.Type != blockCertificate {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errors.New("no certificate in PEM form")
	}
	return certs, nil
}

func encodeCertificate(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: cert.Raw})
}

// belongs reports whether a certificate is that of a key.
func belongs(key crypto.Signer, cert *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(x crypto.PublicKey) bool })
	return ok && public.Equal(cert.PublicKey)
}
