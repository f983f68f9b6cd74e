package plan

import (
	"math"
	"testing"

	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Digests and stored outputs of earlier versions must not change.
func TestMarshalIsThatOfCty(t *testing.T) {
	for _, v := range []cty.Value{
		cty.NumberIntVal(0), cty.NumberIntVal(7), cty.NumberIntVal(-12), cty.NumberIntVal(math.MaxInt64), cty.NumberIntVal(math.MinInt64),
		cty.NumberUIntVal(math.MaxUint64), cty.MustParseNumberVal("1e30"), cty.MustParseNumberVal("-0"), cty.NumberFloatVal(0.5),
		cty.MustParseNumberVal("0.1"), cty.NullVal(cty.Number), cty.StringVal("7"), cty.True,
		cty.ObjectVal(map[string]cty.Value{"n": cty.NumberIntVal(1)}),
	} {
		for _, typ := range []cty.Type{v.Type(), cty.DynamicPseudoType} {
			want, err := ctyjson.Marshal(v, typ)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := marshal(v, typ); err != nil || string(got) != string(want) {
				t.Errorf("%#v as %s: got %s, %v, want %s", v, typ.FriendlyName(), got, err, want)
			}
		}
	}
}
