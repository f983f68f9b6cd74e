package sdk

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// FuzzDescription feeds any bytes to the reader of what plugins say of themselves:
// it must not panic, and neither must the check of what was read.
func FuzzDescription(f *testing.F) {
	good, err := describe(Spec{Name: "a", Version: "1", Types: []Type{{
		Name: "b", Doc: "c", Example: "d", Config: []Attribute{{Name: "e", Type: cty.List(cty.String), Doc: "f", Default: cty.ListValEmpty(cty.String)}},
	}}}).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d Description
		if err := d.UnmarshalBinary(data); err != nil || ValidateDescription(d) != nil {
			return
		}
		if _, err := d.MarshalBinary(); err != nil {
			t.Errorf("a valid description cannot be written: %v", err)
		}
	})
}

// FuzzTag feeds any text to the reader of schema tags: it gives a name and known
// flags, or panics with what is wrong in which field.
func FuzzTag(f *testing.F) {
	for _, seed := range []string{"dir", "dir,required", "dir,required,sensitive,late,file", "", ",", "dir,requird", "dir,", "a,b,c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		defer func() {
			if p := recover(); p != nil && !strings.HasPrefix(fmt.Sprint(p), "field Dir: ") {
				t.Errorf("panic: %v", p)
			}
		}()
		name, flags := parseTag(reflect.StructField{Name: "Dir", Tag: reflect.StructTag(fmt.Sprintf("cf:%q", tag))})
		unknown := slices.DeleteFunc(flags, func(flag string) bool {
			return slices.Contains([]string{"required", "sensitive", "late", "file"}, flag)
		})
		if name == "" || strings.Contains(name, ",") || len(unknown) > 0 {
			t.Errorf("tag %q: name %q, unknown flags %v", tag, name, unknown)
		}
	})
}
