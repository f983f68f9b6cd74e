package controlplane

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	corev1 "k8s.io/api/core/v1"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
)

// The files in testdata/kubeadm are configurations, and what kubeadm 1.36.3 has
// uploaded for each, to the letter.
func TestClusterConfigurationIsKubeadms(t *testing.T) {
	external, http := defaults(), defaults()
	external.ControlPlaneEndpoint = "fd00::1"
	external.Etcd = &etcdConfig{External: &externalConfig{
		Endpoints: []string{"https://10.0.0.1:2379", "https://10.0.0.2:2379"},
		CAFile:    "/etc/etcd/ca.crt", CertFile: "/etc/etcd/client.crt", KeyFile: "/etc/etcd/client.key",
	}}
	http.ControlPlaneEndpoint = "10.0.0.5:8443"
	http.Etcd = &etcdConfig{External: &externalConfig{Endpoints: []string{"http://10.0.0.1:2379"}, HTTPEndpoints: []string{"http://10.0.0.1:8080"}}}
	for name, c := range map[string]uploadConfig{"plain": defaults(), "local": everything(), "external": external, "external_http": http} {
		t.Run(name, func(t *testing.T) {
			if err := validateUpload(c); err != nil {
				t.Fatal(err)
			}
			got, err := c.clusterConfiguration()
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join("testdata", "kubeadm", name+".uploaded.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("ClusterConfiguration (-kubeadm +ours):\n%s", diff)
			}
		})
	}
}

// everything is testdata/kubeadm/local.yaml.
func everything() uploadConfig {
	c := defaults()
	c.ClusterName, c.ControlPlaneEndpoint, c.CertDir, c.ImageRepository = "rack7", "api.example.com", "/srv/pki", "mirror.example.com/k8s"
	c.EncryptionAlgorithm, c.CertificateValidity, c.CAValidity = "ECDSA-P384", 2160*time.Hour, 43800*time.Hour+30*time.Minute
	c.FeatureGates = map[string]bool{"RootlessControlPlane": false}
	c.ServiceSubnet, c.PodSubnet, c.DNSDomain = "fd00:10:96::/112,10.97.0.0/16", "fd00:10:244::/56,10.244.0.0/16", "example.com"
	c.Etcd = &etcdConfig{
		DataDir: "/srv/etcd", ImageRepository: "mirror.example.com/etcd", ImageTag: "3.6.7-0",
		ExtraArgs:      []component.Flag{{Name: "snapshot-count", Value: "5000"}, {Name: "listen-metrics-urls"}},
		ExtraEnvs:      []component.Flag{{Name: "ETCD_QUOTA_BACKEND_BYTES", Value: "8589934592"}, {Name: "EMPTY"}},
		ServerCertSANs: []string{"etcd.example.com"}, PeerCertSANs: []string{"10.0.0.9"},
	}
	c.APIServer = &apiServerConfig{
		CertSANs:  []string{"api.example.com", "10.0.0.9"},
		ExtraArgs: []component.Flag{{Name: "service-account-issuer", Value: "https://b"}, {Name: "service-account-issuer", Value: "https://a"}},
		ExtraEnvs: []component.Flag{{Name: "GOGC", Value: "50"}},
		ExtraVolumes: []volumeConfig{
			{Name: "audit", HostPath: "/var/log/audit", MountPath: "/var/log/audit", PathType: "DirectoryOrCreate"},
			{Name: "policy", HostPath: "/etc/policy.yaml", MountPath: "/etc/policy.yaml", ReadOnly: true, PathType: "File"},
		},
	}
	c.ControllerManager = &extraConfig{
		ExtraArgs:    []component.Flag{{Name: "v", Value: "4"}},
		ExtraVolumes: []volumeConfig{{Name: "extra", HostPath: "/srv/extra", MountPath: "/extra"}},
	}
	c.Scheduler = &extraConfig{
		ExtraArgs: []component.Flag{{Name: "config", Value: "/etc/scheduler.yaml"}},
		ExtraEnvs: []component.Flag{{Name: "GOGC", Value: "50"}},
	}
	c.DNS = &dnsConfig{ImageRepository: "mirror.example.com/dns", ImageTag: "v1.13.0", Disabled: true}
	c.Proxy = &proxyConfig{Disabled: true}
	return c
}

// The hash tells kubeadm upgrade that it may make the kubelet's configuration
// anew: it is there only if kubeadm would have made it so by itself.
func TestKubeletConfigurationHash(t *testing.T) {
	whole, _, err := defaults().kubeletConfiguration()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		text   string
		signed bool
	}{
		"nothing":      {"", true},
		"the defaults": {string(whole), true},
		"resolved":     {string(whole) + "resolvConf: /run/systemd/resolve/resolv.conf\n", true},
		"other file":   {string(whole) + "resolvConf: /srv/resolv.conf\n", false},
		"one field":    {"maxPods: 200", false},
		"with it":      {string(whole) + "maxPods: 200\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := defaults()
			c.KubeletConfiguration = cty.StringVal(tt.text)
			objects, err := c.objects()
			if err != nil {
				t.Fatal(err)
			}
			kubelet := objects[1].(*corev1.ConfigMap)
			if got := len(kubelet.Annotations) > 0; got != tt.signed {
				t.Errorf("hash: got %v, want %v", got, tt.signed)
			}
		})
	}
	c := defaults()
	c.KubeletConfiguration = cty.StringVal(string(whole) + "maxPods: 200\n")
	again, _, err := c.kubeletConfiguration()
	if err != nil {
		t.Fatal(err)
	}
	c.KubeletConfiguration = cty.StringVal(string(again))
	if third, _, err := c.kubeletConfiguration(); err != nil || string(third) != string(again) {
		t.Errorf("a whole configuration is not taken as it is: %v\n%s", err, cmp.Diff(string(again), string(third)))
	}
}
