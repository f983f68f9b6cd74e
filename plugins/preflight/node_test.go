package preflight

import (
	"runtime"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/cri/critest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

const resolvedUnit = "systemctl show --property=LoadState,ActiveState,UnitFileState systemd-resolved.service"

func TestFacts(t *testing.T) {
	r, other := critest.New(t), critest.New(t)
	m := good(t)
	m.sockets = []string{r.Socket}
	m.says(resolvedUnit, "LoadState=loaded\nActiveState=active\nUnitFileState=enabled", 0)
	got, err := m.facts(t.Context(), nodeConfig{})
	want := nodeOutputs{
		Name: "node-1", Hostname: "Node-1", AdvertiseAddress: "10.0.0.10", CRISocket: r.Socket,
		KubeletVersion: "v1.36.3", OS: runtime.GOOS, Arch: runtime.GOARCH, InitSystem: "systemd", SystemdResolved: true,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}

	m.without("kubelet", "openrc")
	m.run = t.TempDir()
	m.sockets = nil
	got, err = m.facts(t.Context(), nodeConfig{Name: "n", AdvertiseAddress: "192.0.2.1", CRISocket: "/x.sock"})
	want = nodeOutputs{
		Name: "n", Hostname: "Node-1", AdvertiseAddress: "192.0.2.1", CRISocket: "unix:///x.sock", OS: runtime.GOOS, Arch: runtime.GOARCH,
	}
	if err != nil || got != want {
		t.Errorf("bare: got %+v, %v, want %+v", got, err, want)
	}

	m.sockets = []string{r.Socket, other.Socket}
	_, err = m.facts(t.Context(), nodeConfig{AdvertiseAddress: "192.0.2.1"})
	equal(t, "two runtimes", message(err), "choose container runtime: this host has several: "+r.Socket+", "+other.Socket)
	m.hostname = func() (string, error) { return "my_host", nil }
	_, err = m.facts(t.Context(), nodeConfig{})
	equal(t, "name", message(err), `choose name of node: the host name "my_host" is none`)
	equal(t, "advice", sdk.Diagnose(err)[0].Detail, "Set name, or rename the host: hostnamectl set-hostname NAME. It may hold up to 63 lower-case letters, digits, dots and dashes.")
}

// TestNodePhase knows everything when it is planned, and plans nothing.
func TestNodePhase(t *testing.T) {
	p := phasetest.New(t, Spec(), "node", object{
		"name": cty.StringVal("n1"), "advertise_address": cty.StringVal("192.0.2.1"), "cri_socket": cty.StringVal("/run/x.sock"),
	})
	plan := p.Want(t)
	if !plan.Outputs.IsWhollyKnown() || plan.Outputs.GetAttr("cri_socket").AsString() != "unix:///run/x.sock" {
		t.Errorf("outputs: got %#v", plan.Outputs)
	}
	p.Undo(t)
	for name, config := range map[string]object{
		`"A" is no name of a node: up to 63 lower-case letters, digits, dots and dashes`: {"name": cty.StringVal("A")},
		`"n1" is not an IP address`:                                    {"advertise_address": cty.StringVal("n1")},
		`read socket of container runtime "x": it is no absolute path`: {"cri_socket": cty.StringVal("x")},
	} {
		equal(t, "error", phasetest.New(t, Spec(), "node", config).Validate(t), name)
	}
}
