package kubelet

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/sdk"
)

// errExpired reports a certificate whose time is over.
var errExpired = errors.New("the client certificate has ended")

// checkCertificate returns nil for a client certificate and key of that authority
// which can be used now. path is that of a PEM file with both; the error is
// [os.ErrNotExist] without one and [errExpired] after its end.
func checkCertificate(path string, ca []byte, now time.Time) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return fmt.Errorf("read client certificate %s: %w", path, err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return fmt.Errorf("read client certificate %s: %w", path, err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	between.AppendCertsFromPEM(text)
	at := now
	if now.After(leaf.NotAfter) { // this is told apart below
		at = leaf.NotAfter
	}
	_, err = leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, CurrentTime: at,
	})
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return sdk.Hint(fmt.Errorf("check client certificate %s: %w", path, err), "Is the clock of this host right?")
	case err != nil:
		return sdk.Permanent(sdk.Hint(fmt.Errorf("check client certificate %s: it is not of this cluster: %w", path, err),
			fmt.Sprintf("It was left by an earlier cluster, and the kubelet would prefer it. If that one is gone: rm -r %s", filepath.Dir(path))))
	case now.After(leaf.NotAfter):
		return fmt.Errorf("%w: %s, on %s", errExpired, path, leaf.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// admitCertificate refuses a certificate of another cluster, which a kubelet would
// use although it is given another. It returns nil when there is none, one that the
// kubelet leaves aside, or no authority to go by.
func admitCertificate(path string, ca []byte) error {
	if len(ca) == 0 {
		return nil
	}
	var permanent *sdk.PermanentError
	if err := checkCertificate(path, ca, time.Now()); errors.As(err, &permanent) {
		return err
	}
	return nil
}

// authorityOf reads the PEM certificates that a kubeconfig trusts.
func authorityOf(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config, err := kubeconfig.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(config.CA) == 0 && config.CAFile != "" {
		return os.ReadFile(config.CAFile)
	}
	return config.CA, nil
}

// sameCertificates compares PEM texts by the certificates in them.
func sameCertificates(a, b []byte) bool {
	return bytes.Equal(certificatesIn(a), certificatesIn(b))
}

// certificatesIn is the DER of all certificates in a PEM text.
func certificatesIn(text []byte) []byte {
	var der []byte
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			der = append(der, block.Bytes...)
		}
	}
	return der
}

// removeCertificates deletes what a kubelet puts into its certificate directory,
// and the directory if nothing else is in it.
func removeCertificates(dir string) error {
	for _, pattern := range []string{unfinishedStore, "kubelet-client-*.pem", "kubelet-server-*.pem", "kubelet-client.key.tmp", "kubelet.crt", "kubelet.key"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
	}
	_ = os.Remove(dir) // only if it is empty
	return nil
}
