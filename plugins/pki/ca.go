package pki

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const authorityKind = "certificate authority"

type caConfig struct {
	Dir        string        `cf:"dir,required" doc:"Directory of the pair."`
	Base       string        `cf:"base,required" doc:"File name without extension, such as \"ca\" or \"etcd/ca\"."`
	CommonName string        `cf:"common_name,required" doc:"Name of the authority, such as \"kubernetes\"."`
	Algorithm  string        `cf:"algorithm" default:"\"RSA-2048\"" enum:"RSA-2048 RSA-3072 RSA-4096 ECDSA-P256 ECDSA-P384" doc:"Kind of private key, for a new pair."`
	Validity   time.Duration `cf:"validity" default:"\"87600h\"" doc:"How long a new certificate is valid. It begins 5 minutes in the past."`
	Existing   bool          `cf:"existing" doc:"It must be there when the phase runs, and is never made: on a host that joins a control plane, all have the same."`
}

type caOutputs struct {
	Cert string `cf:"cert" doc:"Path of the certificate."`
	Key  string `cf:"key" doc:"Path of the private key, which may be kept elsewhere."`
	Base string `cf:"base" doc:"The base name, as configured."`
	Pin  string `cf:"pin,late" doc:"SHA-256 of the public key, as in --discovery-token-ca-cert-hash: \"sha256:\" and 64 hex digits."`
}

func caType() sdk.Type {
	return resource.Phase[caConfig, caOutputs]{
		Name: "ca",
		Doc: "A certificate authority: a self-signed certificate and its key. One that exists is kept and used, whoever made it, " +
			"also without its key. It is never replaced: one that is broken or expired is an error.",
		Example: `phase "pki.ca" "ca" {
  dir         = "/etc/kubernetes/pki"
  base        = "ca"
  common_name = "kubernetes"
}`,
		Access: []sdk.Access{{Kind: sdk.AccessPath, What: "config.dir", Write: true}},
		Kinds:  []resource.Kind{resource.KindOf[authority](authorityKind)},
		Validate: func(c caConfig) error {
			if c.CommonName == "" {
				return errors.New("common_name: must not be empty")
			}
			return errors.Join(validBase(c.Base), validPeriod("validity", c.Validity))
		},
		Build: buildCA,
	}.Type()
}

func buildCA(_ context.Context, in resource.Input[caConfig]) (resource.Work[caOutputs], error) {
	c := in.Config
	a := &authority{
		pair:       pairIn(hostpath.Abs(in.WorkDir, c.Dir), c.Base),
		commonName: c.CommonName, algorithm: c.Algorithm, validity: c.Validity, existing: c.Existing, now: time.Now(),
	}
	old, made := recall[authority](in.Record, a.ID())
	a.Dirs, a.Fingerprint = old.Dirs, old.Fingerprint
	a.halfMade = made && old.Fingerprint == ""
	known := caOutputs{Cert: a.CertFile, Key: a.KeyFile, Base: c.Base}
	return resource.Work[caOutputs]{
		Resources: []resource.Resource{a},
		Known:     func() caOutputs { return known },
		Outputs: func(context.Context) (caOutputs, error) {
			cert, _, err := a.load()
			if err != nil {
				return caOutputs{}, err
			}
			known.Pin = pin(cert)
			return known, nil
		},
	}, nil
}

// pin is the SHA-256 of a certificate's public key, as kubeadm join takes it.
func pin(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// authority is the resource: a CA certificate and its key.
type authority struct {
	pair
	// Fingerprint is the SHA-256 of the certificate, once there was one. Without it
	// a recorded authority was never finished.
	Fingerprint string `json:"fingerprint,omitempty"`

	commonName string
	algorithm  string
	validity   time.Duration
	existing   bool
	now        time.Time
	halfMade   bool // an interrupted run began it, so a lone key is ours
}

func (a *authority) ID() resource.ID { return resource.ID{Kind: authorityKind, Target: a.CertFile} }

// Diff accepts what exists, as long as it can be used.
func (a *authority) Diff(ctx context.Context) (sdk.Change, error) {
	cert, key, err := a.load()
	if err != nil {
		return sdk.Change{}, err
	}
	switch {
	case cert != nil:
		return a.diffExisting(ctx, cert, key)
	case key == nil && a.Fingerprint != "":
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent; all that the lost one signed has to be made anew"}, nil
	case key == nil:
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	case a.halfMade:
		return sdk.Change{Op: sdk.OpCreate, Reason: "an interrupted run made only its key"}, nil
	}
	return sdk.Change{}, sdk.Permanent(sdk.Hint(fmt.Errorf("there is a key, %s, but no certificate", a.KeyFile),
		"Restore the certificate from a backup or another control-plane node. To have a new authority made, move the key away."))
}

func (a *authority) diffExisting(ctx context.Context, cert *x509.Certificate, key crypto.Signer) (sdk.Change, error) {
	if err := checkAuthority(cert, a.now); err != nil {
		return sdk.Change{}, err
	}
	if cert.Subject.CommonName != a.commonName {
		resource.Warn(ctx, fmt.Sprintf("authority %s is named %q, not %q; it is used as it is", a.CertFile, cert.Subject.CommonName, a.commonName), "")
	}
	a.Fingerprint = fingerprint(cert)
	if key == nil {
		return sdk.Change{}, nil
	}
	return diffMode(a.KeyFile)
}

// checkAuthority reports a certificate that cannot serve as an authority.
func checkAuthority(cert *x509.Certificate, now time.Time) error {
	const hint = "An authority is never replaced, because all that it signed would have to be replaced with it. " +
		"Put a valid one in its place, or move the pair away to have a new one made."
	name := cert.Subject.CommonName
	switch {
	case !cert.IsCA:
		return sdk.Permanent(sdk.Hint(fmt.Errorf("the certificate of %q is not that of an authority", name), hint))
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return sdk.Permanent(sdk.Hint(fmt.Errorf("the authority %q may not sign certificates", name), hint))
	case now.After(cert.NotAfter):
		return sdk.Permanent(sdk.Hint(fmt.Errorf("the authority %q expired on %s", name, day(cert.NotAfter)), hint))
	case now.Before(cert.NotBefore):
		return sdk.Hint(fmt.Errorf("the authority %q is not valid before %s", name, cert.NotBefore.Format(time.RFC3339)),
			"Check the clock of this host.")
	}
	return nil
}

func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Render makes the pair, key first, so that a certificate without a key always
// means that the key is kept elsewhere.
func (a *authority) Render(ctx context.Context) error {
	cert, key, err := a.load()
	switch {
	case err != nil:
		return err
	case cert != nil && key != nil:
		return conceal(a.KeyFile)
	case cert != nil:
		return nil
	case a.existing:
		return errNotShared(a.CertFile)
	case key == nil:
		if key, err = newKey(a.algorithm); err != nil {
			return err
		}
		if err := a.writeKey(ctx, key); err != nil {
			return err
		}
	}
	cert, err = selfSign(a.commonName, key, a.now, a.validity)
	if err != nil {
		return err
	}
	if err := a.writeCert(ctx, cert); err != nil {
		return err
	}
	a.Fingerprint = fingerprint(cert)
	return nil
}

// errNotShared reports a file that this host should have got from others.
func errNotShared(path string) error {
	return sdk.Permanent(sdk.Hint(fmt.Errorf("%s is not there, and this host must not make one of its own", path),
		"All control-plane nodes have the same. Give the certificate key of the cluster, so that it is downloaded, or copy the shared files from another control-plane node."))
}

func (a *authority) Remove(context.Context) error { return a.remove() }

// load reads the pair; each part is nil when it does not exist.
func (a *authority) load() (*x509.Certificate, crypto.Signer, error) {
	certs, err := loadCertificates(a.CertFile)
	if err != nil {
		return nil, nil, err
	}
	if len(certs) > 0 {
		return signer{Cert: a.CertFile, Key: a.KeyFile}.load()
	}
	key, err := loadKey(a.KeyFile)
	return nil, key, err
}
