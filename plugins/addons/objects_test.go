package addons

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj/kubeobjtest"
)

func plainCoreDNS() coreDNSConfig {
	return coreDNSConfig{ServiceSubnet: "10.96.0.0/12", DNSDomain: "cluster.local", ImageRepository: "registry.k8s.io", ImageTag: "v1.14.2"}
}

func plainKubeProxy() kubeProxyConfig {
	return kubeProxyConfig{
		Cluster:           kubeapi.Cluster{Server: "https://10.0.0.1:6443"},
		KubernetesVersion: "v1.36.3", PodSubnet: "10.244.0.0/16", ImageRepository: "registry.k8s.io",
	}
}

func TestGoldenCoreDNS(t *testing.T) {
	full := coreDNSConfig{
		ServiceSubnet: "fd00:10:96::/112,10.96.0.0/16", DNSDomain: "example.com",
		ImageRepository: "mirror.example.com/k8s", ImageTag: "v1.13.0", Replicas: new(3), Corefile: ".:53 {\n    whoami\n}\n",
	}
	for name, c := range map[string]coreDNSConfig{"plain": plainCoreDNS(), "full": full} {
		t.Run(name, func(t *testing.T) { kubeobjtest.Golden(t, "coredns_"+name+".yaml", dnsObjects(t, c)...) })
	}
}

func TestGoldenKubeProxy(t *testing.T) {
	full := plainKubeProxy()
	full.ControlPlaneEndpoint, full.PodSubnet, full.Mode = "[fd00::1]:8443", "fd00:10:244::/56", "nftables"
	full.ImageRepository, full.KubernetesVersion = "mirror.example.com/k8s", "v1.36.3+build.7"
	full.Env = map[string]string{"NO_PROXY": "10.0.0.0/8", "HTTPS_PROXY": "http://proxy:3128"}
	full.Configuration = cty.StringVal("conntrack: {maxPerCore: 0}\nmetricsBindAddress: 0.0.0.0\n")
	for name, c := range map[string]kubeProxyConfig{"plain": plainKubeProxy(), "full": full} {
		t.Run(name, func(t *testing.T) { kubeobjtest.Golden(t, "kube_proxy_"+name+".yaml", proxyObjects(t, c)...) })
	}
}

// Facts of the CoreDNS of kubeadm 1.36.3, field by field.
func TestCoreDNSFacts(t *testing.T) {
	wantFields(t, dnsObjects(t, plainCoreDNS()), map[string]any{
		"ConfigMap metadata.name":                          "coredns",
		"Deployment metadata.labels.k8s-app":               "kube-dns",
		"Deployment spec.replicas":                         int64(2),
		"Deployment spec.selector.matchLabels":             map[string]any{"k8s-app": "kube-dns"},
		"Deployment spec.strategy":                         map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxUnavailable": int64(1)}},
		"Deployment spec.template.spec.priorityClassName":  "system-cluster-critical",
		"Deployment spec.template.spec.serviceAccountName": "coredns",
		"Deployment spec.template.spec.dnsPolicy":          "Default",
		"Deployment spec.template.spec.nodeSelector":       map[string]any{"kubernetes.io/os": "linux"},
		"Deployment spec.template.spec.tolerations": []any{
			map[string]any{"key": "CriticalAddonsOnly", "operator": "Exists"},
			map[string]any{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"},
		},
		"Deployment spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.weight":                      int64(100),
		"Deployment spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution.0.podAffinityTerm.topologyKey": "kubernetes.io/hostname",
		"Deployment spec.template.spec.containers.0.image":                                                                                     "registry.k8s.io/coredns/coredns:v1.14.2",
		"Deployment spec.template.spec.containers.0.args":                                                                                      []any{"-conf", "/etc/coredns/Corefile"},
		"Deployment spec.template.spec.containers.0.resources":                                                                                 map[string]any{"requests": map[string]any{"cpu": "100m", "memory": "70Mi"}, "limits": map[string]any{"memory": "170Mi"}},
		"Deployment spec.template.spec.containers.0.ports": []any{
			port("dns", 53, "UDP"), port("dns-tcp", 53, "TCP"), port("metrics", 9153, "TCP"), port("liveness-probe", 8080, "TCP"), port("readiness-probe", 8181, "TCP"),
		},
		"Deployment spec.template.spec.containers.0.livenessProbe": map[string]any{
			"httpGet":             map[string]any{"path": "/health", "port": "liveness-probe", "scheme": "HTTP"},
			"initialDelaySeconds": int64(60), "timeoutSeconds": int64(5), "successThreshold": int64(1), "failureThreshold": int64(5),
		},
		"Deployment spec.template.spec.containers.0.readinessProbe": map[string]any{
			"httpGet":       map[string]any{"path": "/ready", "port": "readiness-probe", "scheme": "HTTP"},
			"periodSeconds": int64(2), "failureThreshold": int64(15),
		},
		"Deployment spec.template.spec.containers.0.securityContext": map[string]any{
			"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
			"capabilities": map[string]any{"add": []any{"NET_BIND_SERVICE"}, "drop": []any{"ALL"}},
		},
		"Deployment spec.template.spec.containers.0.volumeMounts.0": map[string]any{"name": "config-volume", "mountPath": "/etc/coredns", "readOnly": true},
		"Service metadata.name":         "kube-dns",
		"Service metadata.labels":       map[string]any{"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"},
		"Service metadata.annotations":  map[string]any{"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
		"Service spec.clusterIP":        "10.96.0.10",
		"Service spec.ports.0":          map[string]any{"name": "dns", "port": int64(53), "targetPort": int64(53), "protocol": "UDP"},
		"Service spec.ports.2":          map[string]any{"name": "metrics", "port": int64(9153), "targetPort": int64(9153), "protocol": "TCP"},
		"ClusterRole metadata.name":     "system:coredns",
		"ClusterRole rules.0.resources": []any{"endpoints", "services", "pods", "namespaces"},
		"ClusterRole rules.1.apiGroups": []any{"discovery.k8s.io"},
		"ClusterRoleBinding subjects.0": map[string]any{"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"},
	})
}

// Facts of the kube-proxy of kubeadm 1.36.3, field by field.
func TestKubeProxyFacts(t *testing.T) {
	c := plainKubeProxy()
	objects := proxyObjects(t, c)
	wantFields(t, objects, map[string]any{
		"ConfigMap metadata.labels":                                 map[string]any{"app": "kube-proxy"},
		"DaemonSet metadata.labels":                                 map[string]any{"k8s-app": "kube-proxy"},
		"DaemonSet spec.updateStrategy.type":                        "RollingUpdate",
		"DaemonSet spec.template.spec.priorityClassName":            "system-node-critical",
		"DaemonSet spec.template.spec.hostNetwork":                  true,
		"DaemonSet spec.template.spec.tolerations":                  []any{map[string]any{"operator": "Exists"}},
		"DaemonSet spec.template.spec.containers.0.image":           "registry.k8s.io/kube-proxy:v1.36.3",
		"DaemonSet spec.template.spec.containers.0.env.0":           map[string]any{"name": "NODE_NAME", "valueFrom": map[string]any{"fieldRef": map[string]any{"fieldPath": "spec.nodeName"}}},
		"DaemonSet spec.template.spec.volumes.1.hostPath":           map[string]any{"path": "/run/xtables.lock", "type": "FileOrCreate"},
		"DaemonSet spec.template.spec.volumes.2.hostPath":           map[string]any{"path": "/lib/modules"},
		"DaemonSet spec.template.spec.containers.0.command":         []any{"/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", "--hostname-override=$(NODE_NAME)"},
		"DaemonSet spec.template.spec.containers.0.securityContext": map[string]any{"privileged": true},
		"ClusterRoleBinding metadata.name":                          "kubeadm:node-proxier",
		"ClusterRoleBinding roleRef.name":                           "system:node-proxier",
		"Role rules.0":                                              map[string]any{"apiGroups": []any{""}, "resources": []any{"configmaps"}, "resourceNames": []any{"kube-proxy"}, "verbs": []any{"get"}},
		"RoleBinding subjects.0.name":                               "system:bootstrappers:kubeadm:default-node-token",
	})
	kubeconfig := yamlOf(t, field(t, objects, "ConfigMap data.kubeconfig.conf").(string))
	account := "/var/run/secrets/kubernetes.io/serviceaccount"
	want := map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "default",
		"clusters": []any{map[string]any{"name": "default", "cluster": map[string]any{"certificate-authority": account + "/ca.crt", "server": "https://10.0.0.1:6443"}}},
		"contexts": []any{map[string]any{"name": "default", "context": map[string]any{"cluster": "default", "namespace": "default", "user": "default"}}},
		"users":    []any{map[string]any{"name": "default", "user": map[string]any{"tokenFile": account + "/token"}}},
	}
	if diff := cmp.Diff(want, kubeconfig); diff != "" {
		t.Errorf("kubeconfig.conf (-want +got):\n%s", diff)
	}
	config := yamlOf(t, field(t, objects, "ConfigMap data.config.conf").(string))
	for key, want := range map[string]any{
		"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "bindAddress": "0.0.0.0",
		"clusterCIDR": "10.244.0.0/16", "mode": "", "oomScoreAdj": nil, "configSyncPeriod": "0s", "enableProfiling": false,
		"clientConnection": map[string]any{"kubeconfig": "/var/lib/kube-proxy/kubeconfig.conf", "acceptContentTypes": "", "contentType": "", "qps": 0.0, "burst": 0.0},
	} {
		if got, ok := config[key]; !ok || !cmp.Equal(got, want) {
			t.Errorf("config.conf %s: got %v, %v, want %v", key, got, ok, want)
		}
	}
}

// A config that the user has had a hand in is not kubeadm's to replace.
func TestKubeProxyHash(t *testing.T) {
	const hash = "ConfigMap metadata.annotations"
	if got := field(t, proxyObjects(t, plainKubeProxy()), hash); !strings.Contains(fmt.Sprint(got), "kubeadm.kubernetes.io/component-config.hash:sha256:") {
		t.Errorf("nobody's config: got annotations %v, want a hash", got)
	}
	mine := plainKubeProxy()
	mine.Mode = "ipvs"
	if got := field(t, proxyObjects(t, mine), hash); got != nil {
		t.Errorf("the user's config: got annotations %v, want none", got)
	}
}

func dnsObjects(t *testing.T, c coreDNSConfig) []runtime.Object {
	t.Helper()
	address, err := c.address()
	if err != nil {
		t.Fatal(err)
	}
	return c.objects(address)
}

func proxyObjects(t *testing.T, c kubeProxyConfig) []runtime.Object {
	t.Helper()
	objects, err := c.objects()
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func port(name string, number int64, protocol string) map[string]any {
	return map[string]any{"name": name, "containerPort": number, "protocol": protocol}
}

func wantFields(t *testing.T, objects []runtime.Object, want map[string]any) {
	t.Helper()
	for path, value := range want {
		if diff := cmp.Diff(value, field(t, objects, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// field finds "Kind a.b.0.c" in the object of that kind, or nil. A key with a dot
// must be the last.
func field(t *testing.T, objects []runtime.Object, path string) any {
	t.Helper()
	kind, path, _ := strings.Cut(path, " ")
	for _, object := range objects {
		var at any = kubeobj.Content(object)
		if at.(map[string]any)["kind"] != kind {
			continue
		}
		for path != "" {
			if m, ok := at.(map[string]any); ok {
				if v, ok := m[path]; ok {
					return v
				}
			}
			var key string
			key, path, _ = strings.Cut(path, ".")
			switch x := at.(type) {
			case map[string]any:
				at = x[key]
			case []any:
				i, err := strconv.Atoi(key)
				if err != nil || i >= len(x) {
					t.Fatalf("no item %q in a list of %d", key, len(x))
				}
				at = x[i]
			default:
				return nil
			}
		}
		return at
	}
	t.Fatalf("no %s", kind)
	return nil
}

func yamlOf(t *testing.T, text string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
