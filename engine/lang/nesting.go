package lang

import (
	"bytes"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

const (
	maxDepth = 200  // brackets inside of brackets
	maxChain = 1000 // operators in one expression
	maxData  = 5000 // brackets inside of brackets in JSON and YAML
)

// CheckNesting refuses a source file, or an expression, that would exhaust the
// stack of the parser, which is recursive, and of everything that walks its tree.
// Such text is never written by people, but may be generated, or made on purpose.
func CheckNesting(src []byte, name string) *hcl.Diagnostic {
	if surelyFlat(src) {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // the parser reports
	return checkTokens(tokens)
}

// checkTemplateNesting does the same for a template.
func checkTemplateNesting(src []byte, name string) *hcl.Diagnostic {
	tokens, _ := hclsyntax.LexTemplate(src, name, hcl.InitialPos) // the parser reports
	return checkTokens(tokens)
}

func checkTokens(tokens hclsyntax.Tokens) *hcl.Diagnostic {
	n := nesting{levels: []level{{}}}
	for _, t := range tokens {
		if n.add(t.Type); n.tooDeep() {
			return &hcl.Diagnostic{
				Severity: hcl.DiagError,
				Summary:  "Expression too deep",
				Detail:   "More than 200 brackets are nested here, or one expression has more than 1000 operators. Name its parts in a locals block.",
				Subject:  t.Range.Ptr(),
			}
		}
	}
	return nil
}

// surelyFlat reports whether text that is laid out as usual cannot nest too deeply,
// without splitting it into tokens, which takes a fifth of the time of loading. It
// counts on the safe side: brackets in strings and comments open, but do not close.
func surelyFlat(src []byte) bool {
	if bytes.Contains(src, []byte("<<")) || bytes.Contains(src, []byte("/*")) {
		return false // text over many lines
	}
	depth, chain := 0, 0
	for line := range bytes.Lines(src) {
		opened, closed, operators := marks(line)
		if chain += operators; depth+opened > maxDepth || chain > maxChain {
			return false
		}
		if bytes.ContainsAny(line, "\"#/") {
			closed = min(opened, closed)
		}
		if depth = max(0, depth+opened-closed); depth <= 1 {
			chain = 0
		}
	}
	return true
}

// marks counts what looks like brackets and operators in a line.
func marks(line []byte) (opened, closed, operators int) {
	for _, c := range line {
		switch c {
		case '(', '{':
			opened++
		case '[': // of a list, or of an index
			opened++
			operators++
		case ')', ']', '}':
			closed++
		case '+', '-', '*', '/', '%', '=', '<', '>', '!', '&', '|', '?', '.':
			operators++
		}
	}
	return opened, closed, operators
}

// nesting counts, for each open bracket, the operators of the expression that
// the tokens are in.
type nesting struct{ levels []level }

type level struct {
	operators int
	lines     bool // newlines do not end an expression
}

func (n *nesting) tooDeep() bool {
	return len(n.levels) > maxDepth || n.levels[len(n.levels)-1].operators > maxChain
}

func (n *nesting) add(t hclsyntax.TokenType) {
	top := &n.levels[len(n.levels)-1]
	switch t {
	case hclsyntax.TokenOBrack, hclsyntax.TokenTemplateControl:
		top.operators++ // a[b][c] and %{ if a }%{ if b } nest side by side
		n.levels = append(n.levels, level{lines: true})
	case hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp:
		n.levels = append(n.levels, level{lines: true})
	case hclsyntax.TokenOBrace:
		n.levels = append(n.levels, level{})
	case hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace, hclsyntax.TokenTemplateSeqEnd:
		n.levels = n.levels[:max(1, len(n.levels)-1)]
	case hclsyntax.TokenComma:
		top.operators = 0
	case hclsyntax.TokenNewline:
		if !top.lines {
			top.operators = 0
		}
	default:
		if isOperator(t) {
			top.operators++
		}
	}
}

func isOperator(t hclsyntax.TokenType) bool {
	switch t {
	case hclsyntax.TokenPlus, hclsyntax.TokenMinus, hclsyntax.TokenStar, hclsyntax.TokenSlash, hclsyntax.TokenPercent,
		hclsyntax.TokenEqualOp, hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq,
		hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq, hclsyntax.TokenAnd, hclsyntax.TokenOr,
		hclsyntax.TokenBang, hclsyntax.TokenQuestion, hclsyntax.TokenDot:
		return true
	default:
		return false
	}
}

// shallow makes a decoder, which is recursive as well, refuse text with too many
// brackets inside of brackets.
func shallow(decode function.Function) function.Function {
	return function.New(&function.Spec{
		Description: decode.Description(), Params: decode.Params(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if args[0].IsKnown() && tooDeepData(args[0].AsString()) {
				return cty.NilType, function.NewArgErrorf(0, "more than %d brackets or dashes are nested", maxData)
			}
			return decode.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return decode.Call(args) },
	})
}

// tooDeepData counts brackets, also those in strings, and dashes in a row, each of
// which begins a list in YAML.
func tooDeepData(text string) bool {
	depth, dashes := 0, 0
	for _, c := range []byte(text) {
		switch c {
		case ' ':
			continue
		case '-', '?':
			if dashes++; dashes > maxData {
				return true
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(0, depth-1)
		}
		dashes = 0
		if depth > maxData {
			return true
		}
	}
	return false
}
