package pki

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"
)

func TestKeys(t *testing.T) {
	for algorithm, block := range map[string]string{
		"RSA-2048": blockRSA, "RSA-3072": blockRSA, "RSA-4096": blockRSA, "ECDSA-P256": blockEC, "ECDSA-P384": blockEC,
	} {
		t.Run(algorithm, func(t *testing.T) {
			if testing.Short() && algorithm == "RSA-4096" {
				t.Skip("slow")
			}
			key, err := newKey(algorithm)
			if err != nil {
				t.Fatal(err)
			}
			data := mustEncode(t, key)
			if b, rest := pem.Decode(data); b == nil || b.Type != block || len(rest) > 0 {
				t.Errorf("got %s, want one block %q", data, block)
			}
			cert, err := selfSign("ca", key, time.Now(), time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if back, err := parseKey(data); err != nil || !belongs(back, cert) {
				t.Errorf("read back: got %v", err)
			}
		})
	}
	if _, err := newKey("DSA"); err == nil {
		t.Error("DSA: got no error")
	}
}

func TestParseKey(t *testing.T) {
	key := newTestKey(t)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edwards, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	block := func(typ string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
	}
	tests := map[string]struct{ data, want string }{
		"PKCS #8":         {block(blockPKCS8, pkcs8), ""},
		"with parameters": {block("EC PARAMETERS", []byte{6, 0}) + string(mustEncode(t, key)), ""},
		"empty":           {"", "no private key in PEM form"},
		"a certificate":   {block(blockCertificate, []byte{1}), "no private key in PEM form"},
		"Ed25519":         {block(blockPKCS8, edwards), "neither RSA nor ECDSA"},
		"encrypted":       {block("ENCRYPTED PRIVATE KEY", pkcs8), "the private key is encrypted"},
		"damaged":         {block(blockRSA, pkcs8), "encrypted or damaged"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := parseKey([]byte(tt.data))
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzParsePEM(f *testing.F) {
	key, err := newKey("ECDSA-P256")
	if err != nil {
		f.Fatal(err)
	}
	data, err := encodeKey(key)
	if err != nil {
		f.Fatal(err)
	}
	cert, err := selfSign("ca", key, time.Now(), time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(data, encodeCertificate(cert)...))
	f.Add([]byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		t.Helper()
		if key, err := parseKey(data); (key == nil) == (err == nil) {
			t.Errorf("parseKey: got %v, %v", key, err)
		}
		if certs, err := parseCertificates(data); (len(certs) == 0) == (err == nil) {
			t.Errorf("parseCertificates: got %d, %v", len(certs), err)
		}
	})
}
