package kubelet

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/plugins/internal/systemd"
	"github.com/clusterflow/clusterflow/sdk"
)

func TestBootstrap(t *testing.T) {
	j := newJoined(t)
	j.Want(t, "create: absent", "create: absent", "create: not running")
	j.Apply(t)
	j.Apply(t)
	state, err := (fakeServices{}).read(j.unit)
	if err != nil || state.Restarted != 1 {
		t.Errorf("restarted %d times, %v, want once", state.Restarted, err)
	}
	if _, err := os.Stat(j.boot); err == nil {
		t.Error("the token is left on the host")
	}
	wantMode(t, j.caFile, 0o644)
	j.Undo(t)
	for _, path := range []string{j.conf, j.boot, j.caFile, j.dir + "/pki"} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left", path)
		}
	}
	if state, err := (fakeServices{}).read(j.unit); err != nil || state.Stopped != 1 {
		t.Errorf("stopped %d times, %v, want once", state.Stopped, err)
	}
}

// TestBootstrapFile is what the kubelet gets while it has no certificate.
func TestBootstrapFile(t *testing.T) {
	j := newJoined(t)
	j.kubelet(t, fakeState{})
	if r := j.Try(t); r.Status != sdk.StatusFailed {
		t.Fatalf("got %s", r.Status)
	}
	wantMode(t, j.boot, 0o600)
	got := parseKubeconfig(t, j.boot)
	if got.Server != j.fake.Server || string(got.CA) != string(j.admin.CA) || got.Token != testToken || got.Cluster != "kubernetes" || got.User != "tls-bootstrap-token-user" {
		t.Errorf("got %+v", got)
	}
	j.Undo(t)
	if _, err := os.Stat(j.boot); err == nil {
		t.Error("undo left the token")
	}
}

// TestBootstrapResumes where it was cut short.
func TestBootstrapResumes(t *testing.T) {
	j := newJoined(t)
	for path, text := range j.identity(t) {
		writeFile(t, path, text)
	}
	writeFile(t, j.boot, "left")
	j.kubelet(t, fakeState{Service: systemd.Service{Active: "active"}})
	j.Want(t, "create: absent", "update: the bootstrap token is still on the host", "update: changed since it started: "+j.dir+"/config.yaml")
	j.Apply(t)
	if _, err := os.Stat(j.boot); err == nil {
		t.Error("the token is left on the host")
	}
	writeFile(t, j.conf, strings.Replace(readFile(t, j.conf), j.fake.Server, "https://192.0.2.1:6443", 1))
	j.Want(t, `update: server "https://192.0.2.1:6443", want "`+j.fake.Server+`"`)
	j.Apply(t)
	remove(t, j.pem)
	j.Want(t, "create: there is no client certificate yet")
	j.kubelet(t, fakeState{Files: j.identity(t)})
	j.Apply(t)
}

func TestBootstrapFails(t *testing.T) {
	t.Parallel()
	forbid := func(path string) func(*testing.T, joined) {
		return func(_ *testing.T, j joined) {
			j.fake.Answer(func(_ string, r *http.Request) *apierrors.StatusError {
				if strings.Contains(r.URL.Path, path) {
					return apierrors.NewForbidden(schema.GroupResource{Resource: path}, "", errors.New("no"))
				}
				return nil
			})
		}
	}
	waiting := func(t *testing.T, j joined) { t.Helper(); j.kubelet(t, fakeState{Lines: []string{"I0101 waiting"}}) }
	both := func(a, b func(*testing.T, joined)) func(*testing.T, joined) {
		return func(t *testing.T, j joined) { t.Helper(); a(t, j); b(t, j) }
	}
	tests := map[string]struct {
		change     func(t *testing.T, j joined)
		want, hint string
		permanent  bool
	}{
		"token rejected": {func(_ *testing.T, j joined) {
			j.fake.Answer(func(string, *http.Request) *apierrors.StatusError { return apierrors.NewUnauthorized("no") })
		}, "does not accept the token", "Make a new one", true},
		"no API server": {func(t *testing.T, j joined) {
			t.Helper()
			waiting(t, j)
			j.set(t, "server", cty.StringVal("https://127.0.0.1:1"))
		}, "API server does not answer", "Check that kube-apiserver runs", false},
		"wrong CA": {func(t *testing.T, j joined) {
			t.Helper()
			phasetest.NewAuthority(t, j.dir+"/other")
			j.set(t, "ca", cty.StringVal(readFile(t, j.dir+"/other.crt")))
		}, "certificate signed by unknown authority", "make the kubeconfig anew from the CA", true},
		"no right to ask":    {both(waiting, forbid("certificatesigningrequests")), "the token has no right to ask for a certificate", "kubeadm:kubelet-bootstrap", false},
		"node of other name": {forbid("nodes"), "the client certificate is not that of node n2", "set node_name", false},
		"node works":         {func(t *testing.T, j joined) { t.Helper(); j.putNode(t, "True") }, "there is a node n2 in the cluster, and it works", "kubectl delete node n2", true},
		"kubelet fails": {func(t *testing.T, j joined) {
			t.Helper()
			j.kubelet(t, fakeState{Fails: true, Lines: []string{`E0101 x] err="running with swap on is not supported"`}})
		}, "it does not run: exit status 1: swap is on", "swapoff", true},
		"CA file of another":  {func(t *testing.T, j joined) { t.Helper(); writeFile(t, j.caFile, readFile(t, otherCA(t))) }, "it holds the CA of another cluster", "It was left by an earlier cluster", true},
		"certificate of same": {func(t *testing.T, j joined) { t.Helper(); writeFile(t, j.pem, foreignPair(t)) }, "it is not of this cluster", "rm -r", true},
		"no config":           {func(t *testing.T, j joined) { t.Helper(); remove(t, j.dir+"/config.yaml") }, "config.yaml: no such file", "does the phase that makes it come first", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJoined(t)
			tt.change(t, j)
			wantFailure(t, j.Try(t), tt.want, tt.hint, tt.permanent)
		})
	}
}

func (j joined) set(t *testing.T, name string, v cty.Value) {
	t.Helper()
	values := j.Config.AsValueMap()
	values[name] = v
	j.Set(t, values)
}

func (j joined) putNode(t *testing.T, ready string) {
	t.Helper()
	j.fake.Put(t, "/api/v1/nodes/n2", "kubelet", map[string]any{
		"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": "n2"},
		"status": map[string]any{"conditions": []any{map[string]any{"type": "Ready", "status": ready}}},
	})
}

func otherCA(t *testing.T) string {
	t.Helper()
	base := t.TempDir() + "/other"
	phasetest.NewAuthority(t, base)
	return base + ".crt"
}

func foreignPair(t *testing.T) string {
	t.Helper()
	base := t.TempDir() + "/client"
	phasetest.NewAuthority(t, base+"-ca").Write(t, base)
	return readFile(t, base+".crt") + readFile(t, base+".key")
}

// TestBootstrapAfterNotReady takes over the name of a node that does not work.
func TestBootstrapAfterNotReady(t *testing.T) {
	j := newJoined(t)
	j.putNode(t, "False")
	j.Apply(t)
}

// TestBootstrapKeepsCA that is there, whatever is around the certificates.
func TestBootstrapKeepsCA(t *testing.T) {
	j := newJoined(t)
	text := "# our CA\n" + string(j.admin.CA)
	writeFile(t, j.caFile, text)
	j.Apply(t)
	j.Undo(t)
	if got := readFile(t, j.caFile); got != text {
		t.Errorf("got %s", got)
	}
}

func TestBootstrapValidate(t *testing.T) {
	j := newJoined(t)
	for name, value := range map[string]string{
		"server": "192.0.2.10:6443", "token": "abcdef.short", "unit": "", "within": "-1s", "healthz": "x",
	} {
		values := j.config(func(string) string { return "" })
		values[name] = cty.StringVal(value)
		got := phasetest.New(t, Spec(), "bootstrap", values).Validate(t)
		if got == "" || name == "token" && strings.Contains(got, value) {
			t.Errorf("%s = %q: got %q", name, value, got)
		}
	}
	j.set(t, "ca", cty.StringVal("none"))
	if _, err := j.Plan(t); err == nil || !strings.Contains(err.Error(), "no certificate in it") {
		t.Errorf("ca: got %v", err)
	}
}
