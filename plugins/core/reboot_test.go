package core

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// A boot is planned once for each trigger, is recorded before it happens, and is
// done when the host has another boot id.
func TestReboot(t *testing.T) {
	id := "boot-1"
	client := sdk.Direct(sdk.Spec{Name: "core", Version: "1", Types: []sdk.Type{
		reboot(host{boot: func() (string, error) { return id, nil }}),
	}})
	config := func(trigger, onlyIf string) cty.Value {
		v := sdk.Encode(rebootConfig{
			Triggers: cty.StringVal(trigger), OnlyIf: onlyIf, Command: []string{"false"}, Within: time.Minute,
		}).AsValueMap()
		if onlyIf == "" {
			v["only_if"] = cty.NullVal(cty.String)
		}
		return cty.ObjectVal(v)
	}
	plan := func(trigger, onlyIf string, private []byte) sdk.Plan {
		t.Helper()
		p, err := client.Plan(t.Context(), sdk.PlanRequest{Type: "reboot", Config: config(trigger, onlyIf), Private: private})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := plan("a", filepath.Join(t.TempDir(), "absent"), nil); len(p.Changes) != 0 {
		t.Errorf("not required: got %v", p.Changes)
	}
	first := plan("a", "", nil)
	if len(first.Changes) != 1 || !first.Changes[0].Disruptive || !strings.Contains(string(first.Private), "boot-1") {
		t.Fatalf("first: got %v, record %s", first.Changes, first.Private)
	}
	result, err := client.Apply(t.Context(), sdk.ApplyRequest{Type: "reboot", Config: config("a", ""), Private: first.Private}, func(sdk.Event) {})
	if err != nil || result.Status != sdk.StatusFailed || !strings.Contains(result.Diagnostics.Error(), "run false") {
		t.Errorf("a command that fails: got %v, %v, %v", result.Status, result.Diagnostics, err)
	}
	if p := plan("a", "", first.Private); len(p.Changes) != 1 {
		t.Errorf("before the boot: got %v", p.Changes)
	}
	id = "boot-2"
	after := plan("a", "", first.Private)
	if len(after.Changes) != 0 || after.Outputs.GetAttr("boot_id").AsString() != "boot-2" {
		t.Errorf("after the boot: got %v, %#v", after.Changes, after.Outputs)
	}
	if p := plan("b", "", after.Private); len(p.Changes) != 1 {
		t.Errorf("another trigger: got %v", p.Changes)
	}
	id = "boot-3"
	if p := plan("a", "", after.Private); len(p.Changes) != 0 {
		t.Errorf("a later boot: got %v", p.Changes)
	}
}
