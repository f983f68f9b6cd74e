package pki

import (
	"bytes"
	"strings"
	"testing"
)

// kubeadmKey is the certificate key of testdata/kubeadm-certs.json, which the
// upload-certs phase of kubeadm 1.36.3 made.
const kubeadmKey = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

func TestParseCertificateKey(t *testing.T) {
	for text, want := range map[string]bool{
		kubeadmKey: true, strings.ToUpper(kubeadmKey): true,
		"": false, kubeadmKey[2:]: false, kubeadmKey + "00": false, strings.Replace(kubeadmKey, "0", "x", 1): false,
	} {
		key, err := parseCertificateKey(text)
		if (err == nil) != want {
			t.Errorf("key of %d characters: got %v", len(text), err)
		}
		if err == nil && key.text() != strings.ToLower(text) {
			t.Error("the text of a key is another one")
		}
	}
}

// A derived key depends on the authority and on the salt, and on nothing else.
func TestDeriveCertificateKey(t *testing.T) {
	one, other := newTestKey(t), newTestKey(t)
	first, err := deriveCertificateKey(one, []byte("salt"))
	if err != nil || len(first) != 32 {
		t.Fatalf("got %d bytes, %v", len(first), err)
	}
	for name, tt := range map[string]struct {
		key  func() (certificateKey, error)
		same bool
	}{
		"again":           {func() (certificateKey, error) { return deriveCertificateKey(one, []byte("salt")) }, true},
		"other salt":      {func() (certificateKey, error) { return deriveCertificateKey(one, []byte("salz")) }, false},
		"other authority": {func() (certificateKey, error) { return deriveCertificateKey(other, []byte("salt")) }, false},
	} {
		got, err := tt.key()
		if err != nil || bytes.Equal(got, first) != tt.same {
			t.Errorf("%s: same key %v, %v, want %v", name, bytes.Equal(got, first), err, tt.same)
		}
	}
}

// What is sealed can be opened, and nothing else: neither with one bit changed, nor
// cut short, nor whatever comes along.
func FuzzOpen(f *testing.F) {
	key, err := parseCertificateKey(kubeadmKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("text"), uint(3))
	f.Add([]byte{}, uint(12*8))
	f.Add(make([]byte, 28), uint(500))
	f.Fuzz(func(t *testing.T, data []byte, bit uint) {
		if plain, err := key.open(data); err == nil {
			t.Errorf("open(%x): got %q", data, plain)
		}
		sealed, err := key.seal(data)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := key.open(sealed); err != nil || !bytes.Equal(plain, data) {
			t.Errorf("open(seal(%x)): got %x, %v", data, plain, err)
		}
		if _, err := key.open(sealed[:len(sealed)-1]); err == nil {
			t.Error("a text that is cut short can be opened")
		}
		bit %= uint(len(sealed)) * 8
		sealed[bit/8] ^= 1 << (bit % 8)
		if _, err := key.open(sealed); err == nil {
			t.Errorf("a text whose bit %d was changed can be opened", bit)
		}
	})
}
