package pki

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const kubeconfigKind = "kubeconfig"

// clientFile is the resource: a kubeconfig file with a client certificate.
type clientFile struct {
	Path string `json:"path"`
	// Dirs are the directories that were made for the file.
	Dirs []string `json:"dirs,omitempty"`

	cluster string
	server  string
	id      identity
	ca      signer
	terms   terms
	ours    bool // made by an earlier run of this phase
}

func (f *clientFile) ID() resource.ID { return resource.ID{Kind: kubeconfigKind, Target: f.Path} }

// Diff compares an existing file with what is wanted.
func (f *clientFile) Diff(ctx context.Context) (sdk.Change, error) {
	ca, caKey, err := loadAuthority(f.ca, f.terms.now)
	if err != nil {
		return sdk.Change{}, err
	}
	data, found, err := readFile(f.Path)
	if err != nil {
		return sdk.Change{}, err
	}
	switch {
	case !found && ca != nil && caKey == nil:
		return sdk.Change{}, f.ca.cannotSign("absent", f.id, kubeconfigOfIt)
	case !found:
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case len(bytes.TrimSpace(data)) == 0: // as the kubelet makes it for a hostPath
		return sdk.Change{Op: sdk.OpUpdate, Reason: "empty"}, nil
	}
	d, err := f.judge(data, ca)
	if err != nil {
		return sdk.Change{}, err
	}
	if !d.found() {
		return diffMode(f.Path)
	}
	return f.replace(ctx, d, issuer{ca, caKey})
}

// replace says what to do about a defect: make the file anew where the authority
// can sign, or is yet to be made.
func (f *clientFile) replace(ctx context.Context, d defect, by issuer) (sdk.Change, error) {
	switch {
	case by.key != nil || by.cert == nil:
		return sdk.Change{Op: sdk.OpUpdate, Reason: d.Reason}, nil
	case d.Usable:
		resource.Warn(ctx, fmt.Sprintf("kubeconfig %s: %s; it is kept, as the key of its authority is not here", f.Path, d.Reason), "")
		return diffMode(f.Path)
	}
	return sdk.Change{}, f.ca.cannotSign(d.Reason, f.id, kubeconfigOfIt)
}

// judge finds what is wrong with an existing file. One that we did not make and
// that belongs to another cluster, or to none, is an error.
func (f *clientFile) judge(data []byte, ca *x509.Certificate) (defect, error) {
	const hint = "Is it still needed? Move it away to have a new one made, or choose another path."
	have, err := kubeconfig.Parse(data)
	if err != nil {
		if f.ours {
			return defect{Reason: err.Error()}, nil
		}
		return defect{}, sdk.Permanent(sdk.Hint(err, hint))
	}
	reason, err := f.wrongCA(have, ca)
	switch {
	case err != nil:
		return defect{}, err
	case reason != "" && !f.ours && ca != nil:
		return defect{}, sdk.Permanent(sdk.Hint(fmt.Errorf("it is of another cluster: %s", reason), hint))
	case reason != "":
		return defect{Reason: reason}, nil
	case have.Server != f.server:
		return f.judgeUser(have, ca).or(defect{Reason: fmt.Sprintf("server %q, want %q", have.Server, f.server), Usable: true}), nil
	case have.Cluster != f.cluster:
		return f.judgeUser(have, ca).or(defect{Reason: fmt.Sprintf("cluster name %q, want %q", have.Cluster, f.cluster), Usable: true}), nil
	}
	return f.judgeUser(have, ca), nil
}

// wrongCA compares the authority in the file, embedded or by path, with those of
// the cluster, which may be a chain. Of the file only the first certificate counts,
// as with kubeadm.
func (f *clientFile) wrongCA(have kubeconfig.Config, ca *x509.Certificate) (string, error) {
	if ca == nil {
		return "the authority is yet to be made", nil
	}
	data := have.CA
	if len(data) == 0 && have.CAFile != "" {
		var err error
		if data, _, err = readFile(have.CAFile); err != nil {
			return "", err
		}
	}
	certs, err := parseCertificates(data)
	if err != nil {
		return "authority: " + err.Error(), nil
	}
	trusted, err := loadCertificates(f.ca.Cert)
	if err != nil {
		return "", err
	}
	if !slices.ContainsFunc(trusted, certs[0].Equal) {
		return fmt.Sprintf("its authority is not that of %s", f.ca.Cert), nil
	}
	return "", nil
}

// judgeUser judges the client certificate. One that the file names by path is
// renewed by another program, such as the kubelet, and none of our business.
func (f *clientFile) judgeUser(have kubeconfig.Config, ca *x509.Certificate) defect {
	if have.ClientCertFile != "" && have.ClientKeyFile != "" {
		return defect{}
	}
	certs, err := parseCertificates(have.ClientCert)
	if err != nil {
		return defect{Reason: "client certificate: " + err.Error()}
	}
	key, err := parseKey(have.ClientKey)
	if err != nil {
		return defect{Reason: "client key: " + err.Error()}
	}
	return leafState{
		cert: certs[0], chain: certs[1:], key: key, ca: ca,
		now: f.terms.now, renewBefore: f.terms.renewBefore,
	}.judge(f.id)
}

// Render makes what Diff finds to be needed.
func (f *clientFile) Render(ctx context.Context) error {
	if err := conceal(f.Path); err != nil {
		return err
	}
	change, err := f.Diff(ctx)
	if err != nil || change.Op == sdk.OpNone {
		return err
	}
	by, err := loadIssuer(f.ca, f.id, f.terms.now)
	if err != nil {
		return err
	}
	data, err := f.make(by)
	if err != nil {
		return err
	}
	return writeFile(ctx, f.Path, data, modeKey, &f.Dirs)
}

// make returns a new file. The client certificate begins to be valid with the
// authority, as kubeadm's do.
func (f *clientFile) make(by issuer) ([]byte, error) {
	key, err := newKey(f.terms.algorithm)
	if err != nil {
		return nil, err
	}
	keyData, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	cert, err := by.sign(f.id, key.Public(), by.cert.NotBefore, f.terms.now.Add(f.terms.validity))
	if err != nil {
		return nil, err
	}
	return kubeconfig.Config{
		Cluster: f.cluster, Server: f.server, CA: encodeCertificate(by.cert),
		User: f.id.CommonName, ClientCert: encodeCertificate(cert), ClientKey: keyData,
	}.Encode()
}

// Left reports the rest of a write that was killed.
func (f *clientFile) Left() bool { return resource.Unfinished(f.Path) }

func (f *clientFile) Remove(ctx context.Context) error {
	return (&resource.File{Path: f.Path, Dirs: f.Dirs}).Remove(ctx)
}
