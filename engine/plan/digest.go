package plan

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/state"
)

// digestVersion changes when digests are computed in another way, so that old
// ones never match by accident.
const digestVersion = "clusterflow inputs v1"

// identity digests a config: one digest for each attribute, and one over all of
// them. Sensitive values enter as an HMAC with the state's key, so that nobody
// can guess them from the digest.
func identity(ref TypeRef, config cty.Value, sensitive []cty.PathValueMarks, key []byte) (state.Identity, error) {
	id := state.Identity{
		Type:        ref.Plugin + "." + ref.Type.Name,
		TypeVersion: ref.Type.Version,
	}
	secret := hiddenInputs(ref, sensitive)
	var inputs shownInputs
	for _, a := range ref.Type.Config {
		v := config.GetAttr(a.Name)
		if v.IsNull() {
			continue
		}
		text, err := marshal(v, v.Type())
		if err != nil {
			return id, fmt.Errorf("digest %s: %w", a.Name, err)
		}
		inputs.add(a.Name, text, secret[a.Name])
		if a.FileContent {
			if text, err = withContent(text, v); err != nil {
				return id, fmt.Errorf("digest %s: %w", a.Name, err)
			}
		}
		id.Attributes = append(id.Attributes, state.Digest{Name: a.Name, Sum: sum(text, secret[a.Name], key)})
	}
	id.Attributes.Sort()
	all := sha256.New()
	fmt.Fprintf(all, "%s\n%s\n%d\n", digestVersion, id.Type, id.TypeVersion)
	for _, d := range id.Attributes {
		fmt.Fprintf(all, "%s=%s\n", d.Name, d.Sum)
	}
	id.Inputs, id.Config = hex.EncodeToString(all.Sum(nil)), inputs.json()
	return id, nil
}

// hiddenInputs names the attributes that are sensitive, or hold something that is.
// It is nil when there are none, as mostly.
func hiddenInputs(ref TypeRef, sensitive []cty.PathValueMarks) map[string]bool {
	var secret map[string]bool
	hide := func(name string) {
		if secret == nil {
			secret = map[string]bool{}
		}
		secret[name] = true
	}
	for _, p := range sensitive {
		if step, ok := firstAttr(p.Path); ok {
			hide(step)
		}
	}
	for _, a := range ref.Type.Config {
		if a.Sensitive {
			hide(a.Name)
		}
	}
	return secret
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
