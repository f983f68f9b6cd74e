package pki

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
)

// certificateKeySize is that of kubeadm's certificate keys: 32 bytes, for AES-256.
const certificateKeySize = 32

// certificateKey encrypts what control-plane nodes share. Its text, 64 hex digits,
// is what --certificate-key of kubeadm takes.
type certificateKey []byte

// errCertificateKey never quotes the key.
var errCertificateKey = errors.New("a certificate key is 64 hex digits, as from kubeadm certs certificate-key or the output key of pki.upload")

func parseCertificateKey(text string) (certificateKey, error) {
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != certificateKeySize {
		return nil, errCertificateKey
	}
	return key, nil
}

// deriveCertificateKey makes the key that belongs to a salt, which may be public:
// only who has the authority's private key, which it is to protect, can make it
// again. So it need not be stored anywhere.
func deriveCertificateKey(authority crypto.Signer, salt []byte) (certificateKey, error) {
	secret, err := x509.MarshalPKCS8PrivateKey(authority)
	if err != nil {
		return nil, fmt.Errorf("make certificate key: %w", err)
	}
	return hkdf.Key(sha256.New, secret, salt, "clusterflow certificate key", certificateKeySize)
}

// text is the key as kubeadm takes it. There is no String method, so that no log
// shows it by chance.
func (k certificateKey) text() string { return hex.EncodeToString(k) }

// seal encrypts as kubeadm does: AES-256-GCM, a random nonce of 12 bytes, then the
// ciphertext and its tag of 16 bytes.
func (k certificateKey) seal(plain []byte) ([]byte, error) {
	gcm, err := k.cipher()
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("make nonce: %w", err)
	}
	return gcm.Seal(nonce, nonce, plain, nil), nil
}

// errSealed says that a text was not sealed with this key.
var errSealed = errors.New("it was encrypted with another certificate key, or is damaged")

func (k certificateKey) open(sealed []byte) ([]byte, error) {
	gcm, err := k.cipher()
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errSealed
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

func (k certificateKey) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("use certificate key: %w", err)
	}
	return cipher.NewGCM(block)
}
