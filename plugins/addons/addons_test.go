package addons

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func TestExamples(t *testing.T) { kubeapitest.Examples(t, Spec()) }

func TestValidate(t *testing.T) {
	text := cty.StringVal
	bare := cty.ObjectVal(map[string]cty.Value{"kubeconfig": text("/admin.conf")})
	tests := map[string]struct {
		typ  string
		set  map[string]cty.Value
		want string
	}{
		"coredns: services":   {"coredns", map[string]cty.Value{"service_subnet": text("x")}, `"x" is not a subnet such as 10.96.0.0/12`},
		"coredns: address":    {"coredns", map[string]cty.Value{"cluster_ip": text("x")}, `"x" is not an address such as 10.96.0.10`},
		"coredns: domain":     {"coredns", map[string]cty.Value{"dns_domain": text("a {")}, `"a {" is not a DNS domain such as cluster.local`},
		"coredns: tag":        {"coredns", map[string]cty.Value{"image_tag": text("a:b")}, `"a:b" is not a tag such as v1.14.2`},
		"coredns: repository": {"coredns", map[string]cty.Value{"image_repository": text("a b")}, `"a b" is not the first part of an image name, such as registry.k8s.io`},
		"coredns: replicas":   {"coredns", map[string]cty.Value{"replicas": cty.NumberIntVal(-1)}, "must not be negative"},
		"kube_proxy: version": {"kube_proxy", map[string]cty.Value{"kubernetes_version": text("1.36")}, `"1.36" is not a version such as v1.36.3`},
		"kube_proxy: server":  {"kube_proxy", map[string]cty.Value{"cluster": bare}, "must be set, for cluster tells no server"},
		"kube_proxy: address": {"kube_proxy", map[string]cty.Value{"control_plane_endpoint": text("https://a:6443")}, `"https://a:6443" is not an address such as api.example.com:6443`},
		"kube_proxy: pods":    {"kube_proxy", map[string]cty.Value{"pod_subnet": text("x")}, `"x" is not a subnet such as 10.96.0.0/12`},
		"kube_proxy: modes":   {"kube_proxy", map[string]cty.Value{"mode": text("ipvs"), "configuration": text("mode: nftables")}, "ipvs and the mode of configuration, nftables, contradict each other"},
		"kube_proxy: field":   {"kube_proxy", map[string]cty.Value{"configuration": text("moode: x")}, "not a KubeProxyConfiguration: error unmarshaling JSON: while decoding JSON: json: unknown field \"moode\""},
		"kube_proxy: family":  {"kube_proxy", map[string]cty.Value{"advertise_address": text("n1")}, `"n1" is not an IP address`},
		"kube_proxy: gates": {
			"kube_proxy",
			map[string]cty.Value{"feature_gates": cty.MapVal(map[string]cty.Value{"A": cty.True}), "configuration": text("featureGates: {A: false}")},
			"A is true here and false in configuration",
		},
		"manifest: nothing": {"manifest", nil, "set exactly one of yaml and file"},
		"manifest: both":    {"manifest", map[string]cty.Value{"yaml": text("a"), "file": text("b")}, "set exactly one of yaml and file"},
		"manifest: bad":     {"manifest", map[string]cty.Value{"yaml": text("kind: Pod")}, "document 1: no apiVersion"},
		"manifest: nowhere": {"manifest", map[string]cty.Value{"file": text("a"), "namespace": text("")}, "must not be empty"},
		"manifest: no time": {"manifest", map[string]cty.Value{"file": text("a"), "within": text("0s")}, "must be longer than zero"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			config := map[string]cty.Value{"cluster": kubeapitest.ClusterValue("/admin.conf")}
			if tt.typ == "kube_proxy" {
				config["kubernetes_version"] = text("v1.36.3")
			}
			maps.Copy(config, tt.set)
			if got := phasetest.New(t, Spec(), tt.typ, config).Validate(t); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCoreDNS(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	phase := newPhase(t, fake, "coredns", nil)
	phase.Want(t, absent(6)...)
	out := phase.Apply(t)
	if got := out["cluster_ip"].AsString(); got != "10.96.0.10" {
		t.Errorf("cluster_ip: got %q", got)
	}
	if got := out["image"].AsString(); got != "registry.k8s.io/coredns/coredns:v1.14.2" {
		t.Errorf("image: got %q", got)
	}
	testKept(t, phase, fakeEditor{fake})
	phase.Undo(t)
	phase.Want(t, absent(6)...)
}

// editor changes objects as people do.
type editor interface {
	edit(t *testing.T, object string, value any, path ...string)
}

// testKept changes what people change in CoreDNS, and wants it kept until the
// config says otherwise. It runs against the fake, and against a real server in
// the e2e tests.
func testKept(t *testing.T, phase *phasetest.Phase, people editor) {
	t.Helper()
	people.edit(t, "configmaps/coredns", "# mine\n", "data", "Corefile")
	people.edit(t, "deployments/coredns", int64(5), "spec", "replicas")
	phase.Want(t)
	cluster := phase.Config.GetAttr("cluster")
	phase.Set(t, map[string]cty.Value{"cluster": cluster, "dns_domain": cty.StringVal("example.com")})
	phase.Want(t)
	phase.Set(t, map[string]cty.Value{"cluster": cluster, "replicas": cty.NumberIntVal(3), "corefile": cty.StringVal("# given\n")})
	phase.Want(t, "update: differs in data.Corefile", "update: differs in spec.replicas")
	phase.Apply(t)
	phase.Set(t, map[string]cty.Value{"cluster": cluster}) // the fields are ours now
	phase.Want(t, "update: differs in data.Corefile", "update: differs in spec.replicas")
	phase.Apply(t)
}

func TestKubeProxy(t *testing.T) {
	phase := newPhase(t, kubeapitest.NewFake(t), "kube_proxy", map[string]cty.Value{"kubernetes_version": cty.StringVal("v1.36.3")})
	phase.Want(t, absent(6)...)
	if got := phase.Apply(t)["image"].AsString(); got != "registry.k8s.io/kube-proxy:v1.36.3" {
		t.Errorf("image: got %q", got)
	}
	phase.Set(t, map[string]cty.Value{
		"cluster": phase.Config.GetAttr("cluster"), "kubernetes_version": cty.StringVal("v1.36.3"), "mode": cty.StringVal("nftables"),
	})
	phase.Want(t, "update: differs in data.config.conf, metadata.annotations",
		"update: differs in spec.template.metadata.annotations.clusterflow/config-hash") // so the pods take it
	phase.Apply(t)
	phase.Undo(t)
	phase.Want(t, absent(6)...)
}

func TestManifest(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	fake.AddKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, "customresourcedefinitions", false)
	fake.AddKind(schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Widget"}, "widgets", true)
	path := filepath.Join(t.TempDir(), "widgets.yaml")
	phase := newPhase(t, fake, "manifest", map[string]cty.Value{"file": cty.StringVal(path)})
	phase.Want(t, "run: the file does not exist yet")
	if diags := phase.Try(t).Diagnostics; len(diags) != 1 || !strings.Contains(diags[0].Summary, "no manifest at "+path) {
		t.Errorf("without the file: got %+v", diags)
	}
	writeManifest(t, path, widgets)
	phase.Want(t, absent(4)...)
	phase.Apply(t)

	smaller, _, _ := strings.Cut(widgets, "---") // the widget alone
	writeManifest(t, path, strings.Replace(smaller, "size: 3", "size: 4", 1))
	plan := phase.Want(t, "update: differs in spec.size", "delete: no longer wanted", "delete: no longer wanted", "delete: no longer wanted")
	if strings.Contains(string(phase.Private), "hunter2") || strings.Contains(plan.Changes[0].Diff, "hunter2") {
		t.Error("the record or the plan holds a secret")
	}
	phase.Apply(t)
	if fake.Object("/api/v1/namespaces/site/secrets/key") != nil {
		t.Error("what left the manifest is still there")
	}
	phase.Undo(t)
	if fake.Object("/apis/example.com/v1/namespaces/site/widgets/w") != nil {
		t.Error("undo left the widget")
	}
}

func TestImages(t *testing.T) {
	for want, got := range map[string]string{
		"registry.k8s.io/coredns/coredns:v1.14.2": coreDNSImage("registry.k8s.io", "v1.14.2"),
		"mirror:5000/k8s/coredns:v1.14.2":         coreDNSImage("mirror:5000/k8s", "v1.14.2"),
		"r/kube-proxy:v1.36.3_b.1":                component.Image("r", "kube-proxy", "v1.36.3+b.1"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func newPhase(t *testing.T, fake *kubeapitest.Fake, typ string, config map[string]cty.Value) *phasetest.Phase {
	t.Helper()
	all := map[string]cty.Value{"cluster": kubeapitest.ClusterValue(fake.Admin)}
	maps.Copy(all, config)
	return phasetest.New(t, Spec(), typ, all)
}

type fakeEditor struct{ fake *kubeapitest.Fake }

func (f fakeEditor) edit(t *testing.T, object string, value any, path ...string) {
	t.Helper()
	prefix := map[bool]string{true: "/apis/apps/v1", false: "/api/v1"}[strings.HasPrefix(object, "deployments/")]
	at := prefix + "/namespaces/kube-system/" + object
	live := f.fake.Object(at)
	if err := unstructured.SetNestedField(live.Object, value, path...); err != nil {
		t.Fatal(err)
	}
	f.fake.Put(t, at, "kubectl-edit", live.Object)
}

func writeManifest(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// absent is the plan of n objects that are not there.
func absent(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "create: absent"
	}
	return out
}
