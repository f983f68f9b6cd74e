package controlplane

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj/kubeobjtest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestGoldenObjects(t *testing.T) {
	plain := defaults()
	plain.ControlPlaneEndpoint, plain.PodSubnet = "10.0.0.1", "10.244.0.0/16"
	full := defaults()
	full.ControlPlaneEndpoint = "api.example.com:8443"
	full.ServiceSubnet, full.DNSDomain = "fd00:10:96::/112,10.96.0.0/16", "example.com"
	full.Etcd = &etcdConfig{External: &externalConfig{Endpoints: []string{"https://e1:2379", "https://e2:2379"}, CAFile: "/e/ca.crt", CertFile: "/e/c.crt", KeyFile: "/e/c.key"}}
	flags := []component.Flag{{Name: "service-account-issuer", Value: "https://b"}, {Name: "service-account-issuer", Value: "https://a"}}
	full.APIServer = &apiServerConfig{CertSANs: []string{"api.example.com"}, ExtraArgs: flags, ExtraVolumes: []volumeConfig{{Name: "audit", HostPath: "/var/log/audit", MountPath: "/var/log/audit", PathType: "DirectoryOrCreate"}}}
	full.Scheduler = &extraConfig{ExtraArgs: []component.Flag{{Name: "v", Value: "4"}}, ExtraEnvs: []component.Flag{{Name: "GOGC", Value: "50"}}}
	full.DNS, full.Proxy = &dnsConfig{ImageTag: "v1.13.0"}, &proxyConfig{Disabled: true}
	full.FeatureGates = map[string]bool{"RootlessControlPlane": false}
	full.EncryptionAlgorithm, full.CertificateValidity = "ECDSA-P256", 90*24*time.Hour
	full.KubeletConfiguration = cty.StringVal("cgroupDriver: cgroupfs\nfailSwapOn: false\nmaxPods: 200\nrotateCertificates: false\n")
	for name, c := range map[string]uploadConfig{"plain": plain, "full": full} {
		t.Run("upload_config/"+name, func(t *testing.T) {
			objects, err := c.objects()
			if err != nil {
				t.Fatal(err)
			}
			kubeobjtest.Golden(t, "upload_config_"+name+".yaml", objects...)
		})
	}
	t.Run("node_rbac", func(t *testing.T) { kubeobjtest.Golden(t, "node_rbac.yaml", nodeRBAC()...) })
	t.Run("token", func(t *testing.T) {
		token := bootstrapToken{TokenID: "abcdef", config: tokenConfig{Usages: []string{"signing", "authentication"}, Groups: []string{nodeTokenGroup}, Description: "for a test"}}
		secret := token.wanted(storedToken{secret: "0123456789abcdef", expires: "2030-01-02T03:04:05Z"})
		secret.ObjectMeta = metav1.ObjectMeta{Namespace: systemNamespace, Name: "bootstrap-token-abcdef"}
		kubeobjtest.Golden(t, "token.yaml", secret)
	})
	t.Run("cluster_info", func(t *testing.T) {
		objects := mayReadConfigMap(publicNamespace, "cluster-info", "kubeadm:bootstrap-signer-clusterinfo", user("system:anonymous"))
		kubeobjtest.Golden(t, "cluster_info.yaml", objects...)
	})
	t.Run("admin binding", func(t *testing.T) {
		kubeobjtest.Golden(t, "admin_binding.yaml", adminClusterRoleBinding())
	})
}

// Facts of kubeadm 1.36.3 about what it stores, field by field.
func TestClusterConfigurationFacts(t *testing.T) {
	text, err := defaults().clusterConfiguration()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	empty := map[string]any{}
	want := map[string]any{
		"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "ClusterConfiguration", "clusterName": "kubernetes",
		"kubernetesVersion": "v1.36.3", "certificatesDir": "/etc/kubernetes/pki", "imageRepository": "registry.k8s.io",
		"encryptionAlgorithm": "RSA-2048", "certificateValidityPeriod": "8760h0m0s", "caCertificateValidityPeriod": "87600h0m0s",
		"networking": map[string]any{"serviceSubnet": "10.96.0.0/12", "dnsDomain": "cluster.local"},
		"etcd":       map[string]any{"local": map[string]any{"dataDir": "/var/lib/etcd"}},
		"apiServer":  empty, "controllerManager": empty, "scheduler": empty, "dns": empty, "proxy": empty,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ClusterConfiguration (-want +got):\n%s", diff)
	}
}

func TestKubeletConfigurationFacts(t *testing.T) {
	objects, err := defaults().objects()
	if err != nil {
		t.Fatal(err)
	}
	kubelet := objects[1].(*corev1.ConfigMap)
	var got map[string]any
	if err := yaml.Unmarshal([]byte(kubelet.Data["kubelet"]), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"staticPodPath": "/etc/kubernetes/manifests", "clusterDNS": []any{"10.96.0.10"}, "clusterDomain": "cluster.local",
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false}, "webhook": map[string]any{"enabled": true, "cacheTTL": "0s"},
			"x509": map[string]any{"clientCAFile": "/etc/kubernetes/pki/ca.crt"},
		},
		"authorization":      map[string]any{"mode": "Webhook", "webhook": map[string]any{"cacheAuthorizedTTL": "0s", "cacheUnauthorizedTTL": "0s"}},
		"healthzBindAddress": "127.0.0.1", "healthzPort": 10248.0, "rotateCertificates": true, "cgroupDriver": "systemd",
		"containerRuntimeEndpoint": "",
	}
	for field, value := range want {
		if diff := cmp.Diff(value, got[field]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", field, diff)
		}
	}
	for _, absent := range []string{"readOnlyPort", "resolvConf", "featureGates"} {
		if v, ok := got[absent]; ok {
			t.Errorf("%s: got %v, want no such field", absent, v)
		}
	}
	if hash := kubelet.Annotations["kubeadm.kubernetes.io/component-config.hash"]; len(hash) != len("sha256:")+64 {
		t.Errorf("hash of a config that nobody supplied: got %q", hash)
	}
	mine := defaults()
	mine.KubeletConfiguration = cty.ObjectVal(map[string]cty.Value{"maxPods": cty.NumberIntVal(200)})
	if objects, err = mine.objects(); err != nil {
		t.Fatal(err)
	}
	if notes := objects[1].(*corev1.ConfigMap).Annotations; len(notes) > 0 {
		t.Errorf("annotations of a config that the user supplied: got %v, want none", notes)
	}
}

// cluster-info is read by nodes byte by byte, so its form is fixed.
func TestClusterInfoFacts(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	pool := kubeapi.NewPool()
	defer pool.Close()
	info := clusterInfo{maker: kubeobj.Maker{Pool: pool, Kubeconfig: fake.Admin}}
	text, err := info.kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	cluster := got["clusters"].([]any)[0].(map[string]any)["cluster"].(map[string]any)
	if cluster["certificate-authority-data"] == "" || cluster["server"] != fake.Server {
		t.Errorf("cluster: got %v", cluster)
	}
	cluster["certificate-authority-data"] = "<base64>"
	want := map[string]any{
		"apiVersion": "v1", "kind": "Config", "contexts": nil, "current-context": "", "users": nil,
		"clusters": []any{map[string]any{"name": "", "cluster": map[string]any{"server": fake.Server, "certificate-authority-data": "<base64>"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kubeconfig of cluster-info (-want +got):\n%s", diff)
	}
}

// defaults is a config with the schema's own defaults.
func defaults() uploadConfig {
	values := map[string]cty.Value{"cluster": kubeapitest.ClusterValue("/etc/kubernetes/admin.conf"), "kubernetes_version": cty.StringVal("v1.36.3")}
	for _, a := range sdk.AttributesOf[uploadConfig]() {
		given, ok := values[a.Name]
		if !ok {
			given = cty.NullVal(cty.DynamicPseudoType)
		}
		v, err := a.Convert(given)
		if err != nil {
			panic(err)
		}
		values[a.Name] = v
	}
	c, err := sdk.Decode[uploadConfig](cty.ObjectVal(values))
	if err != nil {
		panic(err)
	}
	return c
}
