package lang

import (
	"io/fs"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// Functions returns all functions that expressions may call. Those that read
// files do it through read; the path is the one in the expression.
//
// There is none whose result depends on anything but its arguments and files:
// no time, no randomness, no environment. Such things would make a plan differ
// from what is applied.
func Functions(read func(path string) ([]byte, error)) map[string]function.Function {
	all := map[string]function.Function{
		"can": tryfunc.CanFunc,
		"try": tryfunc.TryFunc,

		"sensitive":    sensitiveFunc(),
		"nonsensitive": nonsensitiveFunc(),
		"issensitive":  issensitiveFunc(),
	}
	for _, group := range []map[string]function.Function{
		conversions(), numbers(), text(), collections(), sets(), encodings(), digests(), networks(),
	} {
		maps.Copy(all, group)
	}
	maps.Copy(all, files(read, all))
	return all
}

// FunctionNames lists the functions.
func FunctionNames() []string {
	return slices.Sorted(maps.Keys(Functions(func(string) ([]byte, error) { return nil, fs.ErrNotExist })))
}

func numbers() map[string]function.Function {
	return map[string]function.Function{
		"abs":      stdlib.AbsoluteFunc,
		"ceil":     stdlib.CeilFunc,
		"floor":    stdlib.FloorFunc,
		"log":      stdlib.LogFunc,
		"max":      stdlib.MaxFunc,
		"min":      stdlib.MinFunc,
		"parseint": stdlib.ParseIntFunc,
		"pow":      stdlib.PowFunc,
		"signum":   stdlib.SignumFunc,
	}
}

func text() map[string]function.Function {
	return map[string]function.Function{
		"chomp":        stdlib.ChompFunc,
		"endswith":     testText("suffix", hasSuffix),
		"format":       stdlib.FormatFunc,
		"formatdate":   stdlib.FormatDateFunc,
		"formatlist":   stdlib.FormatListFunc,
		"indent":       stdlib.IndentFunc,
		"join":         stdlib.JoinFunc,
		"lower":        stdlib.LowerFunc,
		"regex":        stdlib.RegexFunc,
		"regexall":     stdlib.RegexAllFunc,
		"regexreplace": stdlib.RegexReplaceFunc,
		"replace":      replaceFunc(),
		"split":        stdlib.SplitFunc,
		"startswith":   testText("prefix", hasPrefix),
		"strcontains":  testText("part", hasPart),
		"strlen":       stdlib.StrlenFunc,
		"strrev":       stdlib.ReverseFunc,
		"substr":       stdlib.SubstrFunc,
		"timeadd":      stdlib.TimeAddFunc,
		"title":        stdlib.TitleFunc,
		"trim":         stdlib.TrimFunc,
		"trimprefix":   stdlib.TrimPrefixFunc,
		"trimspace":    stdlib.TrimSpaceFunc,
		"trimsuffix":   stdlib.TrimSuffixFunc,
		"upper":        stdlib.UpperFunc,
	}
}

func collections() map[string]function.Function {
	return map[string]function.Function{
		"alltrue":      allTrueFunc(),
		"anytrue":      anyTrueFunc(),
		"chunklist":    stdlib.ChunklistFunc,
		"coalesce":     coalesceFunc(),
		"coalescelist": stdlib.CoalesceListFunc,
		"compact":      stdlib.CompactFunc,
		"concat":       stdlib.ConcatFunc,
		"contains":     stdlib.ContainsFunc,
		"distinct":     stdlib.DistinctFunc,
		"element":      stdlib.ElementFunc,
		"flatten":      stdlib.FlattenFunc,
		"index":        indexFunc(),
		"keys":         stdlib.KeysFunc,
		"length":       lengthFunc(),
		"lookup":       lookupFunc(),
		"merge":        stdlib.MergeFunc,
		"one":          oneFunc(),
		"range":        stdlib.RangeFunc,
		"reverse":      stdlib.ReverseListFunc,
		"slice":        stdlib.SliceFunc,
		"sort":         stdlib.SortFunc,
		"sum":          sumFunc(),
		"transpose":    transposeFunc(),
		"values":       stdlib.ValuesFunc,
		"zipmap":       stdlib.ZipmapFunc,
	}
}

func sets() map[string]function.Function {
	return map[string]function.Function{
		"setintersection": stdlib.SetIntersectionFunc,
		"setproduct":      stdlib.SetProductFunc,
		"setsubtract":     stdlib.SetSubtractFunc,
		"setunion":        stdlib.SetUnionFunc,
	}
}

func encodings() map[string]function.Function {
	return map[string]function.Function{
		"base64decode": base64DecodeFunc(),
		"base64encode": mapText(base64Encode),
		"csvdecode":    stdlib.CSVDecodeFunc,
		"jsondecode":   shallow(stdlib.JSONDecodeFunc),
		"jsonencode":   stdlib.JSONEncodeFunc,
		"urlencode":    mapText(urlEncode),
		"yamldecode":   shallow(ctyyaml.YAMLDecodeFunc),
		"yamlencode":   ctyyaml.YAMLEncodeFunc,
	}
}
