// Package expandtest has schemas for tests: a few phase types that need no
// plugin.
package expandtest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/clusterflow/clusterflow/engine/expand"
	"github.com/clusterflow/clusterflow/sdk"
)

// Schemas are phase types by plugin and type.
type Schemas map[string]map[string]sdk.TypeDescription

// Type implements [expand.Schemas].
func (s Schemas) Type(plugin, typ string) (sdk.TypeDescription, error) {
	types, ok := s[plugin]
	if !ok {
		return sdk.TypeDescription{}, &expand.NotFoundError{Plugin: plugin, Known: slices.Sorted(maps.Keys(s))}
	}
	desc, ok := types[typ]
	if !ok {
		return sdk.TypeDescription{}, &expand.NotFoundError{Plugin: plugin, Type: typ, Known: slices.Sorted(maps.Keys(types))}
	}
	return desc, nil
}

// Function implements [expand.Schemas]. Plugin demo has upper(text), which refuses
// the empty string.
func (s Schemas) Function(plugin, name string) (sdk.Function, error) {
	switch {
	case s[plugin] == nil:
		return sdk.Function{}, &expand.NotFoundError{Plugin: plugin, Known: slices.Sorted(maps.Keys(s))}
	case plugin != "demo" || name != "upper":
		return sdk.Function{}, &expand.NotFoundError{Plugin: plugin, Function: name, Known: []string{"upper"}}
	}
	return sdk.Function{
		Name: name, Doc: "Upper case.", Params: []cty.Type{cty.String}, Result: cty.String,
		Call: func(args []cty.Value) (cty.Value, error) {
			if args[0].AsString() == "" {
				return cty.NilVal, errors.New("there is no text")
			}
			return cty.StringVal(strings.ToUpper(args[0].AsString())), nil
		},
	}, nil
}

// Outcomes are the ends of phases by address.
type Outcomes map[string]expand.Outcome

// Outcome implements [expand.Outcomes].
func (o Outcomes) Outcome(address string) (expand.Outcome, bool) {
	out, ok := o[address]
	return out, ok
}

// New returns types that look like those of real plugins: pki.ca, pki.cert,
// demo.echo, demo.check and demo.secret.
func New() Schemas {
	str := func(name, doc string) sdk.Attribute {
		return sdk.Attribute{Name: name, Type: cty.String, Doc: doc}
	}
	required := func(name, doc string) sdk.Attribute {
		a := str(name, doc)
		a.Required = true
		return a
	}
	pair := cty.Object(map[string]cty.Type{"cert": cty.String, "key": cty.String})
	algorithm := str("algorithm", "Key type.")
	algorithm.Default, algorithm.Enum = cty.StringVal("RSA-2048"), []string{"RSA-2048", "ECDSA-P256"}
	token := str("token", "Secret token.")
	token.Sensitive = true
	return Schemas{
		"pki": {
			"ca": describe("ca", []sdk.Attribute{
				required("dir", "Directory that holds the pair."), str("base", "Name of the files."), algorithm,
			}, []sdk.Attribute{str("cert", "Path of the certificate."), str("key", "Path of the key.")}),
			"cert": describe("cert", []sdk.Attribute{
				{Name: "ca", Type: pair, Doc: "Authority that signs.", Required: true},
				str("base", "Name of the files."),
				{Name: "sans", Type: cty.List(cty.String), Doc: "Names and addresses."},
				{Name: "usages", Type: cty.List(cty.String), Doc: "Extended usages."},
			}, []sdk.Attribute{str("cert", "Path of the certificate."), str("key", "Path of the key.")}),
		},
		"demo": {
			"echo": describe("echo", []sdk.Attribute{
				{Name: "value", Type: cty.DynamicPseudoType, Doc: "Anything."},
				str("text", "Some text."),
				{Name: "count_of", Type: cty.Number, Doc: "A number."},
				{Name: "options", Type: cty.ObjectWithOptionalAttrs(map[string]cty.Type{
					"name": cty.String, "port": cty.Number,
					"peers": cty.List(cty.Object(map[string]cty.Type{"host": cty.String})),
				}, []string{"port", "peers"}), Doc: "Options."},
			}, []sdk.Attribute{
				{Name: "value", Type: cty.DynamicPseudoType, Doc: "The same."},
				str("text", "The same."),
				{Name: "ok", Type: cty.Bool, Doc: "Always true."},
				{Name: "list", Type: cty.List(cty.String), Doc: "A list."},
			}),
			"secret": describe("secret", []sdk.Attribute{token}, []sdk.Attribute{token, str("id", "Public part.")}),
			"pull": func() sdk.TypeDescription {
				t := describe("pull", []sdk.Attribute{required("image", "Image.")}, nil)
				t.Pools = []string{"pull"}
				return t
			}(),
		},
	}
}

func describe(name string, config, outputs []sdk.Attribute) sdk.TypeDescription {
	return sdk.TypeDescription{Name: name, Doc: "For tests.", Config: config, Outputs: outputs, CancelGrace: 10 * time.Second}
}
