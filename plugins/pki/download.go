package pki

import (
	"context"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type downloadConfig struct {
	Cluster      kubeapi.Cluster `cf:"cluster,required" doc:"The cluster, with a kubeconfig that may read the Secret: that of a bootstrap token, or of an administrator."`
	Token        string          `cf:"token,sensitive" doc:"Bootstrap token that may read the Secret, for a cluster without a kubeconfig: output of controlplane.discovery."`
	Key          string          `cf:"key,required,sensitive" doc:"The certificate key: output key of pki.upload, or what kubeadm init --upload-certs printed."`
	CertDir      string          `cf:"cert_dir" default:"\"/etc/kubernetes/pki\"" doc:"Directory for the files."`
	ExternalEtcd *externalEtcd   `cf:"external_etcd" doc:"For an etcd that others run: where ca_file, cert_file and key_file go, which are shared in place of etcd/ca.crt and etcd/ca.key."`
}

type downloadOutputs struct {
	CertDir string `cf:"cert_dir" doc:"Directory of the files."`
}

func downloadType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[downloadConfig, downloadOutputs]{
		Name: "download",
		Doc: "Fetches the certificates that all control-plane nodes have, as kubeadm join --control-plane --certificate-key does, from " +
			"the Secret kube-system/kubeadm-certs. Files that exist are kept if they are the same; others are an error and not overwritten.",
		Example: `phase "pki.download" "certs" {
  cluster = phase.discovery.cluster
  token   = phase.discovery.token
  key     = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
}`,
		OnlyRecorded: true, // an authority that somebody brought is not ours to delete
		Access: append([]sdk.Access{{Kind: sdk.AccessPath, What: "config.cert_dir", Write: true}},
			kubeAccess("Secret kubeadm-certs in kube-system", false)...),
		Validate: func(c downloadConfig) error {
			if c.CertDir == "" {
				return attrError("cert_dir", "must not be empty")
			}
			if err := c.ExternalEtcd.validate(); err != nil {
				return err
			}
			_, err := parseCertificateKey(c.Key)
			if err != nil {
				return attrError("key", "%w", err)
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[downloadConfig]) (resource.Work[downloadOutputs], error) {
			return buildDownload(pool, in)
		},
	}.Type()
}

func buildDownload(pool *kubeapi.Pool, in resource.Input[downloadConfig]) (resource.Work[downloadOutputs], error) {
	c := in.Config
	key, err := parseCertificateKey(c.Key)
	if err != nil {
		return resource.Work[downloadOutputs]{}, err
	}
	kubeconfig, err := c.Cluster.Reader(pool, in.WorkDir, c.Token)
	if err != nil {
		return resource.Work[downloadOutputs]{}, err
	}
	from := &source{maker: kubeobj.Maker{Pool: pool, Kubeconfig: kubeconfig}, key: key}
	var all []resource.Resource
	for _, f := range sharedFiles(in.WorkDir, c.CertDir, c.ExternalEtcd) {
		if f.path != "" {
			all = append(all, newDownloaded(f, from))
		}
	}
	return resource.Work[downloadOutputs]{
		Resources: all,
		Known:     func() downloadOutputs { return downloadOutputs{CertDir: hostpath.Abs(in.WorkDir, c.CertDir)} },
	}, nil
}
