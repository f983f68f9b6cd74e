package controlplane

import (
	"net/http"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

const (
	storedCluster = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.36.3\ncontrolPlaneEndpoint: \"[fd00::1]:8443\"\n" +
		"networking: {serviceSubnet: 10.96.0.0/12, podSubnet: 10.244.0.0/16, dnsDomain: cluster.local}\n" +
		"apiServer: {certSANs: [api.example.com], extraArgs: [{name: v, value: \"2\"}]}\netcd: {local: {dataDir: /data/etcd}}\nproxy: {disabled: true}\n"
	storedKubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 42\n"
)

// store puts the configuration into a fake cluster.
func store(t *testing.T, fake *kubeapitest.Fake, cluster string) {
	t.Helper()
	for name, data := range map[string]map[string]any{
		kubeadmConfigMap: {"ClusterConfiguration": cluster}, kubeletConfigMap: {"kubelet": storedKubelet},
	} {
		fake.Put(t, "/api/v1/namespaces/kube-system/configmaps/"+name, "kubeadm", map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "kube-system"}, "data": data,
		})
	}
}

func putNode(t *testing.T, fake *kubeapitest.Fake, ready, message string) {
	t.Helper()
	fake.Put(t, "/api/v1/nodes/n2", "kubelet", map[string]any{
		"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": "n2"},
		"status": map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": ready, "message": message}}},
	})
}

// reader is the phase on a host that has a token alone.
func reader(t *testing.T, fake *kubeapitest.Fake, change map[string]cty.Value) *phasetest.Phase {
	t.Helper()
	client, err := newPool(t).Client(fake.Admin)
	if err != nil {
		t.Fatal(err)
	}
	config := map[string]cty.Value{
		"cluster": cty.ObjectVal(map[string]cty.Value{
			"kubeconfig": cty.StringVal(""), "server": cty.StringVal(fake.Server), "ca_pin": cty.StringVal("sha256:x"), "ca": cty.StringVal(string(client.CA)),
		}),
		"token": cty.StringVal(joinToken), "node_name": cty.StringVal("n2"), "within": cty.StringVal("200ms"),
	}
	for name, value := range change {
		config[name] = value
	}
	return phasetest.New(t, Spec(), "cluster_config", config)
}

func TestClusterConfig(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	store(t, fake, storedCluster)
	config := reader(t, fake, nil).Apply(t)["config"].AsValueMap()
	for name, want := range map[string]string{
		"kubernetes_version": "v1.36.3", "control_plane_endpoint": "[fd00::1]:8443", "control_plane_host": "fd00::1",
		"pod_subnet": "10.244.0.0/16", "cert_dir": "/etc/kubernetes/pki", "image_repository": "registry.k8s.io", "kubelet_configuration": storedKubelet,
	} {
		if got := config[name].AsString(); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	etcd, proxy := config["etcd"].AsValueMap(), config["kube_proxy"].AsValueMap()
	if etcd["data_dir"].AsString() != "/data/etcd" || etcd["image_tag"].AsString() != defaultEtcdTag || proxy["enabled"].True() || !config["external_etcd"].IsNull() {
		t.Errorf("got etcd %#v, kube-proxy %#v", etcd, proxy)
	}
	if args := config["apiserver"].AsValueMap()["extra_args"]; args.LengthInt() != 1 || config["scheduler"].AsValueMap()["extra_args"].LengthInt() != 0 {
		t.Errorf("got arguments %#v", args)
	}
}

// A node keeps what it read when its cluster is silent; a host that is none cannot.
func TestClusterConfigOfSilentCluster(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	store(t, fake, storedCluster)
	silent := func(string, *http.Request) *apierrors.StatusError {
		return apierrors.NewInternalError(http.ErrServerClosed)
	}
	node := reader(t, fake, map[string]cty.Value{"cluster": kubeapitest.ClusterValue(fake.Admin), "token": cty.StringVal("")})
	node.Apply(t)
	fake.Answer(silent)
	if plan := node.Want(t); plan.Outputs.GetAttr("config").GetAttr("pod_subnet").AsString() != "10.244.0.0/16" {
		t.Errorf("got %#v", plan.Outputs)
	}
	if r := reader(t, fake, nil).Try(t); r.Status == sdk.StatusOK {
		t.Error("a host that never read it goes on")
	}
}

func TestClusterConfigFails(t *testing.T) {
	tests := map[string]struct {
		change     map[string]cty.Value
		spoil      func(t *testing.T, fake *kubeapitest.Fake)
		want, hint string
	}{
		"name taken": {nil, func(t *testing.T, fake *kubeapitest.Fake) { t.Helper(); putNode(t, fake, "True", "") }, "there is a node n2 in the cluster, and it works", "kubectl delete node n2"},
		"no endpoint": {map[string]cty.Value{"control_plane": cty.True}, func(t *testing.T, fake *kubeapitest.Fake) {
			t.Helper()
			store(t, fake, strings.Replace(storedCluster, "controlPlaneEndpoint", "clusterName", 1))
		}, "the cluster has no control-plane endpoint", "controlPlaneEndpoint in the ConfigMap"},
		"token expired": {nil, func(_ *testing.T, fake *kubeapitest.Fake) {
			fake.Answer(func(string, *http.Request) *apierrors.StatusError { return apierrors.NewUnauthorized("no") })
		}, "does not accept the token", "Make a new one"},
		"nothing stored": {nil, func(_ *testing.T, fake *kubeapitest.Fake) {
			fake.Delete("/api/v1/namespaces/kube-system/configmaps/" + kubeletConfigMap)
		}, "read ConfigMap kube-system/kubelet-config: status 404", "upload-config"},
		"other kind": {nil, func(t *testing.T, fake *kubeapitest.Fake) { t.Helper(); store(t, fake, "apiVersion: v1\nkind: Pod\n") }, "v1 Pod is not kubeadm.k8s.io/v1beta4 ClusterConfiguration", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fake := kubeapitest.NewFake(t)
			store(t, fake, storedCluster)
			tt.spoil(t, fake)
			r := reader(t, fake, tt.change).Try(t)
			if r.Status == sdk.StatusOK || !strings.Contains(r.Diagnostics[0].Summary, tt.want) || !strings.Contains(r.Diagnostics[0].Detail, tt.hint) || !r.Diagnostics[0].Permanent {
				t.Errorf("got %+v\nwant %q, %q", r, tt.want, tt.hint)
			}
		})
	}
}

// A node of that name that does not work is replaced.
func TestClusterConfigOfLostNode(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	store(t, fake, storedCluster)
	putNode(t, fake, "Unknown", "Kubelet stopped posting node status.")
	reader(t, fake, nil).Apply(t)
}

// v1beta3 has arguments as a map.
func TestOldClusterConfiguration(t *testing.T) {
	got, err := readClusterValues("apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nkubernetesVersion: v1.30.1\nscheduler: {extraArgs: {v: \"2\", a: b}}\n", "")
	if err != nil || len(got.Scheduler.ExtraArgs) != 2 || got.Scheduler.ExtraArgs[0].Name != "a" || got.ControlPlaneHost != "" {
		t.Errorf("got %+v, %v", got.Scheduler, err)
	}
}

func FuzzReadClusterValues(f *testing.F) {
	f.Add(storedCluster)
	f.Add("apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\netcd: {external: {endpoints: [a]}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := readClusterValues(text, ""); err == nil {
			sdk.Encode(v) // every value has a type
			if v.KubernetesVersion == "" || v.Etcd.DataDir == "" {
				t.Errorf("%q gives %+v", text, v)
			}
		}
	})
}

func TestNodeReady(t *testing.T) {
	tests := map[string]struct{ ready, message, want string }{
		"ready":      {"True", "", ""},
		"no network": {"False", "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized", "Install the network plugin"},
		"runtime":    {"False", "container runtime is down", "crictl info"},
		"silent":     {"Unknown", "Kubelet stopped posting node status.", "systemctl status kubelet"},
		"absent":     {"", "", "journalctl -u kubelet"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fake := kubeapitest.NewFake(t)
			if tt.ready != "" {
				putNode(t, fake, tt.ready, tt.message)
			}
			phase := newPhase(t, fake, "node_ready", map[string]cty.Value{"node": cty.StringVal("n2"), "within": cty.StringVal("50ms")})
			r := phase.Try(t)
			if (r.Status == sdk.StatusOK) != (tt.want == "") || tt.want != "" && !strings.Contains(r.Diagnostics[0].Detail, tt.want) {
				t.Errorf("got %+v, want %q", r, tt.want)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	newPhase(t, fake, "token", map[string]cty.Value{"token": cty.StringVal(joinToken), "description": cty.StringVal("rack 7")}).Apply(t)
	tokens := newPhase(t, fake, "tokens", nil).Apply(t)["tokens"].AsValueSlice()
	if len(tokens) != 1 || tokens[0].GetAttr("id").AsString() != testToken6 || tokens[0].GetAttr("description").AsString() != "rack 7" || tokens[0].GetAttr("usages").LengthInt() != 2 {
		t.Fatalf("got %#v", tokens)
	}
	phase := newPhase(t, fake, "tokens", map[string]cty.Value{"delete": cty.ListVal([]cty.Value{cty.StringVal(testToken6)})})
	phase.Want(t, "delete: it is to be deleted")
	if left := phase.Apply(t)["tokens"].LengthInt(); left != 0 {
		t.Errorf("%d tokens are left", left)
	}
}
