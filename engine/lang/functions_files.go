package lang

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// files returns the functions about paths and what is in files. Templates may
// call the others, but not each other.
func files(read func(string) ([]byte, error), others map[string]function.Function) map[string]function.Function {
	group := map[string]function.Function{
		"abspath":    mapText(filepath.Abs),
		"basename":   mapText(func(s string) (string, error) { return filepath.Base(s), nil }),
		"dirname":    mapText(func(s string) (string, error) { return filepath.Dir(s), nil }),
		"pathexpand": mapText(expandHome),
		"file":       mapText(func(s string) (string, error) { return readText(read, s) }),
		"filebase64": mapText(func(s string) (string, error) {
			raw, err := read(s)
			return base64.StdEncoding.EncodeToString(raw), err
		}),
		"filesha256": mapText(func(s string) (string, error) {
			raw, err := read(s)
			sum := sha256.Sum256(raw)
			return hex.EncodeToString(sum[:]), err
		}),
		"fileexists": existsFunc(read),
	}
	inTemplates := maps.Clone(others)
	maps.Copy(inTemplates, group)
	group["templatefile"] = templateFunc(read, inTemplates)
	return group
}

func expandHome(s string) (string, error) {
	rest, ok := strings.CutPrefix(s, "~")
	if !ok || (rest != "" && rest[0] != '/') {
		return s, nil
	}
	home, err := os.UserHomeDir()
	return home + rest, err
}

func readText(read func(string) ([]byte, error), name string) (string, error) {
	raw, err := read(name)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(raw) {
		return "", fmt.Errorf("%s holds no UTF-8 text; use filebase64", name)
	}
	return string(raw), nil
}

func existsFunc(read func(string) ([]byte, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("path")},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			_, err := read(args[0].AsString())
			if errors.Is(err, fs.ErrNotExist) {
				return cty.False, nil
			}
			return cty.BoolVal(err == nil), err
		},
	})
}

// templateFunc renders a file as a template with the given variables.
func templateFunc(read func(string) ([]byte, error), funcs map[string]function.Function) function.Function {
	render := func(args []cty.Value) (cty.Value, error) {
		text, err := readText(read, args[0].AsString())
		if err != nil {
			return cty.DynamicVal, function.NewArgError(0, err)
		}
		vars := args[1]
		if t := vars.Type(); !t.IsObjectType() && !t.IsMapType() {
			return cty.DynamicVal, function.NewArgErrorf(1, "an object such as { name = value } is needed, not %s", t.FriendlyName())
		}
		if problem := checkTemplateNesting([]byte(text), args[0].AsString()); problem != nil {
			return cty.DynamicVal, hcl.Diagnostics{problem}
		}
		expr, diags := hclsyntax.ParseTemplate([]byte(text), args[0].AsString(), hcl.InitialPos)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		ctx := &hcl.EvalContext{Variables: vars.AsValueMap(), Functions: funcs}
		for _, t := range expr.Variables() {
			if _, ok := ctx.Variables[t.RootName()]; !ok {
				return cty.DynamicVal, function.NewArgErrorf(1, "the template uses %q (line %d), which is not among the variables",
					t.RootName(), t.SourceRange().Start.Line)
			}
		}
		v, diags := expr.Value(ctx)
		if diags.HasErrors() {
			return cty.DynamicVal, diags
		}
		return v, nil
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("path"), {Name: "vars", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return render(args) },
	})
}
