package controlplane

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
)

const (
	infoPath    = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
	testToken6  = "abcdef"
	testToken16 = "0123456789abcdef"
)

func TestClusterInfo(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	phase := newPhase(t, fake, "cluster_info", nil)
	phase.Want(t, "create: absent", "create: absent", "create: absent")
	out := phase.Apply(t)
	if got := out["server"].AsString(); got != fake.Server {
		t.Errorf("server: got %q, want %q", got, fake.Server)
	}
	if got := out["ca_pins"].LengthInt(); got != 1 {
		t.Errorf("ca_pins: got %d, want 1", got)
	}
	phase.Undo(t)
	phase.Want(t, "create: absent", "create: absent", "create: absent")
}

func TestClusterInfoWaitsForItsSignature(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	newPhase(t, fake, "token", map[string]cty.Value{"token": cty.StringVal(testToken6 + "." + testToken16)}).Apply(t)
	newPhase(t, fake, "cluster_info", nil).Apply(t)

	phase := newPhase(t, fake, "cluster_info", map[string]cty.Value{"token_id": cty.StringVal(testToken6), "within": cty.StringVal("50ms")})
	phase.Want(t, "run: not signed yet")
	if result := phase.Try(t); len(result.Diagnostics) == 0 || result.Diagnostics[0].Detail == "" {
		t.Errorf("without a signer: got %+v, want a failure with advice", result)
	}
	sign(t, fake, "of some other text")
	phase.Want(t, "run: the signature is of another text or token, a new one is due")
	text, _, _ := unstructured.NestedString(fake.Object(infoPath).Object, "data", "kubeconfig")
	sign(t, fake, text)
	phase.Want(t)
}

func sign(t *testing.T, fake *kubeapitest.Fake, text string) {
	t.Helper()
	info := fake.Object(infoPath).Object
	if err := unstructured.SetNestedField(info, detached(text, testToken16), "data", "jws-kubeconfig-"+testToken6); err != nil {
		t.Fatal(err)
	}
	fake.Put(t, infoPath, "kube-controller-manager", info)
}

// detached signs as the controller manager does.
func detached(text, secret string) string {
	url := base64.RawURLEncoding
	header := url.EncodeToString([]byte(`{"alg":"HS256","kid":"` + testToken6 + `"}`))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(header + "." + url.EncodeToString([]byte(text))))
	return header + ".." + url.EncodeToString(mac.Sum(nil))
}

func TestVerifyDetached(t *testing.T) {
	good := detached("text", testToken16)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + ".."
	tests := map[string]struct {
		jws, text, secret string
		want              bool
	}{
		"good":            {good, "text", testToken16, true},
		"other text":      {good, "texts", testToken16, false},
		"other token":     {good, "text", "fedcba9876543210", false},
		"no token":        {detached("text", ""), "text", "", false},
		"no algorithm":    {none, "text", testToken16, false},
		"with payload":    {"a.b.c", "text", testToken16, false},
		"bad header":      {"!..", "text", testToken16, false},
		"header no JSON":  {"YQ..", "text", testToken16, false},
		"bad signature":   {good + "!", "text", testToken16, false},
		"empty":           {"", "text", testToken16, false},
		"empty signature": {good[:len(good)-43], "text", testToken16, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := verifyDetached(tt.jws, tt.text, tt.secret); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Nothing that is not signed with the token verifies, and nothing panics.
func FuzzVerifyDetached(f *testing.F) {
	f.Add(detached("text", testToken16), "text")
	f.Add("..", "")
	f.Fuzz(func(t *testing.T, jws, text string) {
		if verifyDetached(jws, text, testToken16) && verifyDetached(jws, text, "fedcba9876543210") {
			t.Errorf("%q is a signature of %q by two tokens", jws, text)
		}
	})
}
