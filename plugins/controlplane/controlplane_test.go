package controlplane

import (
	"errors"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func TestExamples(t *testing.T) { kubeapitest.Examples(t, Spec()) }

func TestValidate(t *testing.T) {
	text, list := cty.StringVal, func(items ...string) cty.Value {
		var values []cty.Value
		for _, item := range items {
			values = append(values, cty.StringVal(item))
		}
		return cty.ListVal(values)
	}
	object := func(name string, v cty.Value) cty.Value { return cty.ObjectVal(map[string]cty.Value{name: v}) }
	external := func(url string) cty.Value { return object("external", object("endpoints", list(url))) }
	tests := map[string]struct {
		typ  string
		set  map[string]cty.Value
		want string
	}{
		"wait: no URL":        {"wait", map[string]cty.Value{"components": cty.ListVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"name": text("x"), "url": text("127.0.0.1:1")})})}, `"127.0.0.1:1" is not a URL such as https://127.0.0.1:10257/healthz`},
		"wait: no time":       {"wait", map[string]cty.Value{"within": text("0s")}, "must be longer than zero"},
		"upload: version":     {"upload_config", map[string]cty.Value{"kubernetes_version": text("1.36")}, `"1.36" is not a version such as v1.36.3`},
		"upload: services":    {"upload_config", map[string]cty.Value{"service_subnet": text("10.96.0.0")}, `"10.96.0.0" is not a subnet such as 10.96.0.0/12`},
		"upload: pods":        {"upload_config", map[string]cty.Value{"pod_subnet": text("10.0.0.0/8,10.1.0.0/16")}, "two subnets must be of different families, one IPv4 and one IPv6"},
		"upload: domain":      {"upload_config", map[string]cty.Value{"dns_domain": text("a b")}, `"a b" is not a DNS domain such as cluster.local`},
		"upload: relative":    {"upload_config", map[string]cty.Value{"cert_dir": text("pki")}, `"pki" is not an absolute path: it counts on every control-plane node`},
		"upload: kubelet":     {"upload_config", map[string]cty.Value{"kubelet_configuration": object("maxPodz", cty.NumberIntVal(1))}, `not a KubeletConfiguration: error unmarshaling JSON: while decoding JSON: json: unknown field "maxPodz"`},
		"upload: other kind":  {"upload_config", map[string]cty.Value{"kubelet_configuration": text("kind: Pod")}, " Pod is not kubelet.config.k8s.io/v1beta1 KubeletConfiguration"},
		"upload: a number":    {"upload_config", map[string]cty.Value{"kubelet_configuration": cty.NumberIntVal(1)}, "want an object or YAML text, not number"},
		"upload: two etcds":   {"upload_config", map[string]cty.Value{"etcd": cty.ObjectVal(map[string]cty.Value{"data_dir": text("/d"), "external": object("endpoints", list("https://e:2379"))})}, "set only one of data_dir and external"},
		"upload: endpoint":    {"upload_config", map[string]cty.Value{"etcd": external("e:2379")}, `endpoint "e:2379" is not a URL such as https://10.0.0.1:2379`},
		"upload: validity":    {"upload_config", map[string]cty.Value{"certificate_validity": text("-1h")}, "must be longer than zero"},
		"token: format":       {"token", map[string]cty.Value{"token": text("hunter2")}, "want six and sixteen lower-case letters or digits with a dot between, such as abcdef.0123456789abcdef"},
		"token: usage":        {"token", map[string]cty.Value{"usages": list("signin")}, `"signin" is not one of signing, authentication`},
		"token: group":        {"token", map[string]cty.Value{"groups": list("admins")}, `"admins" is not a group such as system:bootstrappers:kubeadm:default-node-token`},
		"token: groups alone": {"token", map[string]cty.Value{"usages": list("signing")}, `groups need the usage "authentication"`},
		"token: past":         {"token", map[string]cty.Value{"ttl": text("-1s")}, "must not be negative; 0s means for ever"},
		"cluster_info: id":    {"cluster_info", map[string]cty.Value{"token_id": text("abc")}, "want six lower-case letters or digits"},
		"mark: node":          {"mark", map[string]cty.Value{"node": text("N_1")}, `"N_1" is not the name of a node: `},
		"mark: label":         {"mark", map[string]cty.Value{"labels": object("a/b/c", text(""))}, "a/b/c=: "},
		"mark: annotation":    {"mark", map[string]cty.Value{"annotations": object("a/b/c", text(""))}, "a/b/c: "},
		"mark: effect":        {"mark", map[string]cty.Value{"taints": cty.ListVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"key": text("a"), "effect": text("Never")})})}, `effect "Never" is not one of NoSchedule, PreferNoSchedule, NoExecute`},
	}
	required := map[string]map[string]cty.Value{
		"wait":          {"kubeconfig": text("/admin.conf")},
		"upload_config": {"cluster": kubeapitest.ClusterValue("/admin.conf"), "kubernetes_version": text("v1.36.3")},
		"token":         {"cluster": kubeapitest.ClusterValue("/admin.conf")},
		"cluster_info":  {"cluster": kubeapitest.ClusterValue("/admin.conf")},
		"mark":          {"cluster": kubeapitest.ClusterValue("/admin.conf"), "node": text("n1")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			config := map[string]cty.Value{}
			for _, set := range []map[string]cty.Value{required[tt.typ], tt.set} {
				for k, v := range set {
					config[k] = v
				}
			}
			got := phasetest.New(t, Spec(), tt.typ, config).Validate(t)
			if len(got) < len(tt.want) || got[:len(tt.want)] != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func newPhase(t *testing.T, fake *kubeapitest.Fake, typ string, config map[string]cty.Value) *phasetest.Phase {
	t.Helper()
	if config == nil {
		config = map[string]cty.Value{}
	}
	config["cluster"] = kubeapitest.ClusterValue(fake.Admin)
	return phasetest.New(t, Spec(), typ, config)
}

func newPool(t *testing.T) *kubeapi.Pool {
	t.Helper()
	pool := kubeapi.NewPool()
	t.Cleanup(pool.Close)
	return pool
}

var errReadyz = errors.New("not ready")
