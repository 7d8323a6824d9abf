package automation

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// shape describes how the values of one Go type are decoded from JSON. Shapes serve
// both the types of this package and the configs of custom steps. The names of fields
// come from the json tags and must match exactly. Every other key is a problem.
type shape struct {
	read readFunc
	// takesNull is true for a type that gives null a meaning of its own. For all
	// other types null means "absent".
	takesNull bool
	fields    []shapeField // of a struct
}

// readFunc decodes node n into v, which is addressable, and reports problems to r.
type readFunc func(r *reader, n int, v reflect.Value)

type shapeField struct {
	name  string
	index []int // as for reflect.Value.FieldByIndex
	shape *shape
}

// shapes are the shapes of types. Every type has only one.
type shapes map[reflect.Type]*shape

// of returns the shape of t. The error names a part of t that cannot be decoded
// strictly.
func (m shapes) of(t reflect.Type) (*shape, error) {
	if s, ok := m[t]; ok {
		return s, nil
	}
	s := &shape{}
	m[t] = s // before the shapes of its parts, because a rule contains rules
	if err := m.fill(s, t); err != nil {
		return nil, err
	}
	return s, nil
}

// must returns the shape of a type of this package. It panics if there is none.
func (m shapes) must(t reflect.Type) *shape {
	s, err := m.of(t)
	if err != nil {
		panic(fmt.Sprintf("automation: %v", err))
	}
	return s
}

func (m shapes) fill(s *shape, t reflect.Type) (err error) {
	switch {
	case t == reflect.TypeFor[jsonRef]():
		s.read, s.takesNull = readRef, true
	case t == reflect.TypeFor[Step]():
		s.read = readStep
	case t == reflect.TypeFor[Condition]():
		s.read, err = m.condition()
	case t == reflect.TypeFor[WaitForEvent]():
		err = m.wait(s)
	case t == reflect.TypeFor[Listener]():
		err = m.listener(s)
	case t == reflect.TypeFor[Match]():
		err = m.match(s)
	case t == reflect.TypeFor[Variant]():
		err = m.variant(s)
	case t == reflect.TypeFor[Entry]():
		err = m.entry(s)
	case t == reflect.TypeFor[EntryTrigger]():
		err = m.entryTrigger(s)
	case t == reflect.TypeFor[Reentry]():
		err = m.reentry(s)
	case t == reflect.TypeFor[Exit]():
		err = m.exit(s)
	case t == reflect.TypeFor[Window]():
		err = m.window(s)
	case t == reflect.TypeFor[RetryPolicy]():
		err = m.retry(s)
	case t == reflect.TypeFor[Automation]():
		err = m.structure(s, t) // UnmarshalJSON would report paths without the path to t
	case t == reflect.TypeFor[Value]():
		s.read, s.takesNull = readValue, true
	case t == reflect.TypeFor[json.Number]():
		s.read = readNumberText
	case readsItself(t):
		s.read, s.takesNull = readOpaque, true
	default:
		err = m.fillKind(s, t)
	}
	return err
}

func (m shapes) fillKind(s *shape, t reflect.Type) (err error) {
	switch t.Kind() {
	case reflect.String:
		s.read = readString
	case reflect.Bool:
		s.read = readBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.read = readInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.read = readUint
	case reflect.Float32, reflect.Float64:
		s.read = readFloat
	case reflect.Struct:
		err = m.structure(s, t)
	case reflect.Slice:
		s.read, err = m.slice(t)
	case reflect.Map:
		s.read, err = m.mapping(t)
	case reflect.Pointer:
		s.takesNull = true
		s.read, err = m.pointer(t)
	case reflect.Interface:
		s.read, s.takesNull = readOpaque, true
	default:
		err = fmt.Errorf("%s cannot be read from JSON here; give it an UnmarshalJSON", t)
	}
	return err
}

// readsItself reports whether t has its own method for decoding, or is a []byte, for
// which encoding/json has a rule of its own. Shapes do not look into such values.
func readsItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) ||
		t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

func (m shapes) structure(s *shape, t reflect.Type) error {
	fields, err := jsonFields(t)
	if err != nil {
		return err
	}
	for _, f := range fields {
		part, err := m.of(f.Type)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		s.fields = append(s.fields, shapeField{name: f.json, index: f.Index, shape: part})
	}
	s.read = s.readStruct
	return nil
}

func (m shapes) slice(t reflect.Type) (readFunc, error) {
	element, err := m.of(t.Elem())
	return func(r *reader, n int, v reflect.Value) {
		if !r.is(n, jsondoc.Array) {
			return
		}
		v.Set(reflect.MakeSlice(t, r.doc.Count(n), r.doc.Count(n)))
		i := 0
		for e := range r.doc.Elements(n) {
			element.read(r, e, v.Index(i))
			i++
		}
	}, err
}

func (m shapes) mapping(t reflect.Type) (readFunc, error) {
	if t.Key().Kind() != reflect.String {
		return nil, fmt.Errorf("%s needs keys that are strings", t)
	}
	element, err := m.of(t.Elem())
	return func(r *reader, n int, v reflect.Value) {
		if !r.is(n, jsondoc.Object) {
			return
		}
		v.Set(reflect.MakeMap(t))
		one := reflect.New(t.Elem()).Elem()
		for key, value := range r.doc.Members(n) {
			one.SetZero()
			element.read(r, value, one)
			v.SetMapIndex(reflect.ValueOf(r.doc.Text(key)).Convert(t.Key()), one)
		}
	}, err
}

func (m shapes) pointer(t reflect.Type) (readFunc, error) {
	target, err := m.of(t.Elem())
	return func(r *reader, n int, v reflect.Value) {
		if r.doc.Kind(n) == jsondoc.Null {
			return
		}
		p := reflect.New(t.Elem())
		target.read(r, n, p.Elem())
		v.Set(p)
	}, err
}

func (s *shape) readStruct(r *reader, n int, v reflect.Value) {
	if !r.isStruct(n, s) {
		return
	}
	for key, value := range r.doc.Members(n) {
		f := s.field(r.doc.Text(key))
		switch {
		case f == nil:
			r.unknownField(key, s)
		case f.shape.takesNull || r.doc.Kind(value) != jsondoc.Null:
			f.shape.read(r, value, v.FieldByIndex(f.index))
		}
	}
}

// field returns the field with exactly this name, or nil.
func (s *shape) field(name string) *shapeField {
	for i := range s.fields {
		if s.fields[i].name == name {
			return &s.fields[i]
		}
	}
	return nil
}

// names returns the names of a struct's fields, in the order of the struct.
func (s *shape) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

func readString(r *reader, n int, v reflect.Value) {
	if r.is(n, jsondoc.String) {
		v.SetString(r.doc.Text(n))
	}
}

func readBool(r *reader, n int, v reflect.Value) {
	if r.is(n, jsondoc.Bool) {
		v.SetBool(r.doc.Literal(n) == "true")
	}
}

func readInt(r *reader, n int, v reflect.Value) {
	if !r.is(n, jsondoc.Number) {
		return
	}
	i, err := strconv.ParseInt(r.doc.Literal(n), 10, v.Type().Bits())
	if err != nil {
		r.report(n, CodeWrongType, "must be a whole number of at most %d bits", v.Type().Bits())
	}
	v.SetInt(i)
}

func readUint(r *reader, n int, v reflect.Value) {
	if !r.is(n, jsondoc.Number) {
		return
	}
	u, err := strconv.ParseUint(r.doc.Literal(n), 10, v.Type().Bits())
	if err != nil {
		r.report(n, CodeWrongType, "must be a whole number, not negative, of at most %d bits", v.Type().Bits())
	}
	v.SetUint(u)
}

func readFloat(r *reader, n int, v reflect.Value) {
	if !r.is(n, jsondoc.Number) {
		return
	}
	f, err := strconv.ParseFloat(r.doc.Literal(n), v.Type().Bits())
	if err != nil {
		r.report(n, CodeWrongType, "must be a number that %d bits can hold", v.Type().Bits())
	}
	v.SetFloat(f)
}

func readNumberText(r *reader, n int, v reflect.Value) {
	if r.is(n, jsondoc.Number) {
		v.SetString(r.doc.Literal(n))
	}
}

// readOpaque decodes the value with the type's own UnmarshalJSON or with
// encoding/json.
func readOpaque(r *reader, n int, v reflect.Value) {
	var err error
	if u, ok := v.Addr().Interface().(json.Unmarshaler); ok {
		err = u.UnmarshalJSON(r.doc.Raw(n))
	} else {
		dec := json.NewDecoder(bytes.NewReader(r.doc.Raw(n)))
		dec.UseNumber()
		err = dec.Decode(v.Addr().Interface())
	}
	if err != nil {
		r.opaqueError(n, err)
	}
}

// jsonField is a struct field that is part of the struct's JSON.
type jsonField struct {
	reflect.StructField
	json string // its name in JSON
}

// jsonFields returns the fields of t that encoding/json would encode, including
// those of embedded structs. It returns an error if strict decoding and the encoding
// of encoding/json could disagree about a field.
func jsonFields(t reflect.Type) ([]jsonField, error) {
	fields, err := appendJSONFields(nil, t, nil)
	if err != nil {
		return nil, err
	}
	for i, f := range fields {
		same := func(g jsonField) bool { return g.json == f.json }
		if slices.ContainsFunc(fields[:i], same) {
			return nil, fmt.Errorf("%s has two fields named %q in JSON", t, f.json)
		}
	}
	return fields, nil
}

func appendJSONFields(fields []jsonField, t reflect.Type, parent []int) ([]jsonField, error) {
	for i := range t.NumField() {
		f := t.Field(i)
		f.Index = append(slices.Clone(parent), i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		var err error
		switch {
		case f.Tag.Get("json") == "-":
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			fields, err = appendJSONFields(fields, f.Type, f.Index)
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Pointer:
			err = errors.New("embed the struct itself instead of a pointer")
		case !f.IsExported():
		case slices.Contains(strings.Split(options, ","), "string"):
			err = errors.New(`the json option "string" is not supported`)
		default:
			fields = append(fields, jsonField{f, cmp.Or(name, f.Name)})
		}
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return fields, nil
}
