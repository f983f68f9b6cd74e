package kubelet

import (
	"os"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
)

// started is a kubelet to be started in a directory.
type started struct {
	*phasetest.Phase
	dir, unit, config, conf, pem string
	authority                    phasetest.Authority
}

func newStarted(t *testing.T, state fakeState) started {
	t.Helper()
	dir := t.TempDir()
	s := started{
		dir: dir, unit: dir + "/unit", config: dir + "/config.yaml", conf: dir + "/kubelet.conf",
		pem: dir + "/pki/kubelet-client-current.pem", authority: phasetest.NewAuthority(t, dir+"/ca"),
	}
	if state.Load != "" {
		state.Name = s.unit
		if err := state.write(); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, s.config, "kind: KubeletConfiguration\n")
	writeKubeconfig(t, s.conf, kubeconfig.Config{CA: []byte(readFile(t, dir+"/ca.crt")), Token: "t"})
	s.Phase = phasetest.New(t, specOn(fakeHost()), "start", map[string]cty.Value{
		"config": cty.StringVal(s.config), "kubeconfig": cty.StringVal(s.conf), "client_certificate": cty.StringVal(s.pem),
		"unit": cty.StringVal(s.unit), "healthz": cty.StringVal(kubelets(t)(s.unit)), "within": cty.StringVal("2s"),
	})
	return s
}

func (s started) state(t *testing.T) fakeState {
	t.Helper()
	state, err := (fakeServices{}).read(s.unit)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// touch replaces a file by one with an older time, as a restored one has. The
// clock of file systems is coarse, so it repeats that until it shows.
func (s started) touch(t *testing.T, path string) {
	t.Helper()
	for {
		writeFile(t, path+".next", readFile(t, path))
		if err := os.Chtimes(path+".next", time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".next", path); err != nil {
			t.Fatal(err)
		}
		if at, err := changedAt(path); err != nil || at.After(s.state(t).Started) {
			return
		}
	}
}

// rotate writes a client certificate as the kubelet does.
func (s started) rotate(t *testing.T, by phasetest.Authority) {
	t.Helper()
	by.Write(t, s.dir+"/client")
	writeFile(t, s.pem, readFile(t, s.dir+"/client.crt")+readFile(t, s.dir+"/client.key"))
}

func writeKubeconfig(t *testing.T, path string, c kubeconfig.Config) {
	t.Helper()
	c.Cluster, c.User = "kubernetes", "system:node:n1"
	if c.Server == "" {
		c.Server = "https://127.0.0.1:1"
	}
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(text))
}

func running(since time.Time) fakeState {
	return fakeState{Service: systemd.Service{Load: "loaded", Active: "active", Sub: "running", Started: since}}
}
