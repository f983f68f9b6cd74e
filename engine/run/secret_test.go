package run

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/event"
	"github.com/clusterflow/clusterflow/engine/expand"
)

const canary = "canary-4711\nzweite \"line\" of it"

// No sensitive value is in any event, in the journal, or in what later phases say.
func TestSecrets(t *testing.T) {
	r := newRig(t, `variable "secret" { sensitive = true }
phase "t.thing" "a" {
  name    = "a"
  secret  = var.secret
  needs   = { pin = sensitive(271828), list = [var.secret] }
  how     = "leak"
  retry {
    attempts = 2
    backoff  = "1ms"
  }
}
phase "t.thing" "b" {
  name   = "b"
  secret = var.secret
  how    = "unplannable"
  retry {
    attempts = 2
    backoff  = "1ms"
  }
}
phase "t.thing" "c" {
  name   = "c"
  secret = var.secret
  needs  = { pin = sensitive(271828), list = [var.secret] }
  value  = "shows ${nonsensitive("x")}"
}
phase "t.thing" "d" {
  name   = "d"
  secret = phase.c.token
  how    = "leak"
}`)
	r.vars = map[string]expand.VarInput{"secret": {Value: cty.StringVal(canary), Source: "test"}}
	result := r.apply(t.Context())
	r.expect(result, event.RunFailed, "a failed, b failed, c succeeded, d failed")
	shown := r.transcript() + r.journal()
	for _, e := range r.events {
		text, err := e.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		shown += string(text)
	}
	for _, secret := range []string{"canary-4711", "zweite", "of it", "271828", "token of c"} {
		if i := strings.Index(shown, secret); i >= 0 {
			t.Errorf("%q is shown or stored: …%s…", secret, shown[max(0, i-100):min(len(shown), i+100)])
		}
	}
	if !strings.Contains(shown, "(sensitive)") {
		t.Error("nothing was masked")
	}
	if token := r.known["phase.c"].Outputs.GetAttr("token"); token.AsString() != "token of c" {
		t.Errorf("outputs in memory: got %#v", token)
	}
}
