package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// processSpec has the one type that these tests are about.
func processSpec() sdk.Spec {
	return sdk.Spec{Name: "controlplane", Version: "dev", Types: []sdk.Type{processType()}}
}

// processConfigOf is that of a component in dir, run from the test binary.
func processConfigOf(t *testing.T, dir, name string) map[string]cty.Value {
	t.Helper()
	path := func(name string) cty.Value { return cty.StringVal(filepath.Join(dir, name)) }
	values := map[string]cty.Value{
		"component": cty.StringVal(name), "binary": cty.StringVal(os.Args[0]), "log_file": path("log/" + name + ".log"),
		"secure_port": cty.NumberIntVal(int64(phasetest.FreePorts(t, 1)[0])), "cert_dir": path("pki"), "kubeconfig": path("kube.conf"),
	}
	switch name {
	case apiServerName:
		delete(values, "kubeconfig")
		values["etcd"] = cty.ObjectVal(map[string]cty.Value{"endpoints": cty.TupleVal([]cty.Value{cty.StringVal("https://127.0.0.1:2379")})})
		values["extra_args"] = extraArgs("bind-address", "127.0.0.1")
	case managerName:
		values["pod_subnet"] = cty.StringVal("10.244.0.0/16")
	}
	return values
}

func extraArgs(pairs ...string) cty.Value {
	var flags []cty.Value
	for i := 0; i < len(pairs); i += 2 {
		flags = append(flags, cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(pairs[i]), "value": cty.StringVal(pairs[i+1])}))
	}
	return cty.TupleVal(flags)
}

func writeProcessFiles(t *testing.T, dir string) {
	t.Helper()
	pki := filepath.Join(dir, "pki")
	authority := phasetest.NewAuthority(t, filepath.Join(pki, "ca"))
	for _, name := range []string{"apiserver", "apiserver-kubelet-client", "front-proxy-ca", "front-proxy-client", "sa"} {
		authority.Write(t, filepath.Join(pki, name))
	}
	copyFile(t, filepath.Join(pki, "sa.crt"), filepath.Join(pki, "sa.pub"))
	copyFile(t, filepath.Join(pki, "sa.crt"), filepath.Join(dir, "kube.conf"))
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func undoProcessAtEnd(t *testing.T, phase *phasetest.Phase) {
	t.Helper()
	t.Cleanup(func() {
		_, _ = sdk.Direct(processSpec()).Undo(context.Background(), sdk.UndoRequest{Type: "process", Config: phase.Config, Private: phase.Private}, func(sdk.Event) {})
	})
}

func TestProcess(t *testing.T) {
	tests := map[string]struct{ healthz, input string }{
		apiServerName: {"/readyz", "pki/sa.pub"},
		managerName:   {"/healthz", "kube.conf"},
		schedulerName: {"/livez", "kube.conf"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			values := processConfigOf(t, dir, name)
			phase := phasetest.New(t, processSpec(), "process", values)
			undoProcessAtEnd(t, phase)
			plan := phase.Want(t, "create: not running")
			port, _ := values["secure_port"].AsBigFloat().Int64()
			url := fmt.Sprintf("https://127.0.0.1:%d", port)
			if got := plan.Outputs.GetAttr("url").AsString(); got != url {
				t.Errorf("url: got %q, want %q", got, url)
			}
			if got := plan.Outputs.GetAttr("healthz").AsString(); got != url+tt.healthz {
				t.Errorf("healthz: got %q, want %q", got, url+tt.healthz)
			}
			writeProcessFiles(t, dir)
			first := phase.Apply(t)["pid"]
			input := filepath.Join(dir, tt.input)
			copyFile(t, filepath.Join(dir, "pki/front-proxy-ca.crt"), input)
			phase.Want(t, "update: changed since it started: "+input)
			second := phase.Apply(t)["pid"]
			if first.RawEquals(second) {
				t.Errorf("pid: got %#v twice, want a restart", first)
			}
			pid, _ := second.AsBigFloat().Int64()
			if err := syscall.Kill(int(pid), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			result := phase.Try(t) // without a plan: apply looks for itself
			if result.Status != sdk.StatusOK {
				t.Fatalf("after it was killed: %v", result.Diagnostics)
			}
			phase.Undo(t)
			if _, err := os.Stat(filepath.Join(dir, "log")); err == nil {
				t.Error("the log is left")
			}
		})
	}
}

// TestProcessNotTrusted fails at once where waiting would not help.
func TestProcessNotTrusted(t *testing.T) {
	tests := map[string]struct {
		change     func(t *testing.T, dir string, values map[string]cty.Value)
		want, hint string
	}{
		"other authority": {func(t *testing.T, dir string, values map[string]cty.Value) {
			t.Helper()
			phasetest.NewAuthority(t, filepath.Join(dir, "other/ca")).Write(t, filepath.Join(dir, "other/apiserver"))
			values["extra_args"] = extraArgs("bind-address", "127.0.0.1",
				"tls-cert-file", filepath.Join(dir, "other/apiserver.crt"), "tls-private-key-file", filepath.Join(dir, "other/apiserver.key"))
		}, "certificate signed by unknown authority", "Another program may listen"},
		"other address": {func(_ *testing.T, _ string, values map[string]cty.Value) {
			values["extra_args"] = extraArgs("bind-address", "127.0.0.2")
		}, "certificate is valid for 127.0.0.1, not 127.0.0.2", "Add the address to the sans"},
		"wrong flag": {func(_ *testing.T, _ string, values map[string]cty.Value) {
			values["extra_args"] = extraArgs("feature-gates", "NoSuch=true")
		}, "exit status 2", "unrecognized feature gate: NoSuch=true"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			values := processConfigOf(t, dir, apiServerName)
			writeProcessFiles(t, dir)
			tt.change(t, dir, values)
			phase := phasetest.New(t, processSpec(), "process", values)
			undoProcessAtEnd(t, phase)
			phase.Want(t, "create: not running")
			result := phase.Try(t)
			if result.Status != sdk.StatusFailed || len(result.Diagnostics) == 0 {
				t.Fatalf("got %s, %v", result.Status, result.Diagnostics)
			}
			d := result.Diagnostics[0]
			if !strings.Contains(d.Summary, tt.want) || !strings.Contains(d.Detail, tt.hint) {
				t.Errorf("got %q with %q, want %q with %q", d.Summary, d.Detail, tt.want, tt.hint)
			}
			phase.Want(t, "create: not running")
		})
	}
}

// TestProcessAnonymous has no client certificate to show: a refusal proves that
// the server is up.
func TestProcessAnonymous(t *testing.T) {
	dir := t.TempDir()
	values := processConfigOf(t, dir, apiServerName)
	writeProcessFiles(t, dir)
	kubelet := filepath.Join(dir, "pki/front-proxy-client")
	values["extra_args"] = extraArgs("bind-address", "127.0.0.1",
		"kubelet-client-certificate", kubelet+".crt", "kubelet-client-key", kubelet+".key")
	for _, name := range []string{"pki/apiserver-kubelet-client.crt", "pki/apiserver-kubelet-client.key"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	phase := phasetest.New(t, processSpec(), "process", values)
	undoProcessAtEnd(t, phase)
	phase.Apply(t)
}
