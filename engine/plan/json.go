package plan

import (
	"math/big"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// marshal is the JSON of a known value without marks that has the given type, or
// is to be stored with its own if that is any. Whole numbers take a way of their
// own: numbers have 512 bits, which math/big writes in 10 µs and 2 kB.
func marshal(v cty.Value, typ cty.Type) ([]byte, error) {
	n, whole := wholeNumber(v)
	switch {
	case whole && typ == cty.Number:
		return strconv.AppendInt(nil, n, 10), nil
	case whole && typ == cty.DynamicPseudoType:
		return append(strconv.AppendInt([]byte(`{"value":`), n, 10), `,"type":"number"}`...), nil
	}
	return ctyjson.Marshal(v, typ)
}

func wholeNumber(v cty.Value) (int64, bool) {
	if v.Type() != cty.Number || !v.IsKnown() || v.IsNull() {
		return 0, false
	}
	f := v.AsBigFloat()
	n, acc := f.Int64()
	return n, acc == big.Exact && (n != 0 || !f.Signbit()) // there is a -0
}
