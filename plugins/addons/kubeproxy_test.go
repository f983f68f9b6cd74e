package addons

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	"sigs.k8s.io/yaml"
)

// What has an attribute of its own and what stands in the configuration come
// together; what neither says is as kubeadm has it.
func TestKubeProxyConfiguration(t *testing.T) {
	v6 := plainKubeProxy()
	v6.AdvertiseAddress, v6.ControlPlaneEndpoint = "fd00::9", "api.example.com"
	tests := map[string]struct {
		change func(c *kubeProxyConfig)
		want   map[string]any
		mine   bool
	}{
		"nothing":  {func(*kubeProxyConfig) {}, map[string]any{"bindAddress": "0.0.0.0", "clusterCIDR": "10.244.0.0/16", "mode": ""}, false},
		"family":   {func(c *kubeProxyConfig) { *c = v6 }, map[string]any{"bindAddress": "::"}, false},
		"ipvs":     {func(c *kubeProxyConfig) { c.Mode = "ipvs" }, map[string]any{"mode": "ipvs"}, true},
		"its mode": {func(c *kubeProxyConfig) { c.Configuration = cty.StringVal("mode: nftables") }, map[string]any{"mode": "nftables"}, true},
		"gates": {func(c *kubeProxyConfig) {
			c.FeatureGates = map[string]bool{"A": true}
			c.Configuration = cty.StringVal("featureGates: {A: true, B: false}")
		}, map[string]any{"featureGates": map[string]any{"A": true, "B": false}}, true},
		"its own": {func(c *kubeProxyConfig) {
			c.Configuration = cty.StringVal("bindAddress: 127.0.0.1\nclusterCIDR: 10.0.0.0/8\nclientConnection: {kubeconfig: /k}\n")
		}, map[string]any{"bindAddress": "127.0.0.1", "clusterCIDR": "10.0.0.0/8"}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := plainKubeProxy()
			tt.change(&c)
			text, mine, err := c.configuration()
			if err != nil || mine != tt.mine {
				t.Fatalf("got mine %v, %v, want %v", mine, err, tt.mine)
			}
			var got map[string]any
			if err := yaml.Unmarshal([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			for field, want := range tt.want {
				if diff := cmp.Diff(want, got[field]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", field, diff)
				}
			}
		})
	}
}
