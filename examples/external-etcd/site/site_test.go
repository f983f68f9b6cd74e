package site

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/sdktest"
)

func TestMain(m *testing.M) { sdktest.Main(m, Spec()) }

// TestConformance is what every plugin should have.
func TestConformance(t *testing.T) {
	sdktest.Run(t, Spec(), sdktest.Case{Type: "naming", Config: func(string) map[string]any {
		return map[string]any{"pattern": "cp[0-9]{2}", "name": "cp01"}
	}})
}

// apply plans and applies one phase.
func apply(t *testing.T, typ sdk.Type, config any, unchanged bool) (sdk.Plan, sdk.Result) {
	t.Helper()
	client := sdk.Direct(sdk.Spec{Name: "site", Version: "1", Types: []sdk.Type{typ}})
	plan, err := client.Plan(t.Context(), sdk.PlanRequest{Type: typ.Name, Config: sdk.Encode(config), Unchanged: unchanged})
	if err != nil {
		t.Fatal(err)
	}
	result, err := client.Apply(t.Context(), sdk.ApplyRequest{Type: typ.Name, Config: sdk.Encode(config), Private: plan.Private}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan, result
}

func TestNaming(t *testing.T) {
	const pattern = "(?P<role>cp|wk)[0-9]{2}-(?P<site>[a-z]{3})"
	tests := map[string]struct {
		name string
		want string // parts, or the error
	}{
		"good":    {"cp01-fra", "cp fra"},
		"bad":     {"node1", `check host name: "node1" does not match ` + pattern},
		"longer":  {"cp01-fra2", `check host name: "cp01-fra2" does not match ` + pattern},
		"earlier": {"x-wk01-fra", `check host name: "x-wk01-fra" does not match ` + pattern},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, result := apply(t, namingType(), namingConfig{Pattern: pattern, Name: tt.name}, false)
			if result.Status != sdk.StatusOK {
				if got := result.Diagnostics.Error(); !strings.HasSuffix(got, tt.want) || result.Diagnostics[0].Detail == "" {
					t.Errorf("got %q, want %q and a hint", got, tt.want)
				}
				return
			}
			parts := result.Outputs.GetAttr("parts").AsValueMap()
			if got := parts["role"].AsString() + " " + parts["site"].AsString(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNamingOfThisHost(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	plan, result := apply(t, namingType(), namingConfig{Pattern: ".*"}, true)
	if len(plan.Changes) != 0 || result.Status != sdk.StatusOK {
		t.Errorf("unchanged: got %+v", plan.Changes)
	}
	if got := plan.Outputs.GetAttr("name").AsString(); !strings.HasPrefix(strings.ToLower(host), got) || got == "" {
		t.Errorf("got %q on %q", got, host)
	}
	diags := namingType().Handler.Validate(t.Context(), sdk.Encode(namingConfig{Pattern: "("}))
	if !strings.Contains(diags.Error(), "missing closing )") {
		t.Errorf("bad pattern: got %q", diags.Error())
	}
}

func TestDisk(t *testing.T) {
	dir := t.TempDir()
	device, mounts := filepath.Join(dir, "sdb1"), filepath.Join(dir, "mounts")
	for path, content := range map[string]string{device: "", mounts: device + " /var/lib/etcd ext4 rw 0 0\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("sdb1", filepath.Join(dir, "etcd")); err != nil {
		t.Fatal(err)
	}
	typ := diskType(mounts, dir)
	plan, _ := apply(t, typ, diskConfig{Label: "etcd", Mount: "/var/lib/etcd"}, false)
	if len(plan.Changes) != 0 || !plan.Outputs.GetAttr("device").RawEquals(cty.StringVal(device)) {
		t.Errorf("got %+v and %#v", plan.Changes, plan.Outputs)
	}
	tests := map[string]struct {
		config diskConfig
		want   string
	}{
		"elsewhere": {diskConfig{"etcd", "/data"}, "check disk etcd: " + device + " is not mounted at /data"},
		"no disk":   {diskConfig{"db", "/data"}, `find disk: none has the label "db"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, result := apply(t, typ, tt.config, true)
			if got := result.Diagnostics.Error(); !strings.HasSuffix(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
