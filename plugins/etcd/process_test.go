package etcd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestExamples(t *testing.T) { phasetest.Examples(t, Spec()) }

// config is that of an etcd in dir whose program is binary.
func config(t *testing.T, dir, binary string) map[string]cty.Value {
	t.Helper()
	ports := phasetest.FreePorts(t, 3)
	path := func(name string) cty.Value { return cty.StringVal(filepath.Join(dir, name)) }
	return map[string]cty.Value{
		"binary": cty.StringVal(binary), "name": cty.StringVal("n1"),
		"client_port": cty.NumberIntVal(int64(ports[0])), "peer_port": cty.NumberIntVal(int64(ports[1])),
		"metrics_port": cty.NumberIntVal(int64(ports[2])),
		"data_dir":     path("data"), "log_file": path("log/etcd.log"),
		"certs": cty.ObjectVal(map[string]cty.Value{
			"ca": path("pki/ca.crt"), "server_cert": path("pki/server.crt"), "server_key": path("pki/server.key"),
			"peer_cert": path("pki/peer.crt"), "peer_key": path("pki/peer.key"),
		}),
		"client":      cty.ObjectVal(map[string]cty.Value{"cert": path("pki/apiserver.crt"), "key": path("pki/apiserver.key")}),
		"healthcheck": cty.ObjectVal(map[string]cty.Value{"cert": path("pki/health.crt"), "key": path("pki/health.key")}),
	}
}

func writeCerts(t *testing.T, dir string) {
	t.Helper()
	authority := phasetest.NewAuthority(t, filepath.Join(dir, "pki/ca"))
	for _, name := range []string{"server", "peer", "apiserver", "health"} {
		authority.Write(t, filepath.Join(dir, "pki", name))
	}
}

// undoAtEnd stops what the phase started, also when the test fails.
func undoAtEnd(t *testing.T, phase *phasetest.Phase) {
	t.Helper()
	t.Cleanup(func() {
		_, _ = sdk.Direct(Spec()).Undo(context.Background(), sdk.UndoRequest{Type: "process", Config: phase.Config, Private: phase.Private}, func(sdk.Event) {})
	})
}

// testProcess runs one etcd through its life: the fake one here, the real one in
// the e2e tests.
func testProcess(t *testing.T, binary string) {
	t.Helper()
	dir := t.TempDir()
	values := config(t, dir, binary)
	phase := phasetest.New(t, Spec(), "process", values)
	undoAtEnd(t, phase)
	plan := phase.Want(t, "create: absent", "create: not running")
	client := plan.Outputs.GetAttr("client")
	if !client.IsWhollyKnown() || plan.Outputs.GetAttr("version").IsKnown() {
		t.Errorf("outputs before apply: got %#v", plan.Outputs)
	}
	if got := client.GetAttr("cert_file").AsString(); got != filepath.Join(dir, "pki/apiserver.crt") {
		t.Errorf("client: got cert_file %q", got)
	}
	writeCerts(t, dir)
	out := phase.Apply(t)
	if got := out["version"].AsString(); !strings.HasPrefix(got, "3.") {
		t.Errorf("version: got %q", got)
	}
	for path, want := range map[string]os.FileMode{"data": 0o700, "log/etcd.log": 0o600} {
		if info, err := os.Stat(filepath.Join(dir, path)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want mode %04o", path, info, err, want)
		}
	}
	writeCerts(t, dir) // renewed
	plan, err := phase.Plan(t)
	if err != nil || len(plan.Changes) != 1 || !plan.Changes[0].Disruptive || !strings.HasPrefix(plan.Changes[0].Reason, "changed since it started: ") {
		t.Errorf("with other certificates: got %+v, %v, want a restart", plan.Changes, err)
	}
	phase.Apply(t)
	values["extra_args"] = cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal("snapshot-count"), "value": cty.StringVal("5000"),
	})})
	phase.Set(t, values)
	phase.Want(t, "update: command line: --snapshot-count")
	phase.Apply(t)
	phase.Undo(t)
	for _, path := range []string{"data", "log"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err == nil {
			t.Errorf("%s is left", path)
		}
	}
	phase.Want(t, "create: absent", "create: not running")
}

func TestProcess(t *testing.T) { testProcess(t, os.Args[0]) }

func TestProcessThatFails(t *testing.T) {
	dir := t.TempDir()
	writeCerts(t, dir)
	values := config(t, dir, os.Args[0])
	values["extra_args"] = cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal("max-wals"), "value": cty.StringVal("none"),
	})})
	phase := phasetest.New(t, Spec(), "process", values)
	undoAtEnd(t, phase)
	phase.Want(t, "create: absent", "create: not running")
	result := phase.Try(t)
	if result.Status != sdk.StatusFailed || len(result.Diagnostics) != 1 {
		t.Fatalf("got %s, %v", result.Status, result.Diagnostics)
	}
	d := result.Diagnostics[0]
	if !strings.Contains(d.Summary, "exit status 2") || !strings.Contains(d.Detail, "invalid value") {
		t.Errorf("got %q with %q, want the exit status and what etcd said", d.Summary, d.Detail)
	}
	phase.Want(t, "create: not running") // the directory was made
}

func TestProcessValidate(t *testing.T) {
	tests := map[string]struct {
		name  string
		value cty.Value
		want  string
	}{
		"address":   {"address", cty.StringVal("localhost"), `address "localhost": want an IP address`},
		"port":      {"peer_port", cty.NumberIntVal(70000), "peer_port 70000: want a port from 1 to 65535"},
		"same port": {"metrics_port", cty.NumberIntVal(2379), "metrics_port 2379: is client_port already"},
		"no name":   {"name", cty.StringVal(""), "name: must not be empty"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			values := config(t, "/tmp", "/bin/etcd")
			values["client_port"], values["peer_port"], values["metrics_port"] = cty.NumberIntVal(2379), cty.NumberIntVal(2380), cty.NumberIntVal(2381)
			values[tt.name] = tt.value
			if got := phasetest.New(t, Spec(), "process", values).Validate(t); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
