package pki

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const leafKind = "certificate"

// terms are how a certificate is made and renewed.
type terms struct {
	algorithm   string
	validity    time.Duration
	renewBefore time.Duration
	now         time.Time
}

// leaf is the resource: a certificate signed by an authority, and its key.
type leaf struct {
	pair
	id    identity
	ca    signer
	terms terms
}

func (l *leaf) ID() resource.ID { return resource.ID{Kind: leafKind, Target: l.CertFile} }

// Diff compares an existing certificate with what is wanted.
func (l *leaf) Diff(ctx context.Context) (sdk.Change, error) {
	ca, caKey, err := loadAuthority(l.ca, l.terms.now)
	if err != nil {
		return sdk.Change{}, err
	}
	certData, found, err := readFile(l.CertFile)
	if err != nil {
		return sdk.Change{}, err
	}
	switch {
	case !found && ca != nil && caKey == nil:
		return sdk.Change{}, l.ca.cannotSign(l.lacking(), l.id, leafAndKey)
	case !found:
		return l.create()
	}
	d, err := l.judge(certData, ca)
	if err != nil {
		return sdk.Change{}, err
	}
	switch {
	case !d.found():
		return diffMode(l.KeyFile)
	case caKey != nil || ca == nil:
		return sdk.Change{Op: sdk.OpUpdate, Reason: d.Reason}, nil
	case d.Usable:
		resource.Warn(ctx, fmt.Sprintf("certificate %s: %s; it is kept, as the key of its authority is not here", l.CertFile, d.Reason), "")
		return diffMode(l.KeyFile)
	}
	return sdk.Change{}, l.ca.cannotSign(d.Reason, l.id, leafAndKey)
}

// lacking says which of the two files do not exist, given that the certificate does
// not.
func (l *leaf) lacking() string {
	if _, err := os.Stat(l.KeyFile); errors.Is(err, fs.ErrNotExist) {
		return "absent, as is its private key " + l.KeyFile
	}
	return "absent"
}

// create plans a new certificate. A key without a certificate is kept: it was left
// by an interrupted run, or made for a signing request.
func (l *leaf) create() (sdk.Change, error) {
	key, err := loadKey(l.KeyFile)
	switch {
	case err != nil:
		return sdk.Change{}, err
	case key != nil:
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent, its key is there"}, nil
	}
	return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
}

// judge finds what is wrong with the certificate in data. Without an authority,
// which is yet to be made, it was signed by another one.
func (l *leaf) judge(data []byte, ca *x509.Certificate) (defect, error) {
	certs, err := parseCertificates(data)
	if err != nil {
		return defect{Reason: err.Error()}, nil
	}
	key, err := loadKey(l.KeyFile)
	switch {
	case err != nil:
		return defect{}, err
	case key == nil:
		return defect{Reason: "its private key " + l.KeyFile + " is absent"}, nil
	case ca == nil:
		return defect{Reason: "not signed by the authority that is to be made"}, nil
	}
	return leafState{
		cert: certs[0], chain: certs[1:], key: key, ca: ca,
		now: l.terms.now, renewBefore: l.terms.renewBefore,
	}.judge(l.id), nil
}

// Render makes what Diff finds to be needed. The key is written before the
// certificate: a certificate without its key would be of no use.
func (l *leaf) Render(ctx context.Context) error {
	if err := conceal(l.KeyFile); err != nil {
		return err
	}
	change, err := l.Diff(ctx)
	if err != nil || change.Op == sdk.OpNone {
		return err
	}
	by, err := loadIssuer(l.ca, l.id, l.terms.now)
	if err != nil {
		return err
	}
	var key crypto.Signer
	if change.Op == sdk.OpCreate {
		if key, err = loadKey(l.KeyFile); err != nil {
			return err
		}
	}
	return l.issue(ctx, by, key)
}

// issue writes a certificate for key, or for a new one when that is nil.
func (l *leaf) issue(ctx context.Context, by issuer, key crypto.Signer) error {
	if key == nil {
		var err error
		if key, err = newKey(l.terms.algorithm); err != nil {
			return err
		}
		if err := l.writeKey(ctx, key); err != nil {
			return err
		}
	}
	now := l.terms.now
	cert, err := by.sign(l.id, key.Public(), now.Add(-backdate), now.Add(l.terms.validity))
	if err != nil {
		return err
	}
	return l.writeCert(ctx, cert)
}

func (l *leaf) Remove(context.Context) error { return l.remove() }

// loadAuthority reads an authority and checks that it can vouch for anything. All
// is nil while it does not exist.
func loadAuthority(s signer, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	cert, key, err := s.load()
	if err != nil || cert == nil {
		return nil, nil, err
	}
	return cert, key, checkAuthority(cert, now)
}

// loadIssuer reads an authority that has to sign now.
func loadIssuer(s signer, id identity, now time.Time) (issuer, error) {
	cert, key, err := loadAuthority(s, now)
	switch {
	case err != nil:
		return issuer{}, err
	case cert == nil:
		return issuer{}, sdk.Hint(fmt.Errorf("read authority %s: it does not exist", s.Cert),
			"The phase that makes it must come first: refer to its outputs, as in ca = phase.ca.")
	case key == nil:
		return issuer{}, s.cannotSign("it has to be signed", id, leafAndKey)
	}
	return issuer{cert: cert, key: key}, nil
}

// cannotSign is the error of an authority whose key is kept elsewhere. What is to
// be put in place is told in a few words.
func (s signer) cannotSign(reason string, id identity, what string) error {
	return sdk.Permanent(sdk.Hint(fmt.Errorf("%s, but the authority's key %s is not here", reason, s.Key),
		fmt.Sprintf("Have the holder of the key sign a certificate with %s, and put %s in place. Or put the authority's key there.", id, what)))
}

const (
	leafAndKey     = "it and its key"
	kubeconfigOfIt = "a kubeconfig with it and its key"
)
