package pki

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type certConfig struct {
	Dir           string        `cf:"dir,required" doc:"Directory of the pair."`
	Base          string        `cf:"base,required" doc:"File name without extension, such as \"apiserver\" or \"etcd/server\"."`
	CA            signer        `cf:"ca,required" doc:"The authority that signs: a pki.ca phase, or an object with the paths cert and key."`
	CommonName    string        `cf:"common_name,required" doc:"Name of the holder. To Kubernetes it is the user."`
	Organizations []string      `cf:"organizations" doc:"Organizations of the holder. To Kubernetes they are groups."`
	SANs          []string      `cf:"sans" doc:"Addresses and DNS names of a server, mixed. Names may begin with \"*.\"."`
	Usages        []string      `cf:"usages,required" doc:"What it may be used as: \"server\", \"client\" or both."`
	Algorithm     string        `cf:"algorithm" default:"\"RSA-2048\"" enum:"RSA-2048 RSA-3072 RSA-4096 ECDSA-P256 ECDSA-P384" doc:"Kind of private key, for a new pair."`
	Validity      time.Duration `cf:"validity" default:"\"8760h\"" doc:"How long a new certificate is valid. It begins 5 minutes in the past."`
	RenewBefore   time.Duration `cf:"renew_before" default:"\"720h\"" doc:"A certificate that ends sooner than this is made anew. For short-lived ones it is at most a third of their life."`
}

type certOutputs struct {
	Cert     string `cf:"cert" doc:"Path of the certificate."`
	Key      string `cf:"key" doc:"Path of the private key."`
	NotAfter string `cf:"not_after,late" doc:"When the certificate ends, as in \"2030-01-31T12:00:00Z\"."`
}

func certType() sdk.Type {
	return resource.Phase[certConfig, certOutputs]{
		Name: "cert",
		Doc: "A certificate signed by an authority, and its key. One that exists is compared with the config and with the authority, " +
			"and made anew when it differs or ends soon.",
		Example: `phase "pki.cert" "apiserver" {
  dir         = "/etc/kubernetes/pki"
  base        = "apiserver"
  ca          = { cert = "/etc/kubernetes/pki/ca.crt", key = "/etc/kubernetes/pki/ca.key" }
  common_name = "kube-apiserver"
  sans        = ["kubernetes", "kubernetes.default.svc", "10.96.0.1", "192.0.2.10"]
  usages      = ["server"]
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.dir", Write: true},
			{Kind: sdk.AccessPath, What: "config.ca"},
		},
		Kinds:    []resource.Kind{resource.KindOf[leaf](leafKind)},
		Validate: validateCert,
		Build:    buildCert,
	}.Type()
}

func validateCert(c certConfig) error {
	if c.CommonName == "" {
		return errors.New("common_name: must not be empty")
	}
	_, err := newIdentity(c.CommonName, c.Organizations, c.SANs, c.Usages)
	return errors.Join(validBase(c.Base), validUsages(c.Usages), err, validPeriod("validity", c.Validity))
}

func buildCert(_ context.Context, in resource.Input[certConfig]) (resource.Work[certOutputs], error) {
	c := in.Config
	id, err := newIdentity(c.CommonName, c.Organizations, c.SANs, c.Usages)
	if err != nil {
		return resource.Work[certOutputs]{}, err
	}
	l := &leaf{
		pair: pairIn(hostpath.Abs(in.WorkDir, c.Dir), c.Base),
		id:   id, ca: c.CA.in(in.WorkDir),
		terms: terms{algorithm: c.Algorithm, validity: c.Validity, renewBefore: c.RenewBefore, now: time.Now()},
	}
	old, _ := recall[leaf](in.Record, l.ID())
	l.Dirs = old.Dirs
	known := certOutputs{Cert: l.CertFile, Key: l.KeyFile}
	return resource.Work[certOutputs]{
		Resources: []resource.Resource{l},
		Known:     func() certOutputs { return known },
		Outputs: func(context.Context) (certOutputs, error) {
			certs, err := loadCertificates(l.CertFile)
			if err != nil {
				return certOutputs{}, err
			}
			if len(certs) == 0 {
				return certOutputs{}, fmt.Errorf("read %s: it is gone", l.CertFile)
			}
			known.NotAfter = certs[0].NotAfter.UTC().Format(time.RFC3339)
			return known, nil
		},
	}, nil
}

func (s signer) in(workDir string) signer {
	return signer{Cert: hostpath.Abs(workDir, s.Cert), Key: hostpath.Abs(workDir, s.Key)}
}
