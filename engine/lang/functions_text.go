package lang

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

func stringParam(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.String}
}

// mapText makes a function from one string to another.
func mapText(f func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("str")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			out, err := f(args[0].AsString())
			if err != nil {
				return cty.UnknownVal(cty.String), function.NewArgError(0, err)
			}
			return cty.StringVal(out), nil
		},
	})
}

// testText makes a function that compares two strings.
func testText(second string, f func(a, b string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("str"), stringParam(second)},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

func hasPrefix(s, prefix string) bool { return strings.HasPrefix(s, prefix) }
func hasSuffix(s, suffix string) bool { return strings.HasSuffix(s, suffix) }
func hasPart(s, part string) bool     { return strings.Contains(s, part) }

// replaceFunc replaces all occurrences of a string, or of a regular expression
// when that is written between slashes.
func replaceFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("str"), stringParam("part"), stringParam("replacement")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, part, with := args[0].AsString(), args[1].AsString(), args[2].AsString()
			if len(part) < 2 || part[0] != '/' || part[len(part)-1] != '/' {
				return cty.StringVal(strings.ReplaceAll(s, part, with)), nil
			}
			re, err := regexp.Compile(part[1 : len(part)-1])
			if err != nil {
				return cty.UnknownVal(cty.String), function.NewArgError(1, err)
			}
			return cty.StringVal(re.ReplaceAllString(s, with)), nil
		},
	})
}

func base64Encode(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }
func urlEncode(s string) (string, error)    { return url.QueryEscape(s), nil }

func base64DecodeFunc() function.Function {
	return mapText(func(s string) (string, error) {
		raw, err := base64.StdEncoding.DecodeString(s)
		switch {
		case err != nil:
			return "", fmt.Errorf("decode base64: %w", err)
		case !utf8.Valid(raw):
			return "", errors.New("the decoded bytes are no UTF-8 text")
		}
		return string(raw), nil
	})
}

func digests() map[string]function.Function {
	hexOf := func(sum func([]byte) []byte) function.Function {
		return mapText(func(s string) (string, error) { return hex.EncodeToString(sum([]byte(s))), nil })
	}
	base64Of := func(sum func([]byte) []byte) function.Function {
		return mapText(func(s string) (string, error) {
			return base64.StdEncoding.EncodeToString(sum([]byte(s))), nil
		})
	}
	sha256Sum := func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
	sha512Sum := func(b []byte) []byte { s := sha512.Sum512(b); return s[:] }
	return map[string]function.Function{
		"base64sha256": base64Of(sha256Sum),
		"base64sha512": base64Of(sha512Sum),
		"md5":          hexOf(func(b []byte) []byte { s := md5.Sum(b); return s[:] }),
		"sha1":         hexOf(func(b []byte) []byte { s := sha1.Sum(b); return s[:] }),
		"sha256":       hexOf(sha256Sum),
		"sha512":       hexOf(sha512Sum),
	}
}
