package plan

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/clusterflow/clusterflow/engine/state"
	"github.com/clusterflow/clusterflow/sdk"
)

// digestVersion changes when digests are computed in another way, so that old
// ones never match by accident.
const digestVersion = "clusterflow inputs v1"

// minSecret is the shortest sensitive string that is masked in text. Shorter
// ones, such as "1" or "yes", would mask half of every message.
const minSecret = 4

// identity digests a config: one digest for each attribute, and one over all of
// them. Sensitive values enter as an HMAC with the state's key, so that nobody
// can guess them from the digest.
func identity(ref TypeRef, config cty.Value, sensitive []cty.PathValueMarks, key []byte) (state.Identity, error) {
	id := state.Identity{
		Type:        ref.Plugin + "." + ref.Type.Name,
		TypeVersion: ref.Type.Version,
		Attributes:  map[string]string{},
	}
	secret := map[string]bool{}
	for _, p := range sensitive {
		if step, ok := firstAttr(p.Path); ok {
			secret[step] = true
		}
	}
	for _, a := range ref.Type.Config {
		v := config.GetAttr(a.Name)
		if v.IsNull() {
			continue
		}
		text, err := ctyjson.Marshal(v, v.Type())
		if err != nil {
			return id, fmt.Errorf("digest %s: %w", a.Name, err)
		}
		if a.FileContent {
			if text, err = withContent(text, v); err != nil {
				return id, fmt.Errorf("digest %s: %w", a.Name, err)
			}
		}
		id.Attributes[a.Name] = sum(text, secret[a.Name] || a.Sensitive, key)
	}
	all := sha256.New()
	fmt.Fprintf(all, "%s\n%s\n%d\n", digestVersion, id.Type, id.TypeVersion)
	for _, name := range slices.Sorted(maps.Keys(id.Attributes)) {
		fmt.Fprintf(all, "%s=%s\n", name, id.Attributes[name])
	}
	id.Inputs = hex.EncodeToString(all.Sum(nil))
	return id, nil
}

func sum(text []byte, secret bool, key []byte) string {
	if secret {
		mac := hmac.New(sha256.New, key)
		mac.Write(text)
		return hex.EncodeToString(mac.Sum(nil)[:16])
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:16])
}

// withContent adds the content of the file that v names. An absent file counts
// as such: it may be made by an earlier phase.
func withContent(text []byte, v cty.Value) ([]byte, error) {
	if v.Type() != cty.String {
		return text, nil
	}
	f, err := os.Open(v.AsString())
	if errors.Is(err, fs.ErrNotExist) {
		return append(text, " absent"...), nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return append(text, h.Sum(nil)...), nil
}

func firstAttr(path cty.Path) (string, bool) {
	if len(path) == 0 {
		return "", false
	}
	step, ok := path[0].(cty.GetAttrStep)
	return step.Name, ok
}

// secrets lists the sensitive strings of a config.
func secrets(attrs []sdk.Attribute, config cty.Value, sensitive []cty.PathValueMarks) []string {
	var out []string
	collect := func(v cty.Value) {
		_ = cty.Walk(v, func(_ cty.Path, x cty.Value) (bool, error) {
			if x.IsKnown() && !x.IsNull() && x.Type() == cty.String && len(x.AsString()) >= minSecret {
				out = append(out, x.AsString())
			}
			return true, nil
		})
	}
	for _, p := range sensitive {
		if v, err := p.Path.Apply(config); err == nil {
			collect(v)
		}
	}
	for _, a := range attrs {
		if a.Sensitive {
			collect(config.GetAttr(a.Name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// SensitiveOutputs lists the sensitive strings in a phase's outputs.
func SensitiveOutputs(ref TypeRef, outputs cty.Value) []string {
	if outputs == cty.NilVal || !outputs.IsWhollyKnown() || outputs.IsNull() {
		return nil
	}
	return secrets(ref.Type.Outputs, outputs, nil)
}

// StorableOutputs is the JSON of the outputs that may be stored: neither
// sensitive by the schema nor holding one of the secrets.
func StorableOutputs(ref TypeRef, outputs cty.Value, secrets []string) (json.RawMessage, error) {
	if outputs == cty.NilVal || outputs.IsNull() {
		return nil, nil
	}
	keep := map[string]json.RawMessage{}
	for _, a := range ref.Type.Outputs {
		if a.Sensitive {
			continue
		}
		v := outputs.GetAttr(a.Name)
		text, err := ctyjson.Marshal(v, a.Type.WithoutOptionalAttributesDeep())
		if err != nil {
			return nil, fmt.Errorf("store output %s: %w", a.Name, err)
		}
		if !holdsAny(v, secrets) {
			keep[a.Name] = text
		}
	}
	return json.Marshal(keep)
}

func holdsAny(v cty.Value, secrets []string) bool {
	found := false
	_ = cty.Walk(v, func(_ cty.Path, x cty.Value) (bool, error) {
		if x.IsKnown() && !x.IsNull() && x.Type() == cty.String {
			found = found || slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(x.AsString(), s) })
		}
		return !found, nil
	})
	return found
}

// priorOutputs reads stored outputs back. What was not stored, or does not fit
// the type any more, is null.
func priorOutputs(ref TypeRef, stored json.RawMessage) cty.Value {
	if len(stored) == 0 {
		return cty.NilVal
	}
	var raw map[string]json.RawMessage
	if json.Unmarshal(stored, &raw) != nil {
		return cty.NilVal
	}
	values := map[string]cty.Value{}
	for _, a := range ref.Type.Outputs {
		typ := a.Type.WithoutOptionalAttributesDeep()
		values[a.Name] = cty.NullVal(typ)
		if text, ok := raw[a.Name]; ok {
			if v, err := ctyjson.Unmarshal(text, typ); err == nil {
				values[a.Name] = v
			}
		}
	}
	return cty.ObjectVal(values)
}
