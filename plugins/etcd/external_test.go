package etcd

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

// start serves f and returns its URL.
func start(t *testing.T, f *fake, pki string) string {
	t.Helper()
	return startAt(t, "127.0.0.1:0", f, pki)
}

func startAt(t *testing.T, address string, f *fake, pki string) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	scheme, ca := "http", ""
	if pki != "" {
		scheme, ca = "https", filepath.Join(pki, "ca.crt")
	}
	server, err := f.serve(listener, ca, filepath.Join(pki, "server.crt"), filepath.Join(pki, "server.key"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return scheme + "://" + listener.Addr().String()
}

func external(pki string, endpoints ...string) map[string]cty.Value {
	values := map[string]cty.Value{}
	var list []cty.Value
	for _, e := range endpoints {
		list = append(list, cty.StringVal(e))
	}
	values["endpoints"] = cty.ListVal(list)
	if pki != "" {
		values["ca_file"] = cty.StringVal(filepath.Join(pki, "ca.crt"))
		values["cert_file"] = cty.StringVal(filepath.Join(pki, "apiserver.crt"))
		values["key_file"] = cty.StringVal(filepath.Join(pki, "apiserver.key"))
	}
	return values
}

func TestExternal(t *testing.T) {
	dir := t.TempDir()
	writeCerts(t, dir)
	pki := filepath.Join(dir, "pki")
	endpoints := []string{start(t, &fake{version: "3.6.8"}, pki), start(t, &fake{version: "3.5.24"}, pki)}
	phase := phasetest.New(t, Spec(), "external", external(pki, endpoints...))
	out := phase.Apply(t)
	if got := out["version"].AsString(); got != "3.5.24" {
		t.Errorf("version: got %q, want the lowest", got)
	}
	client := out["client"]
	if got := client.GetAttr("endpoints").AsValueSlice(); len(got) != 2 || got[1].AsString() != endpoints[1] {
		t.Errorf("endpoints: got %#v", got)
	}
	if got := client.GetAttr("ca_file").AsString(); got != filepath.Join(pki, "ca.crt") {
		t.Errorf("ca_file: got %q", got)
	}
	phase.Undo(t)
}

func TestExternalPlain(t *testing.T) {
	out := phasetest.New(t, Spec(), "external", external("", start(t, &fake{version: "3.6.8"}, ""))).Apply(t)
	if got := out["client"].GetAttr("ca_file").AsString(); got != "" {
		t.Errorf("ca_file: got %q, want none", got)
	}
}

// TestExternalRefused wants an answer at once where waiting would not help.
func TestExternalRefused(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	writeCerts(t, dir)
	writeCerts(t, other)
	pki, otherPKI := filepath.Join(dir, "pki"), filepath.Join(other, "pki")
	good := start(t, &fake{version: "3.6.8"}, pki)
	byOtherAddress := startAt(t, "127.0.0.2:0", &fake{version: "3.6.8"}, pki)
	old := start(t, &fake{version: "3.5.9"}, pki)
	otherClient := external(pki, good)
	otherClient["cert_file"] = cty.StringVal(filepath.Join(otherPKI, "apiserver.crt"))
	otherClient["key_file"] = cty.StringVal(filepath.Join(otherPKI, "apiserver.key"))
	noFile := external(pki, good)
	noFile["cert_file"] = cty.StringVal("/nowhere/client.crt")
	mixed := external(pki, good)
	mixed["key_file"] = cty.StringVal(filepath.Join(pki, "peer.key"))
	noCert := external(pki, good)
	noCert["ca_file"] = cty.StringVal(filepath.Join(pki, "peer.key"))
	tests := map[string]struct {
		config     map[string]cty.Value
		want, hint string
	}{
		"too old":         {external(pki, old), "etcd 3.5.9, want 3.5.24 or newer", "Upgrade this etcd"},
		"other authority": {external(otherPKI, good), "certificate signed by unknown authority", "set ca_file"},
		"other address":   {external(pki, byOtherAddress), "certificate is valid for 127.0.0.1, not 127.0.0.2", "Its certificate does not hold this address"},
		"client refused":  {otherClient, "remote error: tls: ", "It refuses the client certificate"},
		"no file":         {noFile, "/nowhere/client.crt: no such file", "Copy the file"},
		"other key":       {mixed, "private key does not match public key", "belong together"},
		"no certificate":  {noCert, "no certificate in PEM form", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			phase := phasetest.New(t, Spec(), "external", tt.config)
			if _, err := phase.Plan(t); err != nil {
				t.Fatal(err)
			}
			result := phase.Try(t)
			if result.Status != sdk.StatusFailed || len(result.Diagnostics) == 0 {
				t.Fatalf("got %s, %v", result.Status, result.Diagnostics)
			}
			d := result.Diagnostics[0]
			if !d.Permanent || !strings.Contains(d.Summary, tt.want) || !strings.Contains(d.Detail, tt.hint) {
				t.Errorf("got %+v, want %q with %q, permanent", d, tt.want, tt.hint)
			}
		})
	}
}

// TestExternalDown wants a reason to wait for.
func TestExternalDown(t *testing.T) {
	dir := t.TempDir()
	writeCerts(t, dir)
	pki := filepath.Join(dir, "pki")
	tests := map[string]struct{ endpoint, want string }{
		"no listener": {"https://127.0.0.1:1", "connection refused"},
		"no quorum":   {start(t, &fake{version: "3.6.8", noQuorum: true}, pki), "no consistent read, so probably no quorum: etcdserver: no leader"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			plan, err := phasetest.New(t, Spec(), "external", external(pki, tt.endpoint)).Plan(t)
			if err != nil || len(plan.Changes) != 1 || plan.Changes[0].Op != sdk.OpRun || !strings.Contains(plan.Changes[0].Reason, tt.want) {
				t.Errorf("got %+v, %v, want to wait: %s", plan.Changes, err, tt.want)
			}
		})
	}
}

func TestExternalValidate(t *testing.T) {
	set := func(name, value string, endpoints ...string) map[string]cty.Value {
		values := external("/pki", endpoints...)
		values[name] = cty.StringVal(value)
		return values
	}
	none := external("/pki", "https://10.0.0.1:2379")
	none["endpoints"] = cty.ListValEmpty(cty.String)
	tests := map[string]struct {
		config map[string]cty.Value
		want   string
	}{
		"good":        {external("/pki", "https://10.0.0.1:2379"), ""},
		"none":        {none, "endpoints: want at least one"},
		"no scheme":   {external("/pki", "10.0.0.1:2379"), "want a URL such as"},
		"no port":     {external("/pki", "https://10.0.0.1"), "want a URL such as"},
		"plain + TLS": {external("/pki", "http://10.0.0.1:2379"), "want https, as there are TLS files"},
		"no CA":       {external("", "https://10.0.0.1:2379"), "want ca_file"},
		"no key":      {set("key_file", "", "https://10.0.0.1:2379"), "cert_file and key_file: want both or neither"},
		"version":     {set("minimum_version", "new", "https://10.0.0.1:2379"), "minimum_version: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := phasetest.New(t, Spec(), "external", tt.config).Validate(t)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
