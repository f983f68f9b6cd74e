package kubelet

import (
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
