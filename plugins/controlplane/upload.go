package controlplane

import (
	"context"
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/clusterflow/clusterflow/plugins/internal/componentconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const (
	apiPort = "6443"

	kubeadmConfigMap = "kubeadm-config"
	kubeletConfigMap = "kubelet-config"
)

type uploadConfig struct {
	Cluster              kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
	KubernetesVersion    string          `cf:"kubernetes_version,required" doc:"Version of the control plane, such as v1.36.3."`
	ClusterName          string          `cf:"cluster_name" default:"\"kubernetes\"" doc:"Name of the cluster in kubeconfigs."`
	ControlPlaneEndpoint string          `cf:"control_plane_endpoint" doc:"Address that all nodes use for the API, host or host:port; the port is 6443 if not given. Needed for more control-plane nodes to join."`
	CertDir              string          `cf:"cert_dir" default:"\"/etc/kubernetes/pki\"" doc:"Directory of the certificates on control-plane nodes."`
	ServiceSubnet        string          `cf:"service_subnet" default:"\"10.96.0.0/12\"" doc:"CIDR of services; two separated by a comma for dual-stack."`
	PodSubnet            string          `cf:"pod_subnet" doc:"CIDR of pods; two separated by a comma for dual-stack."`
	DNSDomain            string          `cf:"dns_domain" default:"\"cluster.local\"" doc:"DNS domain of services."`
	ImageRepository      string          `cf:"image_repository" default:"\"registry.k8s.io\"" doc:"Where the images of Kubernetes come from."`

	Etcd              *etcdConfig      `cf:"etcd" doc:"Where etcd is: data_dir (default /var/lib/etcd), image_repository, image_tag, extra_args and extra_envs (lists of name and value), server_cert_sans, peer_cert_sans of a local one, or external with endpoints, http_endpoints, ca_file, cert_file, key_file."`
	APIServer         *apiServerConfig `cf:"api_server" doc:"What the API server has besides the defaults: cert_sans, extra_args (list of name and value), extra_volumes (name, host_path, mount_path, read_only, path_type), extra_envs (name, value)."`
	ControllerManager *extraConfig     `cf:"controller_manager" doc:"What the controller manager has besides the defaults: extra_args, extra_volumes, extra_envs."`
	Scheduler         *extraConfig     `cf:"scheduler" doc:"What the scheduler has besides the defaults: extra_args, extra_volumes, extra_envs."`
	DNS               *dnsConfig       `cf:"dns" doc:"The DNS addon: image_repository, image_tag, disabled."`
	Proxy             *proxyConfig     `cf:"proxy" doc:"The kube-proxy addon: disabled."`
	FeatureGates      map[string]bool  `cf:"feature_gates" doc:"Feature gates of kubeadm (not of Kubernetes)."`

	EncryptionAlgorithm string        `cf:"encryption_algorithm" default:"\"RSA-2048\"" enum:"RSA-2048 RSA-3072 RSA-4096 ECDSA-P256 ECDSA-P384" doc:"Type of the keys."`
	CertificateValidity time.Duration `cf:"certificate_validity" default:"\"8760h\"" doc:"How long certificates live."`
	CAValidity          time.Duration `cf:"ca_certificate_validity" default:"\"87600h\"" doc:"How long certificate authorities live."`

	KubeletConfiguration cty.Value `cf:"kubelet_configuration" doc:"The KubeletConfiguration (kubelet.config.k8s.io/v1beta1) of all nodes that join, as an object or as YAML text. What it leaves out is as kubeadm has it."`
}

func uploadConfigType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[uploadConfig, struct{}]{
		Name: "upload_config",
		Doc:  "Stores how the cluster was made in the cluster, where kubeadm join and kubeadm upgrade read it: the ConfigMaps kubeadm-config and kubelet-config, and the right of nodes to read them.",
		Example: `phase "controlplane.upload_config" "upload_config" {
  cluster                = phase.control_plane.cluster
  kubernetes_version     = "v1.36.3"
  control_plane_endpoint = "api.example.com:6443"
  pod_subnet             = "10.244.0.0/16"
  kubelet_configuration  = { maxPods = 200 }
}`,
		Access:   kubeAccess("ConfigMaps kubeadm-config and kubelet-config, Roles and RoleBindings in kube-system"),
		Kinds:    []resource.Kind{kubeobj.Kind(pool)},
		Parallel: true,
		Validate: validateUpload,
		Build: func(_ context.Context, in resource.Input[uploadConfig]) (resource.Work[struct{}], error) {
			objects, err := in.Config.objects()
			if err != nil {
				return resource.Work[struct{}]{}, err
			}
			maker := kubeobj.Maker{Pool: pool, Kubeconfig: in.Config.Cluster.Path(in.WorkDir)}
			return resource.Work[struct{}]{Resources: maker.Objects(objects...)}, nil
		},
	}.Type()
}

// objects lists the ConfigMaps and who may read them.
func (c uploadConfig) objects() ([]runtime.Object, error) {
	cluster, err := c.clusterConfiguration()
	if err != nil {
		return nil, fmt.Errorf("write ClusterConfiguration: %w", err)
	}
	kubelet, mine, err := c.kubeletConfiguration()
	if err != nil {
		return nil, err
	}
	kubeletMap := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: kubeletConfigMap},
		Data:       map[string]string{"kubelet": string(kubelet)},
	}
	if !mine {
		componentconfig.Sign(kubeletMap)
	}
	objects := []runtime.Object{
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: kubeadmConfigMap},
			Data:       map[string]string{"ClusterConfiguration": string(cluster)},
		},
		kubeletMap,
	}
	nodes, joining := group("system:nodes"), group(nodeTokenGroup)
	objects = append(objects, mayReadConfigMap(systemNamespace, kubeadmConfigMap, "kubeadm:nodes-kubeadm-config", joining, nodes)...)
	return append(objects, mayReadConfigMap(systemNamespace, kubeletConfigMap, "kubeadm:kubelet-config", nodes, joining)...), nil
}
