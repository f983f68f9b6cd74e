package pki

import (
	"cmp"
	"context"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// joiningNodes is the group of nodes that join with a bootstrap token.
const joiningNodes = "system:bootstrappers:kubeadm:default-node-token"

type uploadConfig struct {
	Cluster      kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
	CertDir      string          `cf:"cert_dir" default:"\"/etc/kubernetes/pki\"" doc:"Directory of the certificates."`
	ExternalEtcd *externalEtcd   `cf:"external_etcd" doc:"For an etcd that others run: ca_file, cert_file and key_file, which are shared in place of etcd/ca.crt and etcd/ca.key."`
	Key          string          `cf:"key,sensitive" doc:"The certificate key, which encrypts the files: 64 hex digits. By default one that stays the same until the upload expires."`
	TTL          time.Duration   `cf:"ttl" default:"\"2h\"" doc:"How long the files can be downloaded."`
}

type uploadOutputs struct {
	Key     string `cf:"key,sensitive,late" doc:"The certificate key, for --certificate-key of kubeadm join and for pki.download."`
	Expires string `cf:"expires,late" doc:"When the upload is removed (RFC 3339, UTC)."`
}

func uploadType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[uploadConfig, uploadOutputs]{
		Name: "upload",
		Doc: "Shares the certificates that all control-plane nodes have, as kubeadm init --upload-certs does: encrypted, in the Secret " +
			"kube-system/kubeadm-certs, for two hours. The next apply after that shares them anew. The certificate key is in no file and " +
			"no record of clusterflow: one that is not given is made from the private key of the cluster's authority and a random number.",
		Example: `phase "pki.upload" "certs" {
  cluster = phase.control_plane.cluster
}`,
		Access: append([]sdk.Access{{Kind: sdk.AccessPath, What: "config.cert_dir"}},
			kubeAccess("Secrets kubeadm-certs and bootstrap-token-<id>, Role and RoleBinding kubeadm:kubeadm-certs in kube-system", true)...),
		Kinds:    []resource.Kind{kubeobj.Kind(pool), uploadKind(pool)},
		Parallel: true,
		Validate: validateUpload,
		Build: func(_ context.Context, in resource.Input[uploadConfig]) (resource.Work[uploadOutputs], error) {
			u, err := newUpload(pool, in)
			if err != nil {
				return resource.Work[uploadOutputs]{}, err
			}
			maker := kubeobj.Maker{Pool: pool, Kubeconfig: u.Kubeconfig}
			return resource.Work[uploadOutputs]{
				Resources: append([]resource.Resource{u}, maker.Objects(mayDownload()...)...),
				Outputs:   u.outputs,
			}, nil
		},
	}.Type()
}

func validateUpload(c uploadConfig) error {
	if c.CertDir == "" {
		return attrError("cert_dir", "must not be empty")
	}
	if c.TTL <= 0 {
		return attrError("ttl", "must be longer than zero")
	}
	if err := c.ExternalEtcd.validate(); err != nil {
		return err
	}
	return validKey(c.Key)
}

func newUpload(pool *kubeapi.Pool, in resource.Input[uploadConfig]) (*upload, error) {
	c := in.Config
	u := &upload{
		Kubeconfig: c.Cluster.Path(in.WorkDir),
		files:      sharedFiles(in.WorkDir, c.CertDir, c.ExternalEtcd), ttl: c.TTL, pool: pool, now: time.Now,
	}
	if c.Key != "" {
		key, err := parseCertificateKey(c.Key)
		if err != nil {
			return nil, err
		}
		u.given = key
	}
	old, _ := recall[upload](in.Record, u.ID())
	u.TokenID = cmp.Or(old.TokenID, bootstraptoken.NewID())
	return u, nil
}

// mayDownload lets joining nodes read the Secret, by the names that kubeadm gives.
func mayDownload() []runtime.Object {
	const name = "kubeadm:kubeadm-certs"
	return []runtime.Object{
		&rbacv1.Role{ObjectMeta: inSystem(name), Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{""}, Resources: []string{"secrets"}, ResourceNames: []string{sharedSecret}, Verbs: []string{"get"},
		}}},
		&rbacv1.RoleBinding{
			ObjectMeta: inSystem(name),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: joiningNodes}},
		},
	}
}

// kubeAccess says that a phase reads or writes these objects.
func kubeAccess(what string, write bool) []sdk.Access {
	return []sdk.Access{{Kind: sdk.AccessPath, What: "config.cluster.kubeconfig"}, {Kind: sdk.AccessKube, What: what, Write: write}}
}
