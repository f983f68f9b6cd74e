package kubelet

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

const testToken = "abcdef.0123456789abcdef"

// joined is a host that joins a fake cluster.
type joined struct {
	*phasetest.Phase
	fake                    *kubeapitest.Fake
	admin                   kubeconfig.Config
	dir, unit               string
	boot, conf, pem, caFile string
}

func newJoined(t *testing.T) joined {
	t.Helper()
	dir := t.TempDir()
	j := joined{
		fake: kubeapitest.NewFake(t), dir: dir, unit: dir + "/unit", boot: dir + "/bootstrap-kubelet.conf",
		conf: dir + "/kubelet.conf", pem: dir + "/pki/kubelet-client-current.pem", caFile: dir + "/etc/ca.crt",
	}
	j.admin = parseKubeconfig(t, j.fake.Admin)
	writeFile(t, dir+"/config.yaml", "kind: KubeletConfiguration\n")
	j.kubelet(t, fakeState{Files: j.identity(t)})
	j.Phase = phasetest.New(t, specOn(fakeHost()), "bootstrap", j.config(kubelets(t)))
	return j
}

func (j joined) config(healthz func(string) string) map[string]cty.Value {
	return map[string]cty.Value{
		"server": cty.StringVal(j.fake.Server), "ca": cty.StringVal(string(j.admin.CA)), "token": cty.StringVal(testToken),
		"node_name": cty.StringVal("n2"), "ca_file": cty.StringVal(j.caFile), "bootstrap_kubeconfig": cty.StringVal(j.boot),
		"kubeconfig": cty.StringVal(j.conf), "client_certificate": cty.StringVal(j.pem), "config": cty.StringVal(j.dir + "/config.yaml"),
		"unit": cty.StringVal(j.unit), "healthz": cty.StringVal(healthz(j.unit)), "within": cty.StringVal("1s"),
	}
}

// identity is what a kubelet writes once it has its certificate.
func (j joined) identity(t *testing.T) map[string]string {
	t.Helper()
	text, err := kubeconfig.Config{
		Cluster: "default-cluster", User: "default-auth", Server: j.fake.Server, CA: j.admin.CA, ClientCertFile: j.pem, ClientKeyFile: j.pem,
	}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{j.conf: string(text), j.pem: string(j.admin.ClientCert) + string(j.admin.ClientKey)}
}

func (j joined) kubelet(t *testing.T, state fakeState) {
	t.Helper()
	state.Name, state.Load = j.unit, "loaded"
	if state.Active == "" {
		state.Active = "inactive"
	}
	if err := state.write(); err != nil {
		t.Fatal(err)
	}
}

func parseKubeconfig(t *testing.T, path string) kubeconfig.Config {
	t.Helper()
	c, err := kubeconfig.Parse([]byte(readFile(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The kubelet of a control-plane node is known to the cluster before its own API
// server runs, and turned to that when it is ready.
func TestBootstrapVia(t *testing.T) {
	j := newJoined(t)
	own := strings.Replace(j.fake.Server, "127.0.0.1", "localhost", 1)
	j.putNode(t, "False")
	j.set(t, "via", cty.StringVal(j.fake.Server))
	j.set(t, "server", cty.StringVal(own))
	j.Apply(t)
	if got := parseKubeconfig(t, j.conf).Server; got != own {
		t.Errorf("the kubelet asks %s, want %s", got, own)
	}
	if state, err := (fakeServices{}).read(j.unit); err != nil || state.Restarted != 2 {
		t.Errorf("restarted %d times, %v, want twice", state.Restarted, err)
	}
	silent := newJoined(t)
	silent.set(t, "via", cty.StringVal(silent.fake.Server))
	silent.set(t, "server", cty.StringVal("https://127.0.0.1:1"))
	wantFailure(t, silent.Try(t), "API server does not answer", "crictl ps -a --name kube-apiserver", false)
	if got := parseKubeconfig(t, silent.conf).Server; got != silent.fake.Server {
		t.Errorf("the kubelet asks %s, which does not run", got)
	}
}
