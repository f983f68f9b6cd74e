package sdk

import (
	"fmt"
	"math/big"
	"reflect"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// Decode puts an object value into a struct with cf tags (see [AttributesOf]).
// Null leaves a field at its zero value. Errors carry the attribute's path.
func Decode[T any](v cty.Value) (T, error) {
	var out T
	err := decodeInto(v, reflect.ValueOf(&out).Elem(), nil)
	return out, err
}

func decodeInto(v cty.Value, to reflect.Value, path cty.Path) error {
	if isValue(to.Type()) {
		to.Set(reflect.ValueOf(v))
		return nil
	}
	if v.IsNull() {
		return nil
	}
	if !v.IsKnown() {
		return path.NewErrorf("value is not known yet")
	}
	switch to.Kind() {
	case reflect.String:
		to.SetString(v.AsString())
	case reflect.Bool:
		to.SetBool(v.True())
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		return decodeNumber(v, to, path)
	case reflect.Pointer:
		p := reflect.New(to.Type().Elem())
		if err := decodeInto(v, p.Elem(), path); err != nil {
			return err
		}
		to.Set(p)
	default:
		return decodeCollection(v, to, path)
	}
	return nil
}

func decodeNumber(v cty.Value, to reflect.Value, path cty.Path) error {
	if isDuration(to.Type()) {
		d, err := time.ParseDuration(v.AsString())
		if err != nil {
			return path.NewErrorf(`%q is not a duration such as "90s" or "10m"`, v.AsString())
		}
		to.SetInt(int64(d))
		return nil
	}
	if to.Kind() == reflect.Float64 {
		f, _ := v.AsBigFloat().Float64()
		to.SetFloat(f)
		return nil
	}
	n, acc := v.AsBigFloat().Int64()
	if acc != big.Exact || to.OverflowInt(n) {
		return path.NewErrorf("%s is not a whole number in range", v.AsBigFloat().Text('g', 20))
	}
	to.SetInt(n)
	return nil
}

func decodeCollection(v cty.Value, to reflect.Value, path cty.Path) error {
	switch to.Kind() {
	case reflect.Slice:
		list := reflect.MakeSlice(to.Type(), 0, v.LengthInt())
		for k, e := range v.Elements() {
			item := reflect.New(to.Type().Elem()).Elem()
			if err := decodeInto(e, item, append(path, cty.IndexStep{Key: k})); err != nil {
				return err
			}
			list = reflect.Append(list, item)
		}
		to.Set(list)
	case reflect.Map:
		m := reflect.MakeMapWithSize(to.Type(), v.LengthInt())
		for k, e := range v.Elements() {
			item := reflect.New(to.Type().Elem()).Elem()
			if err := decodeInto(e, item, append(path, cty.IndexStep{Key: k})); err != nil {
				return err
			}
			m.SetMapIndex(reflect.ValueOf(k.AsString()), item)
		}
		to.Set(m)
	case reflect.Struct:
		for i := range to.NumField() {
			name, _ := parseTag(to.Type().Field(i))
			if !v.Type().HasAttribute(name) {
				continue
			}
			if err := decodeInto(v.GetAttr(name), to.Field(i), append(path, cty.GetAttrStep{Name: name})); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("decode into %s: not a schema type", to.Type())
	}
	return nil
}

// Encode is the inverse of [Decode]: a struct with cf tags as an object value.
// Nil pointers, slices and maps become null; a nil cty.Value becomes null.
func Encode(v any) cty.Value { return encode(reflect.ValueOf(v)) }

func encode(v reflect.Value) cty.Value {
	switch x := v.Interface().(type) {
	case cty.Value:
		if x == cty.NilVal {
			return cty.NullVal(cty.DynamicPseudoType)
		}
		return x
	case time.Duration:
		return cty.StringVal(x.String())
	}
	switch v.Kind() {
	case reflect.String:
		return cty.StringVal(v.String())
	case reflect.Bool:
		return cty.BoolVal(v.Bool())
	case reflect.Int, reflect.Int32, reflect.Int64:
		return cty.NumberIntVal(v.Int())
	case reflect.Float64:
		return cty.NumberFloatVal(v.Float())
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return encodeNillable(v)
	default:
		return encodeStruct(v)
	}
}

func encodeNillable(v reflect.Value) cty.Value {
	switch {
	case v.IsNil():
		return cty.NullVal(typeOf(v.Type()).WithoutOptionalAttributesDeep())
	case v.Kind() == reflect.Pointer:
		return encode(v.Elem())
	case v.Kind() == reflect.Slice:
		return encodeList(v)
	default:
		return encodeMap(v)
	}
}

func encodeList(v reflect.Value) cty.Value {
	if v.Len() == 0 {
		return cty.ListValEmpty(typeOf(v.Type().Elem()).WithoutOptionalAttributesDeep())
	}
	items := make([]cty.Value, v.Len())
	for i := range items {
		items[i] = encode(v.Index(i))
	}
	return cty.ListVal(items)
}

func encodeMap(v reflect.Value) cty.Value {
	if v.Len() == 0 {
		return cty.MapValEmpty(typeOf(v.Type().Elem()).WithoutOptionalAttributesDeep())
	}
	items := make(map[string]cty.Value, v.Len())
	for _, k := range v.MapKeys() {
		items[k.String()] = encode(v.MapIndex(k))
	}
	return cty.MapVal(items)
}

func encodeStruct(v reflect.Value) cty.Value {
	attrs := make(map[string]cty.Value, v.NumField())
	for i := range v.NumField() {
		name, _ := parseTag(v.Type().Field(i))
		attrs[name] = encode(v.Field(i))
	}
	return cty.ObjectVal(attrs)
}
