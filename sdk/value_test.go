package sdk_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
	ctymsgpack "github.com/zclconf/go-cty/cty/msgpack"
	"pgregory.net/rapid"

	"github.com/clusterflow/clusterflow/sdk"
)

type peer struct {
	Host string `cf:"host,required"`
	Port *int   `cf:"port"`
}

type everything struct {
	Text   string            `cf:"text"`
	On     bool              `cf:"on"`
	Int    int               `cf:"int"`
	Small  int32             `cf:"small"`
	Ratio  float64           `cf:"ratio"`
	TTL    time.Duration     `cf:"ttl"`
	Any    cty.Value         `cf:"any"`
	Name   *string           `cf:"name"`
	List   []string          `cf:"list"`
	Labels map[string]string `cf:"labels"`
	Peers  []peer            `cf:"peers"`
	Named  map[string]peer   `cf:"named"`
	Nested [][]int           `cf:"nested"`
	Best   *peer             `cf:"best"`
}

func drawPeer(t *rapid.T) peer {
	return peer{Host: rapid.String().Draw(t, "host"), Port: rapid.Ptr(rapid.Int(), true).Draw(t, "port")}
}

func drawEverything(t *rapid.T) everything {
	anything := rapid.OneOf(
		rapid.Map(rapid.String(), cty.StringVal),
		rapid.Map(rapid.Bool(), cty.BoolVal),
		rapid.Just(cty.NullVal(cty.DynamicPseudoType)),
		rapid.Just(cty.TupleVal([]cty.Value{cty.True, cty.StringVal("x")})),
	)
	peers := rapid.Custom(drawPeer)
	out := everything{
		Text:   rapid.String().Draw(t, "text"),
		On:     rapid.Bool().Draw(t, "on"),
		Int:    rapid.Int().Draw(t, "int"),
		Small:  rapid.Int32().Draw(t, "small"),
		Ratio:  rapid.Float64Range(-1e300, 1e300).Draw(t, "ratio"),
		TTL:    time.Duration(rapid.Int64().Draw(t, "ttl")),
		Any:    anything.Draw(t, "any"),
		Name:   rapid.Ptr(rapid.String(), true).Draw(t, "name"),
		Peers:  rapid.SliceOfN(peers, 0, 3).Draw(t, "peers"),
		Named:  rapid.MapOfN(rapid.String(), peers, 0, 3).Draw(t, "named"),
		Nested: rapid.SliceOfN(rapid.SliceOfN(rapid.Int(), 0, 3), 0, 3).Draw(t, "nested"),
		Best:   rapid.Ptr(peers, true).Draw(t, "best"),
	}
	if rapid.Bool().Draw(t, "set") {
		out.List = rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "list")
		out.Labels = rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).Draw(t, "labels")
	}
	return out
}

// What a handler encodes arrives equal at the other end, after the wire.
func TestEncodeDecode(t *testing.T) {
	typ := sdk.ObjectType(sdk.AttributesOf[everything]())
	rapid.Check(t, func(t *rapid.T) {
		// cty normalizes text; a struct that was decoded once holds such text only.
		want, err := sdk.Decode[everything](sdk.Encode(drawEverything(t)))
		if err != nil {
			t.Fatal(err)
		}
		v := sdk.Encode(want)
		if errs := v.Type().TestConformance(typ); len(errs) > 0 {
			t.Fatalf("the value does not conform to the schema: %v", errs)
		}
		data, err := ctymsgpack.Marshal(v, typ)
		if err != nil {
			t.Fatal(err)
		}
		if v, err = ctymsgpack.Unmarshal(data, typ); err != nil {
			t.Fatal(err)
		}
		got, err := sdk.Decode[everything](v)
		if diff := cmp.Diff(want, got, values()); diff != "" || err != nil {
			t.Fatalf("error %v, difference (-want +got):\n%s", err, diff)
		}
	})
}

func TestDecodeErrors(t *testing.T) {
	type numbers struct {
		Count int           `cf:"count"`
		Small []int32       `cf:"small"`
		TTL   time.Duration `cf:"ttl"`
	}
	tests := map[string]struct {
		value map[string]cty.Value
		want  string
		path  cty.Path
	}{
		"fraction": {
			map[string]cty.Value{"count": cty.NumberFloatVal(1.5)}, "1.5 is not a whole number in range", cty.GetAttrPath("count"),
		},
		"too big": {
			map[string]cty.Value{"small": cty.ListVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(math.MaxInt64)})},
			"9223372036854775807 is not a whole number in range", cty.GetAttrPath("small").IndexInt(1),
		},
		"no duration": {
			map[string]cty.Value{"ttl": cty.StringVal("5")}, `"5" is not a duration such as "90s" or "10m"`, cty.GetAttrPath("ttl"),
		},
		"unknown": {
			map[string]cty.Value{"count": cty.UnknownVal(cty.Number)}, "value is not known yet", cty.GetAttrPath("count"),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := sdk.Decode[numbers](cty.ObjectVal(tt.value))
			var at cty.PathError
			if !errors.As(err, &at) || at.Error() != tt.want || !at.Path.Equals(tt.path) {
				t.Errorf("got error %v at %#v\nwant %s at %#v", err, at.Path, tt.want, tt.path)
			}
			if d := sdk.Diagnose(err); len(d) != 1 || !d[0].Path.Equals(tt.path) {
				t.Errorf("got diagnostics %+v", d)
			}
		})
	}
}
