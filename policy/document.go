package policy

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// documentOf is the document that the rules see of an input: what its JSON says, as the published schemas describe it. OPA's own conversion writes
// that JSON and reads it again, which was a quarter of a decision's time and of its garbage, and half where an input is long; this one walks the
// value. It knows what inputs are made of, and fails for types that hold anything else.
func documentOf(input any) (ast.Value, error) {
	v := reflect.ValueOf(input)
	if !v.IsValid() {
		return nil, fmt.Errorf("no input")
	}
	convert, err := converterOf(v.Type())
	if err != nil {
		return nil, err
	}
	return convert(v), nil
}

// converter makes values of one type what JSON makes of them.
type converter func(reflect.Value) ast.Value

// converters are those that were made, by type: as many as inputs have types.
var converters sync.Map

func converterOf(t reflect.Type) (converter, error) {
	made, _ := converters.Load(t)
	if convert, ok := made.(converter); ok {
		return convert, nil
	}
	convert, err := newConverter(t)
	if err == nil {
		converters.Store(t, convert)
	}
	return convert, err
}

func newConverter(t reflect.Type) (converter, error) {
	for _, own := range []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[interface{ IsZero() bool }](),
	} {
		if reflect.PointerTo(t).Implements(own) { // whose methods are t's, too
			return nil, fmt.Errorf("%v says itself what its JSON is, or when there is none", t)
		}
	}
	switch t.Kind() { //nolint:exhaustive // what inputs are made of
	case reflect.String:
		return text, nil
	case reflect.Bool:
		return func(v reflect.Value) ast.Value { return ast.InternedTerm(v.Bool()).Value }, nil
	case reflect.Int, reflect.Int64:
		return whole, nil
	case reflect.Pointer:
		return nullable(t, func(element converter, v reflect.Value) ast.Value { return element(v.Elem()) })
	case reflect.Slice:
		return nullable(t, list)
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return nullable(t, table)
		}
	case reflect.Struct:
		return structure(t)
	}
	return nil, fmt.Errorf("inputs hold no %v", t)
}

// text replaces bytes that are no UTF-8 one by one, as JSON does.
func text(v reflect.Value) ast.Value {
	s := v.String()
	if !utf8.ValidString(s) {
		s = string([]rune(s))
	}
	return ast.String(s)
}

func whole(v reflect.Value) ast.Value {
	digits := strconv.FormatInt(v.Int(), 10)
	if term := ast.InternedIntNumberTermFromString(digits); term != nil {
		return term.Value
	}
	return ast.Number(digits)
}

// nullable converts what may be nil.
func nullable(t reflect.Type, convert func(element converter, v reflect.Value) ast.Value) (converter, error) {
	element, err := converterOf(t.Elem())
	return func(v reflect.Value) ast.Value {
		if v.IsNil() {
			return ast.NullValue
		}
		return convert(element, v)
	}, err
}

func list(element converter, v reflect.Value) ast.Value {
	terms, pointers := make([]ast.Term, v.Len()), make([]*ast.Term, v.Len())
	for i := range terms {
		terms[i].Value, pointers[i] = element(v.Index(i)), &terms[i]
	}
	return ast.NewArray(pointers...)
}

func table(element converter, v reflect.Value) ast.Value {
	object := ast.NewObjectWithCapacity(v.Len())
	for each := v.MapRange(); each.Next(); {
		object.Insert(ast.NewTerm(text(each.Key())), ast.NewTerm(element(each.Value())))
	}
	return object
}

// structure converts the fields of a struct by the names that they have in JSON.
func structure(t reflect.Type) (converter, error) {
	type field struct {
		name    *ast.Term
		omit    bool // where it is zero
		convert converter
	}
	fields := make([]field, t.NumField())
	for i := range fields {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		omit := options == "omitzero" || options == "omitempty" && f.Type.Kind() == reflect.Pointer
		if !f.IsExported() || f.Anonymous || name == "" || name == "-" || options != "" && !omit {
			return nil, fmt.Errorf("%v.%s: %q is no tag of an input", t, f.Name, f.Tag)
		}
		convert, err := converterOf(f.Type)
		if err != nil {
			return nil, err
		}
		fields[i] = field{ast.StringTerm(name), omit, convert}
	}
	return func(v reflect.Value) ast.Value {
		terms, items := make([]ast.Term, len(fields)), make([][2]*ast.Term, 0, len(fields))
		for i := range fields {
			value := v.Field(i)
			if fields[i].omit && value.IsZero() {
				continue
			}
			terms[i].Value = fields[i].convert(value)
			items = append(items, ast.Item(fields[i].name, &terms[i]))
		}
		return ast.NewObject(items...)
	}, nil
}
