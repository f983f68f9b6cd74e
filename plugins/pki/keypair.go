package pki

import (
	"bytes"
	"context"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const keyPairKind = "key pair"

type keyPairConfig struct {
	Dir       string `cf:"dir,required" doc:"Directory of the pair."`
	Base      string `cf:"base" default:"\"sa\"" doc:"File name without extension: BASE.key and BASE.pub."`
	Algorithm string `cf:"algorithm" default:"\"RSA-2048\"" enum:"RSA-2048 RSA-3072 RSA-4096 ECDSA-P256 ECDSA-P384" doc:"Kind of private key, for a new pair."`
	Existing  bool   `cf:"existing" doc:"It must be there when the phase runs, and is never made: on a host that joins a control plane, all have the same."`
}

type keyPairOutputs struct {
	Private string `cf:"private" doc:"Path of the private key."`
	Public  string `cf:"public" doc:"Path of the public key."`
}

func keyPairType() sdk.Type {
	return resource.Phase[keyPairConfig, keyPairOutputs]{
		Name: "keypair",
		Doc: "A private and a public key without a certificate, such as the one that signs service account tokens. " +
			"A private key that exists is kept; its public key is made from it when absent or wrong.",
		Example: `phase "pki.keypair" "service_accounts" {
  dir = "/etc/kubernetes/pki"
}`,
		Access:   []sdk.Access{{Kind: sdk.AccessPath, What: "config.dir", Write: true}},
		Kinds:    []resource.Kind{resource.KindOf[keyPair](keyPairKind)},
		Validate: func(c keyPairConfig) error { return validBase(c.Base) },
		Build: func(_ context.Context, in resource.Input[keyPairConfig]) (resource.Work[keyPairOutputs], error) {
			dir := hostpath.Abs(in.WorkDir, in.Config.Dir)
			k := &keyPair{pair: pairIn(dir, in.Config.Base), algorithm: in.Config.Algorithm, existing: in.Config.Existing}
			k.CertFile = "" // there is none
			k.PublicFile = k.KeyFile[:len(k.KeyFile)-len(".key")] + ".pub"
			old, _ := recall[keyPair](in.Record, k.ID())
			k.Dirs = old.Dirs
			return resource.Work[keyPairOutputs]{
				Resources: []resource.Resource{k},
				Known:     func() keyPairOutputs { return keyPairOutputs{Private: k.KeyFile, Public: k.PublicFile} },
			}, nil
		},
	}.Type()
}

// keyPair is the resource: a private key and its public key.
type keyPair struct {
	pair
	PublicFile string `json:"public"`

	algorithm string
	existing  bool
}

func (k *keyPair) ID() resource.ID { return resource.ID{Kind: keyPairKind, Target: k.KeyFile} }

// Diff compares the public key with the private one.
func (k *keyPair) Diff(context.Context) (sdk.Change, error) {
	key, err := loadKey(k.KeyFile)
	if err != nil {
		return sdk.Change{}, err
	}
	if key == nil {
		return sdk.Change{Op: sdk.OpCreate, Reason: "absent"}, nil
	}
	want, err := encodePublicKey(key.Public())
	if err != nil {
		return sdk.Change{}, err
	}
	public, found, err := readFile(k.PublicFile)
	switch {
	case err != nil:
		return sdk.Change{}, err
	case !found:
		return sdk.Change{Op: sdk.OpUpdate, Reason: "the public key is absent"}, nil
	case !bytes.Equal(bytes.TrimSpace(public), bytes.TrimSpace(want)):
		return sdk.Change{Op: sdk.OpUpdate, Reason: "the public key does not belong to the private key"}, nil
	}
	return diffMode(k.KeyFile)
}

// Render makes the private key unless it exists, then the public one.
func (k *keyPair) Render(ctx context.Context) error {
	key, err := loadKey(k.KeyFile)
	if err != nil {
		return err
	}
	if key == nil {
		if k.existing {
			return errNotShared(k.KeyFile)
		}
		if key, err = newKey(k.algorithm); err != nil {
			return err
		}
		if err := k.writeKey(ctx, key); err != nil {
			return err
		}
	}
	if err := conceal(k.KeyFile); err != nil {
		return err
	}
	public, err := encodePublicKey(key.Public())
	if err != nil {
		return err
	}
	return writeFile(ctx, k.PublicFile, public, modeKey, &k.Dirs)
}

func (k *keyPair) Remove(context.Context) error {
	if err := resource.RemoveFile(k.PublicFile); err != nil {
		return err
	}
	return k.remove()
}
