package controlplane

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientcmdv1 "k8s.io/client-go/tools/clientcmd/api/v1"
	tokenapi "k8s.io/cluster-bootstrap/token/api"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/bootstraptoken"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type clusterInfoConfig struct {
	Cluster kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.wait. Nodes get the server and the CA of its kubeconfig."`
	Publish bool            `cf:"publish" default:"true" doc:"Write it. false: it is there, whoever wrote it, and only its signature is waited for."`
	TokenID string          `cf:"token_id" doc:"Public part of a bootstrap token: wait until cluster-info is signed with it, so that a node can join. Output id of controlplane.token."`
	Within  time.Duration   `cf:"within" default:"\"2m\"" doc:"How long to wait for the signature."`
}

type clusterInfoOutputs struct {
	Server string   `cf:"server" doc:"URL of the API server that nodes are told."`
	CAPins []string `cf:"ca_pins" doc:"Digests of the public keys of the cluster's CAs, sha256:<hex>, for --discovery-token-ca-cert-hash of kubeadm join."`
}

func clusterInfoType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[clusterInfoConfig, clusterInfoOutputs]{
		Name: "cluster_info",
		Doc: "Publishes where the API server is and which CA it has: the ConfigMap kube-public/cluster-info, readable by anybody. " +
			"A node that joins trusts it because the controller manager signs it with the bootstrap tokens.",
		Example: `phase "controlplane.cluster_info" "cluster_info" {
  cluster  = phase.control_plane.cluster
  token_id = phase.bootstrap_token.id
}`,
		Access:   kubeAccess("ConfigMap, Role and RoleBinding in kube-public"),
		Kinds:    []resource.Kind{kubeobj.Kind(pool)},
		Parallel: true,
		Validate: func(c clusterInfoConfig) error {
			if c.TokenID != "" && !bootstraptoken.ValidID(c.TokenID) {
				return attrError("token_id", "want six lower-case letters or digits")
			}
			if c.Within <= 0 {
				return attrError("within", "must be longer than zero")
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[clusterInfoConfig]) (resource.Work[clusterInfoOutputs], error) {
			info := clusterInfo{maker: kubeobj.Maker{Pool: pool, Kubeconfig: in.Config.Cluster.Path(in.WorkDir)}, config: in.Config}
			work := resource.Work[clusterInfoOutputs]{Resources: info.resources()}
			if out, err := info.outputs(); err == nil { // an error is for Diff to report
				work.Known = func() clusterInfoOutputs { return out }
			}
			return work, nil
		},
	}.Type()
}

// clusterInfo is what one configured phase publishes.
type clusterInfo struct {
	maker  kubeobj.Maker
	config clusterInfoConfig
}

func (i clusterInfo) resources() []resource.Resource {
	const reader = "kubeadm:bootstrap-signer-clusterinfo"
	anonymous := mayReadConfigMap(publicNamespace, tokenapi.ConfigMapClusterInfo, reader, user("system:anonymous"))
	var all []resource.Resource
	if i.config.Publish {
		all = append([]resource.Resource{i.configMap()}, i.maker.Objects(anonymous...)...)
	}
	if i.config.TokenID == "" {
		return all
	}
	return append(all, &resource.Probe{
		Name:    "signature of cluster-info by token " + i.config.TokenID,
		Check:   i.checkSignature,
		Timeout: i.config.Within,
		Hint: "The controller manager signs: check that it runs with the controllers bootstrapsigner and tokencleaner " +
			"(--controllers=*,bootstrapsigner,tokencleaner) and that the token has the usage signing.",
	})
}

// configMap is filled from the kubeconfig when it is needed: to remove it, none
// is needed.
func (i clusterInfo) configMap() *kubeobj.Object {
	meta := metav1.ObjectMeta{Namespace: publicNamespace, Name: tokenapi.ConfigMapClusterInfo}
	return i.maker.Fill(&corev1.ConfigMap{ObjectMeta: meta}, func() (runtime.Object, error) {
		text, err := i.kubeconfig()
		return &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{tokenapi.KubeConfigKey: text}}, err
	})
}

// kubeconfig is one cluster without a name and no user. Nodes compare it byte by
// byte with its signature.
func (i clusterInfo) kubeconfig() (string, error) {
	client, err := i.maker.Pool.Client(i.maker.Kubeconfig)
	if err != nil {
		return "", err
	}
	text, err := yaml.Marshal(clientcmdv1.Config{
		APIVersion: "v1", Kind: "Config",
		Clusters: []clientcmdv1.NamedCluster{{Cluster: clientcmdv1.Cluster{Server: client.Server, CertificateAuthorityData: client.CA}}},
	})
	if err != nil {
		return "", fmt.Errorf("write kubeconfig for cluster-info: %w", err)
	}
	return string(text), nil
}

func (i clusterInfo) outputs() (clusterInfoOutputs, error) {
	client, err := i.maker.Pool.Client(i.maker.Kubeconfig)
	if err != nil {
		return clusterInfoOutputs{}, err
	}
	pins, err := kubeapi.Pins(client.CA)
	return clusterInfoOutputs{Server: client.Server, CAPins: pins}, err
}

var (
	errNotSigned   = errors.New("not signed yet")
	errOtherSigned = errors.New("the signature is of another text or token, a new one is due")
)

// text is what has to be signed: ours, or what is there.
func (i clusterInfo) text(live *unstructured.Unstructured) (string, error) {
	if i.config.Publish {
		return i.kubeconfig()
	}
	text, _, err := unstructured.NestedString(live.Object, "data", tokenapi.KubeConfigKey)
	return text, err
}

// checkSignature reads signature and token from the cluster and verifies what a
// node will verify.
func (i clusterInfo) checkSignature(ctx context.Context) error {
	live, err := i.configMap().Live(ctx)
	if apierrors.IsNotFound(err) {
		return errNotSigned
	}
	if err != nil {
		return err
	}
	text, err := i.text(live)
	if err != nil {
		return sdk.Permanent(err)
	}
	signature, signed, err := unstructured.NestedString(live.Object, "data", tokenapi.JWSSignatureKeyPrefix+i.config.TokenID)
	if err != nil || !signed {
		return errNotSigned
	}
	token := bootstrapToken{Kubeconfig: i.maker.Kubeconfig, TokenID: i.config.TokenID, pool: i.maker.Pool}
	stored, err := token.read(ctx)
	if err != nil {
		return fmt.Errorf("read token %s: %w", i.config.TokenID, err)
	}
	if !verifyDetached(signature, text, stored.secret) {
		return errOtherSigned
	}
	return nil
}
