package kubelet

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
)

func TestExamples(t *testing.T) { phasetest.Examples(t, Spec()) }

// TestConfigAsKubeadm compares with what kubeadm 1.36.3 wrote on a host and put
// into its cluster.
func TestConfigAsKubeadm(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kubelet")
	phase := phasetest.New(t, specOn(fakeHost()), "config", map[string]cty.Value{
		"dir": cty.StringVal(dir), "node_name": cty.StringVal("n1"),
		"cri_socket":    cty.StringVal("unix:///run/containerd/containerd.sock"),
		"configuration": cty.StringVal("cgroupDriver: cgroupfs\nfailCgroupV1: false\nfailSwapOn: false\n"),
	})
	plan := phase.Want(t, "create: absent", "create: absent", "create: absent")
	out := phase.Apply(t)
	for _, name := range []string{"config.yaml", "instance-config.yaml", "kubeadm-flags.env"} {
		path := filepath.Join(dir, name)
		if diff := cmp.Diff(readFile(t, "testdata/kubeadm/"+name), readFile(t, path)); diff != "" {
			t.Errorf("%s (-kubeadm +ours):\n%s", name, diff)
		}
		wantMode(t, path, 0o644)
	}
	wantMode(t, dir, 0o700)
	if diff := cmp.Diff(readFile(t, "testdata/kubeadm/kubelet-config.yaml"), out["configuration"].AsString()); diff != "" {
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
	if _, err := os.Stat(dir); err == nil {
		t.Error("undo left the directory")
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
			values := map[string]cty.Value{"dir": cty.StringVal(dir)}
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

func TestConfigDocuments(t *testing.T) {
	patch := t.TempDir()
	writeFile(t, patch+"/kubeletconfiguration0+merge.yaml", "maxPods: 50\nsyncFrequency: null\nhealthzPort: 20248\nhealthzBindAddress: 0.0.0.0\n")
	writeFile(t, patch+"/kubeletconfiguration1.json", `{"containerRuntimeEndpoint": "unix:///patched.sock", "resolvConf": "/etc/patched"}`)
	writeFile(t, patch+"/kube-apiserver.yaml", "spec: {priority: 1}")
	silent := t.TempDir()
	writeFile(t, silent+"/kubeletconfiguration+json.yaml", "- {op: replace, path: /healthzPort, value: 0}")
	const ours = "unix:///var/run/containerd/containerd.sock"
	tests := map[string]struct {
		config      configConfig
		own, shared map[string]any // some fields; nil: absent
		healthz     string
	}{
		"defaults": {configConfig{}, map[string]any{
			"clusterDNS": []any{"10.96.0.10"}, "clusterDomain": "cluster.local", "resolvConf": nil, "containerRuntimeEndpoint": ours, "cgroupDriver": "systemd",
		}, map[string]any{"containerRuntimeEndpoint": ""}, "http://127.0.0.1:10248/healthz"},
		"dual stack": {
			configConfig{ServiceSubnet: "fd00:1::/112,10.0.0.0/16", CertDir: "/pki", DNSDomain: "example.org"},
			map[string]any{"clusterDNS": []any{"fd00:1::a"}, "clusterDomain": "example.org"},
			nil, "http://127.0.0.1:10248/healthz",
		},
		"user's": {
			configConfig{Configuration: cty.StringVal("rotateCertificates: false\nclusterDNS: [1.2.3.4]\nstaticPodPath: /m\ncontainerRuntimeEndpoint: unix:///x\nhealthzBindAddress: ::1\n")},
			map[string]any{"rotateCertificates": true, "clusterDNS": []any{"1.2.3.4"}, "staticPodPath": "/m", "containerRuntimeEndpoint": ours},
			map[string]any{"rotateCertificates": true, "containerRuntimeEndpoint": ""},
			"http://[::1]:10248/healthz",
		},
		"patched": {
			configConfig{PatchesDir: patch},
			map[string]any{"maxPods": 50., "syncFrequency": nil, "containerRuntimeEndpoint": ours, "resolvConf": "/etc/patched"},
			map[string]any{"maxPods": nil, "syncFrequency": "0s", "healthzPort": 10248., "resolvConf": nil},
			"http://127.0.0.1:20248/healthz",
		},
		"no health": {configConfig{PatchesDir: silent}, map[string]any{"healthzPort": 0.}, nil, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := tt.config
			if c.ServiceSubnet == "" {
				c.ServiceSubnet, c.DNSDomain = "10.96.0.0/12", "cluster.local"
			}
			c.CRISocket = ours
			d, err := c.documents(t.Context(), fakeHost())
			if err != nil {
				t.Fatal(err)
			}
			wantFields(t, d.own, tt.own)
			wantFields(t, d.shared, tt.shared)
			if d.healthz != tt.healthz {
				t.Errorf("healthz: got %q, want %q", d.healthz, tt.healthz)
			}
		})
	}
}

func wantFields(t *testing.T, text []byte, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := yaml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for name, value := range want {
		if diff := cmp.Diff(value, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestConfigResolver also puts the resolver into what the cluster gets, as kubeadm
// does.
func TestConfigResolver(t *testing.T) {
	for active, want := range map[string]any{"active": resolvedConf, "activating": resolvedConf, "inactive": nil, "failed": nil} {
		h := fakeHost()
		h.services = oneService{systemd.Service{Active: active}, nil}
		d, err := configConfig{ServiceSubnet: "10.96.0.0/12"}.documents(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		wantFields(t, d.own, map[string]any{"resolvConf": want})
		wantFields(t, d.shared, map[string]any{"resolvConf": want})
		d, err = configConfig{ServiceSubnet: "10.96.0.0/12", Configuration: object("resolvConf", "/etc/mine")}.documents(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		wantFields(t, d.own, map[string]any{"resolvConf": "/etc/mine"})
	}
	h := fakeHost()
	h.services = oneService{err: systemd.ErrAbsent}
	if h.resolved(t.Context()) {
		t.Error("without systemd: got a resolver")
	}
}

// oneService answers the same for every service.
type oneService struct {
	service systemd.Service
	err     error
}

func (s oneService) Service(context.Context, string) (systemd.Service, error) {
	return s.service, s.err
}
func (s oneService) Restart(context.Context, string) error { return s.err }
func (s oneService) Stop(context.Context, string) error    { return s.err }
func (s oneService) Log(context.Context, systemd.Service, int) ([]string, error) {
	return nil, s.err
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

func TestConfigBadPatches(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir+"/kubeletconfiguration.yaml", "maxPodz: 3")
	phase := phasetest.New(t, specOn(fakeHost()), "config", map[string]cty.Value{"dir": cty.StringVal(t.TempDir()), "patches_dir": cty.StringVal(dir)})
	if _, err := phase.Plan(t); err == nil || !strings.Contains(err.Error(), `kubeletconfiguration.yaml: unknown field "maxPodz"`) {
		t.Errorf("got %v", err)
	}
}
