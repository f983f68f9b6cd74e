package controlplane

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

func flag(name, value string) []component.Flag { return []component.Flag{{Name: name, Value: value}} }

func TestProcessWhere(t *testing.T) {
	tests := map[string]struct {
		config       processConfig
		url, listens string
	}{
		"apiserver":       {config: processConfig{Component: apiServerName, Address: "10.0.0.1"}, url: "10.0.0.1:6443", listens: ":6443"},
		"bound":           {config: processConfig{Component: apiServerName, Address: "10.0.0.1", ExtraArgs: flag("bind-address", "127.0.0.1")}, url: "127.0.0.1:6443", listens: "127.0.0.1:6443"},
		"bound to all":    {config: processConfig{Component: managerName, Address: "127.0.0.1", ExtraArgs: flag("bind-address", "::")}, url: "127.0.0.1:10257", listens: ":10257"},
		"other port":      {config: processConfig{Component: schedulerName, Address: "127.0.0.1", ExtraArgs: flag("secure-port", "1")}, url: "127.0.0.1:1", listens: "127.0.0.1:1"},
		"IPv6":            {config: processConfig{Component: schedulerName, Address: "::1"}, url: "[::1]:10259", listens: "[::1]:10259"},
		"configured port": {config: processConfig{Component: managerName, Address: "127.0.0.1", SecurePort: 2}, url: "127.0.0.1:2", listens: "127.0.0.1:2"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := tt.config.complete("/")
			if got := c.hostPort(); got != tt.url {
				t.Errorf("reached at: got %q, want %q", got, tt.url)
			}
			if got := c.listens(); got != tt.listens {
				t.Errorf("listens: got %q, want %q", got, tt.listens)
			}
		})
	}
}

func TestExternalCA(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []struct {
		write string
		want  bool
	}{{"", false}, {"ca.crt", true}, {"ca.key", false}} {
		if step.write != "" {
			if err := os.WriteFile(filepath.Join(dir, step.write), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := externalCA(dir); got != step.want || err != nil {
			t.Errorf("with %q: got %v, %v, want %v", step.write, got, err, step.want)
		}
	}
}

func TestProxyVariables(t *testing.T) {
	got := proxyVariables([]string{"HTTPS_PROXY=http://p", "no_proxy=", "Http_Proxy=http://q", "PROXY=x", "https_proxy_port=1"})
	if want := []string{"HTTPS_PROXY", "Http_Proxy"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProcessValidate(t *testing.T) {
	with := func(program, name string, value cty.Value) map[string]cty.Value {
		values := processConfigOf(t, "/tmp", program)
		values[name] = value
		return values
	}
	null := cty.NullVal(cty.DynamicPseudoType)
	noEndpoint := cty.ObjectVal(map[string]cty.Value{"endpoints": cty.EmptyTupleVal})
	tests := map[string]struct {
		config map[string]cty.Value
		want   string
	}{
		"apiserver":  {processConfigOf(t, "/tmp", apiServerName), ""},
		"manager":    {processConfigOf(t, "/tmp", managerName), ""},
		"scheduler":  {with(schedulerName, "cert_dir", null), ""},
		"no etcd":    {with(apiServerName, "etcd", null), "kube-apiserver needs it"},
		"no certs":   {with(managerName, "cert_dir", null), "kube-controller-manager needs it"},
		"no config":  {with(schedulerName, "kubeconfig", null), "kube-scheduler needs it"},
		"other etcd": {with(schedulerName, "etcd", noEndpoint), "only kube-apiserver takes it"},
		"empty etcd": {with(apiServerName, "etcd", noEndpoint), "with at least one endpoint"},
		"address":    {with(schedulerName, "address", cty.StringVal("n1")), `"n1" is not an IP address`},
		"advertise":  {with(apiServerName, "advertise_address", cty.StringVal("n1")), `"n1" is not an IP address`},
		"port":       {with(schedulerName, "secure_port", cty.NumberIntVal(-1)), "-1 is not a port"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := phasetest.New(t, processSpec(), "process", tt.config).Validate(t)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
