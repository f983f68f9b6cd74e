package pki

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// Modes of the files, as kubeadm's.
const (
	modeCert = 0o644
	modeKey  = 0o600
	modeDir  = 0o755
)

// readFile returns the content of a file; found is false when there is none.
func readFile(path string) (data []byte, found bool, err error) {
	data, err = os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, false, nil
	}
	return data, err == nil, err
}

// loadKey reads a private key; a file that is not there gives nil.
func loadKey(path string) (crypto.Signer, error) {
	data, found, err := readFile(path)
	if err != nil || !found {
		return nil, err
	}
	key, err := parseKey(data)
	if err != nil {
		return nil, sdk.Hint(fmt.Errorf("read %s: %w", path, err), "Put an unencrypted RSA or ECDSA key there, or move the file away.")
	}
	return key, nil
}

// loadCertificates reads certificates; a file that is not there gives none.
func loadCertificates(path string) ([]*x509.Certificate, error) {
	data, found, err := readFile(path)
	if err != nil || !found {
		return nil, err
	}
	certs, err := parseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return certs, nil
}

// writeKey writes a private key, and writeCert a certificate. Both make missing
// directories and note them in p.
func (p *pair) writeKey(ctx context.Context, key crypto.Signer) error {
	data, err := encodeKey(key)
	if err != nil {
		return err
	}
	return writeFile(ctx, p.KeyFile, data, modeKey, &p.Dirs)
}

func (p *pair) writeCert(ctx context.Context, cert *x509.Certificate) error {
	return writeFile(ctx, p.CertFile, encodeCertificate(cert), modeCert, &p.Dirs)
}

func writeFile(ctx context.Context, path string, data []byte, mode fs.FileMode, dirs *[]string) error {
	f := resource.File{Path: path, Mode: mode, Content: data, Secret: true, DirMode: modeDir}
	err := f.Render(ctx)
	*dirs = append(*dirs, f.Dirs...)
	return err
}

// Left reports a key without its certificate, or the rest of a write that was killed.
func (p *pair) Left() bool {
	_, err := os.Lstat(p.KeyFile)
	return err == nil || resource.Unfinished(p.KeyFile) || resource.Unfinished(p.CertFile)
}

// remove deletes the pair and the directories that were made for it, if empty.
func (p *pair) remove() error {
	for _, path := range []string{p.CertFile, p.KeyFile} {
		if err := resource.RemoveFile(path); err != nil {
			return err
		}
	}
	for i := len(p.Dirs) - 1; i >= 0; i-- {
		if os.Remove(p.Dirs[i]) != nil {
			break // not empty: others' files are in it
		}
	}
	return nil
}

// exposed says that a file with a private key is open to every user, "" if not.
func exposed(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return fmt.Sprintf("%s is open to every user: mode %04o, want %04o", filepath.Base(path), mode, modeKey), nil
	}
	return "", nil
}

// diffMode is the change that conceal would make.
func diffMode(path string) (sdk.Change, error) {
	reason, err := exposed(path)
	if err != nil || reason == "" {
		return sdk.Change{}, err
	}
	return sdk.Change{Op: sdk.OpUpdate, Reason: reason}, nil
}

// conceal closes a file with a private key to other users.
func conceal(path string) error {
	reason, err := exposed(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || reason == "" {
		return err
	}
	return os.Chmod(path, modeKey)
}

// load reads the authority. Both are nil while its certificate does not exist, the
// key also when it is kept elsewhere.
func (s signer) load() (*x509.Certificate, crypto.Signer, error) {
	certs, err := loadCertificates(s.Cert)
	if err != nil || len(certs) == 0 {
		return nil, nil, err
	}
	key, err := loadKey(s.Key)
	if err != nil {
		return nil, nil, err
	}
	if key != nil && !belongs(key, certs[0]) {
		return nil, nil, sdk.Hint(fmt.Errorf("read authority: the key %s does not belong to the certificate %s", s.Key, s.Cert),
			"Restore the key that this certificate was made with.")
	}
	return certs[0], key, nil
}
