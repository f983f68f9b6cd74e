package sdk

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// AttributesOf derives attributes from a struct, so that a schema and the Go type
// that holds its values cannot differ. Fields are described by tags:
//
//	type caConfig struct {
//		Dir  string        `cf:"dir,required" doc:"Directory that holds the pair."`
//		Algo string        `cf:"algorithm" default:"\"RSA-2048\"" enum:"RSA-2048 ECDSA-P256" doc:"Key type."`
//		TTL  time.Duration `cf:"validity" default:"\"87600h\"" doc:"How long it lives."`
//	}
//
// The cf tag holds the name and any of the flags required, sensitive, late and
// file (the value is a path whose content counts as input). default is JSON; a
// duration is a string such as "90s" in HCL. Strings, booleans, integers, floats,
// durations, cty.Value (any type), and slices, string maps and structs of these
// are allowed. Inside of a struct there is only the flag required. Pointers and struct fields that are not required may be null.
//
// It panics on a struct that breaks these rules, as that is a programming error.
func AttributesOf[T any]() []Attribute {
	typ := reflect.TypeFor[T]()
	attrs := make([]Attribute, 0, typ.NumField())
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, flags := parseTag(f)
		a := Attribute{
			Name: name, Type: typeOf(f.Type), Doc: f.Tag.Get("doc"),
			Required: slices.Contains(flags, "required"), Sensitive: slices.Contains(flags, "sensitive"),
			Late: slices.Contains(flags, "late"), FileContent: slices.Contains(flags, "file"),
			Enum: strings.Fields(f.Tag.Get("enum")),
		}
		if text, ok := f.Tag.Lookup("default"); ok {
			v, err := parseDefault(text, a.Type)
			if err != nil {
				panic(fmt.Sprintf("attributes of %s: default of %s: %v", typ, name, err))
			}
			a.Default = v
		}
		attrs = append(attrs, a)
	}
	return attrs
}

// parseDefault reads JSON. Most defaults are texts, for which cty's decoder takes a
// kilobyte each; a plugin with many phase types has a hundred of them at each start.
func parseDefault(text string, typ cty.Type) (cty.Value, error) {
	if typ != cty.String || !strings.HasPrefix(text, `"`) {
		return ctyjson.Unmarshal([]byte(text), typ)
	}
	var plain string
	err := json.Unmarshal([]byte(text), &plain)
	return cty.StringVal(plain), err
}

func parseTag(f reflect.StructField) (name string, flags []string) {
	name, rest, more := strings.Cut(f.Tag.Get("cf"), ",")
	if name == "" {
		panic(fmt.Sprintf("field %s: no cf tag", f.Name))
	}
	if more {
		flags = strings.Split(rest, ",")
	}
	for _, flag := range flags {
		switch flag {
		case "required", "sensitive", "late", "file":
		default:
			panic(fmt.Sprintf("field %s: unknown flag %q in its cf tag", f.Name, flag))
		}
	}
	return name, flags
}

func isDuration(t reflect.Type) bool { return t == reflect.TypeFor[time.Duration]() }
func isValue(t reflect.Type) bool    { return t == reflect.TypeFor[cty.Value]() }

func typeOf(t reflect.Type) cty.Type {
	if isDuration(t) {
		return cty.String
	}
	if isValue(t) {
		return cty.DynamicPseudoType
	}
	switch t.Kind() {
	case reflect.String:
		return cty.String
	case reflect.Bool:
		return cty.Bool
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float64:
		return cty.Number
	case reflect.Pointer:
		return typeOf(t.Elem())
	case reflect.Slice:
		return cty.List(typeOf(t.Elem()))
	case reflect.Map:
		return cty.Map(typeOf(t.Elem()))
	case reflect.Struct:
		return objectOf(t)
	default:
		panic(fmt.Sprintf("type %s has no place in a schema", t))
	}
}

func objectOf(t reflect.Type) cty.Type {
	attrs := map[string]cty.Type{}
	var optional []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, flags := parseTag(f)
		required := slices.Equal(flags, []string{"required"})
		_, hasDefault := f.Tag.Lookup("default")
		_, hasEnum := f.Tag.Lookup("enum")
		if (len(flags) > 0 && !required) || hasDefault || hasEnum {
			panic(fmt.Sprintf("field %s of %s: inside of an object an attribute can only be required", f.Name, t))
		}
		attrs[name] = typeOf(f.Type)
		if !required {
			optional = append(optional, name)
		}
	}
	return cty.ObjectWithOptionalAttrs(attrs, optional)
}

// Convert turns a value written by a user into one of the attribute's type:
// conversion, default for null, required and enum. The value may be unknown and
// may carry marks. Errors are short causes, fit to follow the attribute's name.
func (a Attribute) Convert(v cty.Value) (cty.Value, error) {
	v, err := convert.Convert(v, a.Type)
	if err != nil {
		return cty.NilVal, err
	}
	if v.IsNull() {
		switch {
		case a.Required:
			return cty.NilVal, fmt.Errorf("must be set")
		case a.Default != cty.NilVal:
			return convert.Convert(a.Default, a.Type)
		}
		return v, nil
	}
	if err := a.checkEnum(v); err != nil {
		return cty.NilVal, err
	}
	return v, nil
}

func (a Attribute) checkEnum(v cty.Value) error {
	plain, _ := v.Unmark()
	if len(a.Enum) == 0 || !plain.IsKnown() {
		return nil
	}
	for _, allowed := range a.Enum {
		if plain.AsString() == allowed {
			return nil
		}
	}
	return fmt.Errorf("%q is not one of %s", plain.AsString(), strings.Join(a.Enum, ", "))
}

// ObjectType is the cty type of a config or of outputs with these attributes,
// without optional markers.
func ObjectType(attrs []Attribute) cty.Type {
	types := make(map[string]cty.Type, len(attrs))
	for _, a := range attrs {
		types[a.Name] = a.Type.WithoutOptionalAttributesDeep()
	}
	return cty.Object(types)
}

// valueTypes are the types of the config and the outputs of a phase type. They are
// made once: that takes longer than to encode a small value.
type valueTypes struct{ config, outputs cty.Type }

func valueTypesOf(config, outputs []Attribute) valueTypes {
	return valueTypes{ObjectType(config), ObjectType(outputs)}
}

// madeTypes are the value types of phase types, each made when it is first asked
// for: a plugin with many phase types, of which a run needs a few, starts sooner.
type madeTypes struct {
	mu     sync.Mutex
	byName map[string]valueTypes
}

// get asks for the attributes of a phase type that is not made yet, and reports
// whether there is one of that name.
func (m *madeTypes) get(name string, attributes func(name string) (config, outputs []Attribute, ok bool)) (valueTypes, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.byName[name]; ok {
		return t, true
	}
	config, outputs, ok := attributes(name)
	if !ok {
		return valueTypes{}, false
	}
	if m.byName == nil {
		m.byName = map[string]valueTypes{}
	}
	t := valueTypesOf(config, outputs)
	m.byName[name] = t
	return t, true
}
