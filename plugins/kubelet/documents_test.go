package kubelet

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
)

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
