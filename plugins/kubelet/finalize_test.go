package kubelet

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
)

// newFinalized is a kubelet that runs with the certificate it was given.
func newFinalized(t *testing.T) started {
	t.Helper()
	s := newStarted(t, fakeState{})
	s.Apply(t)
	s.authority.Write(t, s.dir+"/given")
	writeKubeconfig(t, s.conf, kubeconfig.Config{
		CA: []byte(readFile(t, s.dir+"/ca.crt")), Server: "https://10.99.0.11:6443",
		ClientCert: []byte(readFile(t, s.dir+"/given.crt")), ClientKey: []byte(readFile(t, s.dir+"/given.key")),
	})
	values := s.Config.AsValueMap()
	delete(values, "config")
	delete(values, "flags")
	delete(values, "store_certificate")
	values["within"] = cty.StringVal("1s")
	s.Phase = phasetest.New(t, specOn(fakeHost()), "finalize", values)
	return s
}

func TestFinalize(t *testing.T) {
	s := newFinalized(t)
	s.Want(t, "update: its client certificate is not the one that the kubelet renews", "update: will change: "+s.conf)
	s.rotate(t, s.authority)
	before := s.state(t).Restarted
	s.Apply(t)
	s.Apply(t)
	if got := s.state(t).Restarted - before; got != 1 {
		t.Errorf("restarted %d times, want once", got)
	}
	wantMode(t, s.conf, 0o600)
	text := strings.NewReplacer(s.pem, "/var/lib/kubelet/pki/kubelet-client-current.pem").Replace(readFile(t, s.conf))
	const marker = "certificate-authority-data: "
	head, rest, _ := strings.Cut(text, marker)
	_, rest, _ = strings.Cut(rest, "\n")
	if diff := cmp.Diff(readFile(t, "testdata/kubeadm/kubelet.conf"), head+marker+"<base64>\n"+rest); diff != "" {
		t.Errorf("(-kubeadm +ours):\n%s", diff)
	}
	s.Undo(t)
	if s.state(t).Stopped != 0 {
		t.Error("undo stopped the kubelet, which is another phase's")
	}
	readFile(t, s.pem)
}

// TestFinalizeCutShort restarts the kubelet if only that was left to do.
func TestFinalizeCutShort(t *testing.T) {
	s := newFinalized(t)
	s.rotate(t, s.authority)
	s.Apply(t)
	s.touch(t, s.conf)
	s.Want(t, "update: changed since it started: "+s.conf)
	s.Apply(t)
}

func TestFinalizeKeepsTheRestOfTheFile(t *testing.T) {
	s := newFinalized(t)
	s.rotate(t, s.authority)
	text := strings.Replace(readFile(t, s.conf), "users:\n", "users:\n- name: other\n  user:\n    token: t\n", 1)
	writeFile(t, s.conf, text)
	s.Apply(t)
	if got := readFile(t, s.conf); !strings.Contains(got, "- name: other\n  user:\n    token: t\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestFinalizeFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change     func(t *testing.T, s started)
		want, hint string
		permanent  bool
	}{
		"no certificate":  {func(*testing.T, started) {}, "timed out after 1s; last answer: open ", "rotateCertificates = true", false},
		"other cluster's": {func(t *testing.T, s started) { t.Helper(); s.rotate(t, phasetest.NewAuthority(t, s.dir+"/other")) }, "it is not of this cluster", "rm -r", true},
		"no kubeconfig":   {func(t *testing.T, s started) { t.Helper(); remove(t, s.conf) }, "no such file", "", false},
		"broken":          {func(t *testing.T, s started) { t.Helper(); writeFile(t, s.conf, "kind: Config") }, "no current-context", "", false},
		"half a pair":     {func(t *testing.T, s started) { t.Helper(); writeFile(t, s.pem, "x") }, "failed to find any PEM data", "rotateCertificates = true", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFinalized(t)
			tt.change(t, s)
			wantFailure(t, s.Try(t), tt.want, tt.hint, tt.permanent)
		})
	}
}

func TestFinalizeBeforeAll(t *testing.T) {
	phase := phasetest.New(t, specOn(fakeHost()), "finalize", map[string]cty.Value{
		"kubeconfig": cty.StringVal(t.TempDir() + "/kubelet.conf"), "unit": cty.StringVal(os.DevNull + "/none"),
	})
	plan, err := phase.Plan(t)
	if err != nil || len(plan.Changes) != 2 {
		t.Errorf("got %+v, %v", plan.Changes, err)
	}
}
