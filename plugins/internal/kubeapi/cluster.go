package kubeapi

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
)

// Cluster names a cluster whose control plane answers. It is the output of
// controlplane.wait, and what every phase takes that needs the API: so the
// reference to it is also the order.
type Cluster struct {
	Kubeconfig string `cf:"kubeconfig,required" doc:"Path of the administrator's kubeconfig."`
	Server     string `cf:"server" doc:"URL of the API server in that kubeconfig."`
	CAPin      string `cf:"ca_pin" doc:"Digest of the cluster CA's public key, as kubeadm join wants it: sha256:<hex>."`
	// CA is the PEM text of the cluster's CA where there is no kubeconfig: on a
	// host that joins, which has a bootstrap token alone.
	CA string `cf:"ca"`
}

// Path is the absolute path of the kubeconfig.
func (c Cluster) Path(workDir string) string { return hostpath.Abs(workDir, c.Kubeconfig) }

// Reader is the kubeconfig with which a phase reads that also takes a bootstrap
// token: that of c, or without one the token's, which is in memory only.
func (c Cluster) Reader(p *Pool, workDir, token string) (string, error) {
	if c.Kubeconfig != "" || token == "" {
		return c.Path(workDir), nil
	}
	return p.WithToken(c.Server, []byte(c.CA), token)
}

// Cluster describes what c is connected to. There is no pin if the kubeconfig
// names no CA.
func (c *Client) Cluster() (Cluster, error) {
	if len(c.CA) == 0 {
		return Cluster{Kubeconfig: c.Path, Server: c.Server}, nil
	}
	pins, err := Pins(c.CA)
	if err != nil {
		return Cluster{}, fmt.Errorf("read CA of kubeconfig %s: %w", c.Path, err)
	}
	return Cluster{Kubeconfig: c.Path, Server: c.Server, CAPin: pins[0]}, nil
}

// Pins returns "sha256:<hex>" for each certificate in a PEM text: the SHA-256 of
// its SubjectPublicKeyInfo in DER. That is what --discovery-token-ca-cert-hash of
// kubeadm join takes. A text without certificates is an error.
func Pins(certificates []byte) ([]string, error) {
	var pins []string
	for block, rest := pem.Decode(certificates); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse certificate: %w", err)
		}
		sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		pins = append(pins, "sha256:"+hex.EncodeToString(sum[:]))
	}
	if len(pins) == 0 {
		return nil, errors.New("no certificate")
	}
	return pins, nil
}
