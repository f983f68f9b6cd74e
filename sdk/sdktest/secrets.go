package sdktest

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/sdk"
)

// minSecret is how long a line of a secret file must be to count as a secret, in
// bytes. Shorter ones may be anywhere by chance.
const minSecret = 20

// statement is something that the engine would store or show.
type statement struct{ where, text string }

func (p *phase) say(where string, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said = append(p.said, statement{where, text})
}

func (p *phase) sayPlan(plan sdk.Plan) {
	p.say("the private record of a plan", string(plan.Private))
	for _, c := range plan.Changes {
		p.say("a planned change", fmt.Sprint(c))
	}
	p.sayDiagnostics(plan.Diagnostics)
}

func (p *phase) sayEvent(e sdk.Event) {
	if c, ok := e.(sdk.Checkpoint); ok {
		p.keep(c.Private)
		p.say("a checkpoint", string(c.Private))
		return
	}
	p.say(fmt.Sprintf("an event of type %T", e), fmt.Sprint(e))
}

func (p *phase) sayResult(r sdk.Result) {
	if len(r.Private) > 0 {
		p.keep(r.Private)
	}
	p.learnSecrets()
	p.say("a private record", string(r.Private))
	p.sayDiagnostics(r.Diagnostics)
	if r.Outputs == cty.NilVal {
		return
	}
	for _, a := range p.typ.Outputs {
		if !a.Sensitive && r.Outputs.Type().HasAttribute(a.Name) {
			p.say(fmt.Sprintf("the output %q, which is not sensitive", a.Name), fmt.Sprintf("%#v", r.Outputs.GetAttr(a.Name)))
		}
	}
}

func (p *phase) sayDiagnostics(diags sdk.Diagnostics) {
	for _, d := range diags {
		p.say("a diagnostic", d.Summary+"\n"+d.Detail)
	}
}

// learnSecrets reads the secret files while they exist.
func (p *phase) learnSecrets() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range p.c.SecretFiles {
		data, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			continue // undone, or not made yet
		}
		for line := range strings.Lines(string(data)) {
			line = strings.TrimSpace(line)
			if len(line) >= minSecret && !strings.HasPrefix(line, "-----") {
				p.secrets[line] = true
			}
		}
	}
}

// checkSecrets searches all that was said for secrets, plain and in base64.
func (p *phase) checkSecrets() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for secret := range p.secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			for _, x := range p.said {
				if strings.Contains(x.text, form) {
					p.t.Errorf("a secret is in %s", x.where)
				}
			}
		}
	}
}
