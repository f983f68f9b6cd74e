package controlplane

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/zclconf/go-cty/cty"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi/kubeapitest"
	"github.com/clusterflow/clusterflow/plugins/internal/phasetest"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

const tokenPath = "/api/v1/namespaces/kube-system/secrets/bootstrap-token-"

// testToken is the life of a token. It runs against the fake, and against a real
// server in the e2e tests.
func testToken(t *testing.T, phase *phasetest.Phase) {
	t.Helper()
	plan := phase.Want(t, "create: absent")
	phase.Private = nil
	if again := phase.Want(t, "create: absent"); again.Fingerprint() != plan.Fingerprint() {
		t.Error("two first plans differ")
	}
	planned := phase.Private
	out := phase.Apply(t)
	id, token := out["id"].AsString(), out["token"].AsString()
	if !strings.HasPrefix(token, id+".") || len(token) != 23 {
		t.Fatalf("token: got id %q and %d characters", id, len(token))
	}
	if !strings.Contains(string(planned), id) {
		t.Errorf("record of the plan: got %s, want the id %s: an interrupted phase could not be undone", planned, id)
	}
	expires, err := time.Parse(time.RFC3339, out["expires"].AsString())
	if left := time.Until(expires); err != nil || left > time.Hour || left < 59*time.Minute {
		t.Errorf("expires: got %v, %v, want an hour from now", expires, err)
	}
	if again := phase.Apply(t); again["token"].AsString() != token {
		t.Error("a valid token was replaced")
	}
	_, secret, _ := strings.Cut(token, ".")
	for _, leak := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
		if strings.Contains(string(phase.Private), leak) {
			t.Error("the record holds the secret part of the token")
		}
	}
	phase.Undo(t)
	phase.Want(t, "create: absent")
}

func TestToken(t *testing.T) {
	testToken(t, newPhase(t, kubeapitest.NewFake(t), "token", map[string]cty.Value{"ttl": cty.StringVal("1h")}))
}

func TestTokenExpired(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	phase := newPhase(t, fake, "token", nil)
	old := phase.Apply(t)["id"].AsString()
	setToken(t, fake, old, "expiration", "2020-01-02T03:04:05Z")
	plan := phase.Want(t, "create: token "+old+" has expired")
	if again := phase.Want(t, "create: token "+old+" has expired"); again.Fingerprint() != plan.Fingerprint() {
		t.Error("two plans of the same thing differ")
	}
	next := phase.Apply(t)["id"].AsString()
	if next == old {
		t.Error("an expired token was kept")
	}
	if fake.Object(tokenPath+old) != nil {
		t.Error("the expired token is still there")
	}
	if fake.Object(tokenPath+next) == nil {
		t.Error("there is no other token")
	}
}

// Whoever takes the token away gets another one of the same name.
func TestTokenGone(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	phase := newPhase(t, fake, "token", map[string]cty.Value{"ttl": cty.StringVal("0s")})
	out := phase.Apply(t)
	if got := out["expires"].AsString(); got != "" {
		t.Errorf("expires: got %q, want never", got)
	}
	fake.Delete(tokenPath + out["id"].AsString())
	phase.Want(t, "create: absent")
	if again := phase.Apply(t); again["id"].AsString() != out["id"].AsString() || again["token"].AsString() == out["token"].AsString() {
		t.Error("want another token of the same id")
	}
}

func TestTokenChanges(t *testing.T) {
	fake := kubeapitest.NewFake(t)
	phase := newPhase(t, fake, "token", map[string]cty.Value{"token": cty.StringVal("abcdef.0123456789abcdef")})
	if out := phase.Apply(t); out["token"].AsString() != "abcdef.0123456789abcdef" {
		t.Error("the configured token was not taken")
	}
	setToken(t, fake, "abcdef", "token-secret", "fedcba9876543210")
	plan := phase.Want(t, "update: differs in data.token-secret")
	for _, leak := range []string{"fedcba", "ZmVkY2Jh", "012345", "MDEyMzQ1"} {
		if strings.Contains(plan.Changes[0].Diff, leak) {
			t.Errorf("the plan shows %q:\n%s", leak, plan.Changes[0].Diff)
		}
	}
	phase.Apply(t)
	setToken(t, fake, "abcdef", "expiration", "2020-01-02T03:04:05Z")
	phase.Want(t, "update: expired at 2020-01-02T03:04:05Z")
	phase.Apply(t)
	if got := tokenField(fake, "abcdef", "token-secret"); got != "0123456789abcdef" {
		t.Errorf("secret part: got %q, want the configured one", got)
	}
}

// A record whose cluster cannot be asked keeps its token: Diff reports the error.
func TestChooseTokenKeepsWhatItCannotSee(t *testing.T) {
	in := resource.Input[tokenConfig]{
		Config: tokenConfig{Cluster: kubeapi.Cluster{Kubeconfig: "/nonexistent/admin.conf"}},
		Record: resource.Record{Entries: []resource.Entry{{
			Kind: tokenKindName, Target: "kube-system/bootstrap-token-*", State: []byte(`{"token_id":"abcdef"}`),
		}}},
	}
	got, err := chooseToken(t.Context(), kubeapi.NewPool(), in)
	if err != nil || got.TokenID != "abcdef" {
		t.Errorf("got %+v, %v, want abcdef", got, err)
	}
}

func TestExpired(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for expires, want := range map[string]bool{
		"": false, "2030-01-01T00:00:01Z": false, "2030-01-01T00:00:00Z": true, "2029-12-31T23:00:00Z": true, "tomorrow": true,
	} {
		if got := (storedToken{expires: expires}).expired(now); got != want {
			t.Errorf("expired(%q): got %v, want %v", expires, got, want)
		}
	}
}

func setToken(t *testing.T, fake *kubeapitest.Fake, id, field, value string) {
	t.Helper()
	object := fake.Object(tokenPath + id)
	if err := unstructured.SetNestedField(object.Object, base64.StdEncoding.EncodeToString([]byte(value)), "data", field); err != nil {
		t.Fatal(err)
	}
	fake.Put(t, tokenPath+id, "somebody", object.Object)
}

func tokenField(fake *kubeapitest.Fake, id, field string) string {
	text, _, _ := unstructured.NestedString(fake.Object(tokenPath+id).Object, "data", field)
	value, _ := base64.StdEncoding.DecodeString(text)
	return string(value)
}
