package controlplane

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk"
)

const joinToken = testToken6 + "." + testToken16

// published is a cluster whose cluster-info is there and signed.
func published(t *testing.T) (fake *kubeapitest.Fake, pin string) {
	t.Helper()
	fake = kubeapitest.NewFake(t)
	return fake, publish(t, fake)
}

// publish makes cluster-info and signs it.
func publish(t *testing.T, fake *kubeapitest.Fake) (pin string) {
	t.Helper()
	pin = newPhase(t, fake, "cluster_info", nil).Apply(t)["ca_pins"].AsValueSlice()[0].AsString()
	text, _, _ := unstructured.NestedString(fake.Object(infoPath).Object, "data", "kubeconfig")
	sign(t, fake, text)
	return pin
}

func discover(t *testing.T, fake *kubeapitest.Fake, pin string, change map[string]cty.Value) *phasetest.Phase {
	t.Helper()
	config := map[string]cty.Value{
		"endpoint": cty.StringVal(strings.TrimPrefix(fake.Server, "https://")), "token": cty.StringVal(joinToken),
		"ca_pins": cty.ListVal([]cty.Value{cty.StringVal(pin)}), "kubeconfig": cty.StringVal(filepath.Join(t.TempDir(), "kubelet.conf")),
		"within": cty.StringVal("300ms"),
	}
	for name, value := range change {
		config[name] = value
	}
	return phasetest.New(t, Spec(), "discovery", config)
}

// A plan finds the cluster, and writes nothing.
func TestDiscoveryByToken(t *testing.T) {
	fake, pin := published(t)
	out := discover(t, fake, pin, nil).Apply(t)
	cluster := out["cluster"].AsValueMap()
	if out["server"].AsString() != fake.Server || cluster["ca_pin"].AsString() != pin || cluster["kubeconfig"].AsString() != "" {
		t.Errorf("got server %#v and cluster %#v", out["server"], cluster)
	}
	if cluster["ca"].AsString() != out["ca"].AsString() || out["token"].AsString() != joinToken {
		t.Errorf("got CA %#v, token %#v", cluster["ca"], out["token"])
	}
}

func TestDiscoveryFails(t *testing.T) {
	t.Parallel()
	text, pins := cty.StringVal, func(pin string) cty.Value { return cty.ListVal([]cty.Value{cty.StringVal(pin)}) }
	tests := map[string]struct {
		change     map[string]cty.Value
		spoil      func(t *testing.T, fake *kubeapitest.Fake)
		want, hint string
		permanent  bool
	}{
		"wrong secret":      {map[string]cty.Value{"token": text("abcdef.fedcba9876543210")}, nil, "the part of token abcdef behind the dot is not that of the cluster", "Copy the whole token again", true},
		"expired":           {map[string]cty.Value{"token": text("zzzzzz.fedcba9876543210")}, nil, "does not know the token zzzzzz", "It has expired", false},
		"wrong pin":         {map[string]cty.Value{"ca_pins": pins("sha256:" + strings.Repeat("0", 64))}, nil, "which is none of those given", "another cluster", true},
		"nobody there":      {map[string]cty.Value{"endpoint": text("127.0.0.1:1")}, nil, "no API server answers at 127.0.0.1:1", "curl -k", false},
		"no token":          {map[string]cty.Value{"token": text("")}, nil, "there is no token", "CLUSTERFLOW_VAR_token", true},
		"no pins":           {map[string]cty.Value{"ca_pins": cty.ListValEmpty(cty.String)}, nil, "there are no pins", "skip_ca_verification", true},
		"nothing":           {map[string]cty.Value{"endpoint": text("")}, nil, "nothing says where the cluster is", "join command", true},
		"no cluster-info":   {nil, func(_ *testing.T, fake *kubeapitest.Fake) { fake.Delete(infoPath) }, "has no cluster-info", "controlplane.cluster_info", false},
		"nobody signs":      {nil, unsign, "does not know the token abcdef", "kube-controller-manager", false},
		"file is not there": {map[string]cty.Value{"endpoint": text(""), "file": text("/nonexistent/cluster.conf")}, nil, "no such file", "cluster-info", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, pin := published(t)
			if tt.spoil != nil {
				tt.spoil(t, fake)
			}
			result := discover(t, fake, pin, tt.change).Try(t)
			if result.Status == sdk.StatusOK {
				t.Fatal("it succeeded")
			}
			d := result.Diagnostics[0]
			if !strings.Contains(d.Summary, tt.want) || !strings.Contains(d.Detail, tt.hint) || d.Permanent != tt.permanent {
				t.Errorf("got %q\nhint %q, permanent %t\nwant %q, %q, %t", d.Summary, d.Detail, d.Permanent, tt.want, tt.hint, tt.permanent)
			}
			if strings.Contains(d.Summary+d.Detail, "fedcba") {
				t.Error("the error tells the token")
			}
		})
	}
}

func unsign(t *testing.T, fake *kubeapitest.Fake) {
	t.Helper()
	info := fake.Object(infoPath).Object
	unstructured.RemoveNestedField(info, "data", "jws-kubeconfig-"+testToken6)
	fake.Put(t, infoPath, "kube-controller-manager", info)
}

func TestDiscoveryByFile(t *testing.T) {
	fake, pin := published(t)
	client, err := newPool(t).Client(fake.Admin)
	if err != nil {
		t.Fatal(err)
	}
	bare := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters:\n- name: \"\"\n  cluster:\n    server: %s\n    certificate-authority-data: %s\n",
		fake.Server, base64.StdEncoding.EncodeToString(client.CA))
	path := filepath.Join(t.TempDir(), "cluster.conf")
	if err := os.WriteFile(path, []byte(bare), 0o600); err != nil {
		t.Fatal(err)
	}
	byFile := map[string]cty.Value{"endpoint": cty.StringVal(""), "file": cty.StringVal(path)}
	if out := discover(t, fake, pin, byFile).Apply(t); out["server"].AsString() != fake.Server || out["token"].AsString() != joinToken {
		t.Errorf("got %#v", out)
	}
	byFile["token"] = cty.StringVal("")
	if r := discover(t, fake, pin, byFile).Try(t); r.Status == sdk.StatusOK || !strings.Contains(r.Diagnostics[0].Summary, "has no bootstrap token") {
		t.Errorf("without a token: got %+v", r)
	}
}

// A host that is a node needs no token, no endpoint and no API server.
func TestDiscoveryOfNode(t *testing.T) {
	fake, pin := published(t)
	joined := map[string]cty.Value{"kubeconfig": cty.StringVal(nodeKubeconfig(t, fake)), "endpoint": cty.StringVal(""), "token": cty.StringVal("")}
	out := discover(t, fake, pin, joined).Apply(t)
	if cluster := out["cluster"].AsValueMap(); !cluster["kubeconfig"].RawEquals(joined["kubeconfig"]) || out["server"].AsString() != fake.Server {
		t.Errorf("got cluster %#v", cluster)
	}
	joined["ca_pins"] = cty.ListVal([]cty.Value{cty.StringVal("sha256:" + strings.Repeat("0", 64))})
	if r := discover(t, fake, pin, joined).Try(t); r.Status == sdk.StatusOK {
		t.Error("a node of another cluster counts as one of this")
	}
}

// nodeKubeconfig is a kubeconfig as a kubelet has it: its certificate is a file.
func nodeKubeconfig(t *testing.T, fake *kubeapitest.Fake) string {
	t.Helper()
	dir := t.TempDir()
	phasetest.NewAuthority(t, dir+"/ca").Write(t, dir+"/node")
	client, err := newPool(t).Client(fake.Admin)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: k\n  cluster: {server: %q, certificate-authority-data: %s}\n"+
		"contexts:\n- name: c\n  context: {cluster: k, user: u}\nusers:\n- name: u\n  user: {client-certificate: %s/node.crt, client-key: %s/node.key}\n",
		fake.Server, base64.StdEncoding.EncodeToString(client.CA), dir, dir)
	if err := os.WriteFile(dir+"/kubelet.conf", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir + "/kubelet.conf"
}

// Who answers differently to the two questions is not believed.
func TestDiscoveryComparesAnswers(t *testing.T) {
	var mu sync.Mutex
	asked := 0
	var server *httptest.Server
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		text := fmt.Sprintf("# %d\nclusters: [{name: '', cluster: {server: %q, certificate-authority-data: %s}}]", asked, server.URL,
			base64.StdEncoding.EncodeToString(pemOf(server.Certificate())))
		fmt.Fprintf(w, `{"data": {"kubeconfig": %q, "jws-kubeconfig-abcdef": %q}}`, text, detached(text, testToken16))
	}))
	defer server.Close()
	c := discoveryConfig{Endpoint: strings.TrimPrefix(server.URL, "https://"), Token: joinToken, SkipVerification: true}
	if _, err := c.byToken(t.Context()); err == nil || !strings.Contains(err.Error(), "gave two answers") {
		t.Errorf("got %v", err)
	}
}

func pemOf(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

func TestCheckClock(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for behind, wrong := range map[time.Duration]bool{0: false, maxBehind: false, maxBehind + time.Second: true, -time.Hour: false} {
		if err := checkClock(now, now.Add(behind)); (err != nil) != wrong {
			t.Errorf("%s behind: got %v", behind, err)
		}
	}
	if err := checkClock(now, time.Time{}); err != nil {
		t.Errorf("a server without a clock: %v", err)
	}
}
