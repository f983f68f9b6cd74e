package controlplane

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const clusterConfigKind = "cluster-configuration"

type clusterConfigConfig struct {
	Cluster      kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.discovery, or one with a kubeconfig."`
	Token        string          `cf:"token,sensitive" doc:"Bootstrap token that may read the configuration, for a cluster without a kubeconfig: output of controlplane.discovery."`
	NodeName     string          `cf:"node_name" doc:"Name that this host shall have as a node. A host that is none yet must not take the name of one that works. Default: not looked at."`
	ControlPlane bool            `cf:"control_plane" doc:"Whether this host is to be part of the control plane, for which the cluster must have a control-plane endpoint."`
	Within       time.Duration   `cf:"within" default:"\"1m\"" doc:"How long to try."`
}

type clusterConfigOutputs struct {
	Config clusterValues `cf:"config,late" doc:"The configuration of the cluster, as the modules of the pipelines take it: local.config of config/cluster.hcl, without timeouts and audit_policy."`
}

func clusterConfigType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[clusterConfigConfig, clusterConfigOutputs]{
		Name: "cluster_config",
		Doc: "Reads how a cluster is configured, from the ConfigMaps kubeadm-config and kubelet-config that controlplane.upload_config or kubeadm wrote: " +
			"what a node needs to join it. It changes nothing, so a plan does it too. When the cluster does not answer, what was read last counts.",
		Example: `phase "controlplane.cluster_config" "cluster_config" {
  cluster   = phase.discovery.cluster
  token     = phase.discovery.token
  node_name = "n2"
}`,
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.cluster.kubeconfig"},
			{Kind: sdk.AccessKube, What: "ConfigMaps kubeadm-config and kubelet-config in kube-system, Node config.node_name"},
		},
		Kinds: []resource.Kind{{Name: clusterConfigKind}},
		Validate: func(c clusterConfigConfig) error {
			if problems := validation.IsDNS1123Subdomain(c.NodeName); c.NodeName != "" && len(problems) > 0 {
				return attrError("node_name", "%q is not the name of a node: %s", c.NodeName, problems[0])
			}
			if c.Within <= 0 {
				return attrError("within", "must be longer than zero")
			}
			return nil
		},
		Build: func(_ context.Context, in resource.Input[clusterConfigConfig]) (resource.Work[clusterConfigOutputs], error) {
			path, err := in.Config.Cluster.Reader(pool, in.WorkDir, in.Config.Token)
			if err != nil {
				return resource.Work[clusterConfigOutputs]{}, err
			}
			r := &clusterRead{config: in.Config, pool: pool, kubeconfig: path}
			r.recall(in.Record)
			return resource.Work[clusterConfigOutputs]{Resources: []resource.Resource{r}, Outputs: r.outputs}, nil
		},
	}.Type()
}

// clusterRead is the resource "the configuration is known". Its record is what
// was read. There is nothing to remove.
type clusterRead struct {
	Cluster string `json:"cluster,omitempty"` // ClusterConfiguration, YAML
	Kubelet string `json:"kubelet,omitempty"` // KubeletConfiguration, YAML

	config     clusterConfigConfig
	pool       *kubeapi.Pool
	kubeconfig string
	fresh      bool // it was read in this call
}

var _ resource.Resource = (*clusterRead)(nil)

func (r *clusterRead) ID() resource.ID {
	return resource.ID{Kind: clusterConfigKind, Target: r.config.Cluster.CAPin}
}

// recall takes what was read last.
func (r *clusterRead) recall(record resource.Record) {
	if entry, ok := record.Find(r.ID()); ok {
		var old clusterRead
		if json.Unmarshal(entry.State, &old) == nil {
			r.Cluster, r.Kubelet = old.Cluster, old.Kubelet
		}
	}
}

// Diff reads once. A node whose cluster is silent goes by what it read last.
func (r *clusterRead) Diff(ctx context.Context) (sdk.Change, error) {
	if r.fresh {
		return sdk.Change{}, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, fmt.Errorf("no answer within %s", checkTimeout))
	defer cancel()
	switch err := r.read(ctx); {
	case err == nil:
		return sdk.Change{}, nil
	case isPermanent(err):
		return sdk.Change{}, err
	case r.Cluster != "" && r.config.Cluster.Kubeconfig != "":
		resource.Warn(ctx, "the configuration of the cluster cannot be read now: "+err.Error(), "What was read last is used.")
		return sdk.Change{}, nil
	default:
		return sdk.Change{Op: sdk.OpRun, Reason: err.Error()}, nil
	}
}

// Render tries until the cluster answers.
func (r *clusterRead) Render(ctx context.Context) error {
	return kubeapi.Retry(ctx, r.config.Within, r.read)
}

// Remove does nothing.
func (r *clusterRead) Remove(context.Context) error { return nil }

// read reads the configuration and sees that this host may join with it.
func (r *clusterRead) read(ctx context.Context) error {
	client, err := r.pool.Client(r.kubeconfig)
	if err != nil {
		return err
	}
	cluster, err := configMapKey(ctx, client, kubeadmConfigMap, "ClusterConfiguration")
	if err != nil {
		return err
	}
	kubelet, err := configMapKey(ctx, client, kubeletConfigMap, "kubelet")
	if err != nil {
		return err
	}
	values, err := readClusterValues(cluster, kubelet)
	if err != nil {
		return sdk.Permanent(err)
	}
	if r.config.ControlPlane && values.ControlPlaneEndpoint == "" {
		return sdk.Permanent(sdk.Hint(errors.New("the cluster has no control-plane endpoint, so it can have only one control-plane node"),
			"Nodes would know the API server of the first control-plane node alone. The endpoint is a DNS name or a load balancer in front of all API servers. "+
				"It has to be in the certificate of the API server (apiserver_cert_extra_sans) and as controlPlaneEndpoint in the ConfigMap kube-system/kubeadm-config before others join."))
	}
	if err := r.nameIsFree(ctx, client); err != nil {
		return err
	}
	r.Cluster, r.Kubelet, r.fresh = cluster, kubelet, true
	return nil
}

// nameIsFree refuses the name of a node that works, unless this host is that node.
func (r *clusterRead) nameIsFree(ctx context.Context, client *kubeapi.Client) error {
	if r.config.NodeName == "" || r.config.Cluster.Kubeconfig != "" {
		return nil
	}
	status, body, err := client.Get(ctx, "/api/v1/nodes/"+r.config.NodeName)
	if err != nil || status != http.StatusOK {
		return err
	}
	var node corev1.Node
	if err := json.Unmarshal(body, &node); err != nil {
		return fmt.Errorf("read node %s: %w", r.config.NodeName, err)
	}
	if judgeNode(&node) != nil {
		return nil
	}
	return sdk.Permanent(sdk.Hint(fmt.Errorf("there is a node %s in the cluster, and it works", r.config.NodeName),
		"Give this host another name (node_name), or remove the other one first: kubectl delete node "+r.config.NodeName))
}

// configMapKey reads one entry of a ConfigMap in kube-system.
func configMapKey(ctx context.Context, client *kubeapi.Client, name, key string) (string, error) {
	status, body, err := client.Get(ctx, "/api/v1/namespaces/"+systemNamespace+"/configmaps/"+name)
	if err != nil {
		return "", err
	}
	switch status {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return "", sdk.Permanent(sdk.Hint(fmt.Errorf("%s does not accept the token", client.Server), "It has expired, was deleted, or may not authenticate (usage authentication). "+newToken))
	case http.StatusForbidden, http.StatusNotFound:
		return "", sdk.Permanent(sdk.Hint(fmt.Errorf("read ConfigMap %s/%s: status %d", systemNamespace, name, status),
			"Nodes that join read it. It is there, and they may read it, in clusters of clusterflow and of kubeadm: "+
				"kubeadm init phase upload-config all puts it back."))
	default:
		return "", fmt.Errorf("read ConfigMap %s/%s: status %d", systemNamespace, name, status)
	}
	var m corev1.ConfigMap
	if err := json.Unmarshal(body, &m); err != nil {
		return "", fmt.Errorf("read ConfigMap %s/%s: %w", systemNamespace, name, err)
	}
	if m.Data[key] == "" {
		return "", sdk.Permanent(fmt.Errorf("read ConfigMap %s/%s: it has no entry %s", systemNamespace, name, key))
	}
	return m.Data[key], nil
}

func (r *clusterRead) outputs(context.Context) (clusterConfigOutputs, error) {
	values, err := readClusterValues(r.Cluster, r.Kubelet)
	return clusterConfigOutputs{Config: values}, err
}
