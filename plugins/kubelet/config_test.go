package kubelet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

func TestExamples(t *testing.T) { phasetest.Examples(t, Spec()) }

// TestConfigAsKubeadm compares with what kubeadm 1.36.3 wrote on a host and put
// into its cluster.
func TestConfigAsKubeadm(t *testing.T) {
	root := t.TempDir()
	dir, manifests := filepath.Join(root, "kubelet"), filepath.Join(root, "kubernetes/manifests")
	phase := phasetest.New(t, specOn(fakeHost()), "config", map[string]cty.Value{
		"dir": cty.StringVal(dir), "node_name": cty.StringVal("n1"),
		"cri_socket":    cty.StringVal("unix:///run/containerd/containerd.sock"),
		"configuration": cty.StringVal("cgroupDriver: cgroupfs\nfailCgroupV1: false\nfailSwapOn: false\nstaticPodPath: " + manifests),
	})
	plan := phase.Want(t, "create: absent", "create: absent", "create: absent", "create: absent")
	out := phase.Apply(t)
	asKubeadm := func(text string) string { return strings.ReplaceAll(text, manifests, "/etc/kubernetes/manifests") }
	for _, name := range []string{"config.yaml", "instance-config.yaml", "kubeadm-flags.env"} {
		path := filepath.Join(dir, name)
		if diff := cmp.Diff(readFile(t, "testdata/kubeadm/"+name), asKubeadm(readFile(t, path))); diff != "" {
			t.Errorf("%s (-kubeadm +ours):\n%s", name, diff)
		}
		wantMode(t, path, 0o644)
	}
	wantMode(t, dir, 0o700)
	wantMode(t, manifests, 0o700)
	if diff := cmp.Diff(readFile(t, "testdata/kubeadm/kubelet-config.yaml"), asKubeadm(out["configuration"].AsString())); diff != "" {
		t.Errorf("for the cluster (-kubeadm +ours):\n%s", diff)
	}
	for name, want := range map[string]string{
		"config": dir + "/config.yaml", "flags": dir + "/kubeadm-flags.env", "node_name": "n1",
		"healthz": "http://127.0.0.1:10248/healthz", "client_certificate": dir + "/pki/kubelet-client-current.pem",
	} {
		if planned := plan.Outputs.GetAttr(name); planned.AsString() != want || !planned.RawEquals(out[name]) {
			t.Errorf("%s: planned %#v, got %#v, want %s", name, planned, out[name], want)
		}
	}
	phase.Undo(t)
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
		t.Errorf("undo left %v, %v", left, err)
	}
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != want {
		t.Errorf("%s: got mode %04o, want %04o", path, info.Mode().Perm(), want)
	}
}

func TestConfigFlags(t *testing.T) {
	tests := map[string]struct {
		set        map[string]cty.Value
		want, node string
	}{
		"own host":   {nil, ``, "n1"},
		"other name": {map[string]cty.Value{"node_name": cty.StringVal("db.example.org")}, `--hostname-override=db.example.org`, "db.example.org"},
		"taints": {map[string]cty.Value{"taints": cty.TupleVal([]cty.Value{
			object("key", "a", "value", "b", "effect", "NoSchedule"), object("key", "example.org/c", "effect", "NoExecute"),
		})}, `--register-with-taints=a=b:NoSchedule,example.org/c:NoExecute`, "n1"},
		"extra": {map[string]cty.Value{"node_name": cty.StringVal("n2"), "extra_args": cty.TupleVal([]cty.Value{
			object("name", "node-labels", "value", `a="b c"`), object("name", "hostname-override", "value", "n3"),
		})}, `--node-labels=a=\"b c\" --hostname-override=n3`, "n3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			values := map[string]cty.Value{"dir": cty.StringVal(dir), "configuration": object("staticPodPath", dir)}
			for k, v := range tt.set {
				values[k] = v
			}
			out := phasetest.New(t, specOn(fakeHost()), "config", values).Apply(t)
			if got, want := readFile(t, dir+"/kubeadm-flags.env"), "KUBELET_KUBEADM_ARGS=\""+tt.want+"\"\n"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if got := out["node_name"].AsString(); got != tt.node {
				t.Errorf("node_name: got %s, want %s", got, tt.node)
			}
		})
	}
}

func TestConfigValidate(t *testing.T) {
	tests := map[string]struct {
		name  string
		value cty.Value
		want  string
	}{
		"unknown field":   {"configuration", cty.StringVal("maxPodz: 3"), `unknown field "maxPodz"`},
		"other kind":      {"configuration", cty.StringVal("kind: KubeProxyConfiguration"), "is not kubelet.config.k8s.io/v1beta1 KubeletConfiguration"},
		"wrong type":      {"configuration", cty.ObjectVal(map[string]cty.Value{"maxPods": cty.StringVal("many")}), "cannot unmarshal string"},
		"socket":          {"cri_socket", cty.StringVal("/run/containerd/containerd.sock"), "is not a socket such as unix:///run/containerd/containerd.sock"},
		"node name":       {"node_name", cty.StringVal("N_1"), `"N_1" is no name of a node`},
		"subnet":          {"service_subnet", cty.StringVal("10.96.0.0/30"), "has no address number 10"},
		"taint effect":    {"taints", cty.TupleVal([]cty.Value{object("key", "a", "effect", "Never")}), `the effect "Never" is not NoSchedule`},
		"taint key":       {"taints", cty.TupleVal([]cty.Value{object("key", "a b", "effect", "NoExecute")}), "name part must consist of"},
		"flag with dash":  {"extra_args", cty.TupleVal([]cty.Value{object("name", "--v", "value", "2")}), `"--v" is no name of a flag`},
		"flag with break": {"extra_args", cty.TupleVal([]cty.Value{object("name", "v", "value", "2\n")}), "characters that a line cannot hold"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := phasetest.New(t, Spec(), "config", map[string]cty.Value{tt.name: tt.value}).Validate(t)
			if !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestConfigManifests leaves a directory that is there as it is.
func TestConfigManifests(t *testing.T) {
	dir := t.TempDir()
	manifests := filepath.Join(dir, "manifests")
	if err := os.Mkdir(manifests, 0o755); err != nil {
		t.Fatal(err)
	}
	phase := phasetest.New(t, specOn(fakeHost()), "config", map[string]cty.Value{
		"dir": cty.StringVal(dir), "configuration": object("staticPodPath", manifests),
	})
	phase.Want(t, "create: absent", "create: absent", "create: absent")
	phase.Apply(t)
	phase.Undo(t)
	wantMode(t, manifests, 0o755)
	if makes(&resource.Dir{}, resource.Record{}) {
		t.Error("no static pods: got a directory")
	}
}

func TestConfigBadPatches(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/kubeletconfiguration.yaml", "maxPodz: 3")
	phase := phasetest.New(t, specOn(fakeHost()), "config", map[string]cty.Value{"dir": cty.StringVal(t.TempDir()), "patches_dir": cty.StringVal(dir)})
	if _, err := phase.Plan(t); err == nil || !strings.Contains(err.Error(), `kubeletconfiguration.yaml: unknown field "maxPodz"`) {
		t.Errorf("got %v", err)
	}
}
