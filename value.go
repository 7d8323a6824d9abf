package automation

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// Value is a field of a step's config that is filled in for each run. It is a literal, a
// reference to data of the run or, in rules only, a time. The zero Value is absent, which
// is not the same as null. Values are comparable with ==.
//
// In JSON a literal is a string, number, boolean or null, a reference is an object such as
// {"var": "event.plan"}, and a time is an object such as {"now": "-7 days"}.
type Value struct {
	kind valueKind
	text string // string literal, number as written, path of a reference, or offset of a time
	yes  bool   // boolean literal
}

type valueKind uint8

const (
	valueAbsent valueKind = iota
	valueNull
	valueString
	valueNumber
	valueBool
	valueVar
	valueNow
	valueInvalid // made from a Go value that is no JSON scalar; text describes it
)

// String returns the literal s.
func String(s string) Value { return Value{kind: valueString, text: s} }

// Number returns the literal n. JSON has no NaN and no infinities: Validate refuses
// a Value made from one of them.
func Number[N ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float32 | ~float64](n N) Value {
	return ValueOf(n)
}

// Bool returns the literal b.
func Bool(b bool) Value { return Value{kind: valueBool, yes: b} }

// Null returns the literal null.
func Null() Value { return Value{kind: valueNull} }

// Var returns a reference to the data at path, such as "event.plan",
// "contact.properties.seats" or "wait_events.order.paid.amount". Validate refuses a
// path that cannot lead to data.
func Var(path string) Value { return Value{kind: valueVar, text: path} }

// Now returns the time that is this far from the time of the turn, such as "-7 days" or
// "1 day 12 hours": in a condition, from the time at which the run reaches it, and in a
// filter, from the time at which the event was accepted. "0 seconds" is that time itself. A
// day is 24 hours. Only a rule with OpGt, OpGte, OpLt or OpLte takes such a value, and
// compares an RFC 3339 date or date-time with it. Validate refuses an offset that is no
// duration.
func Now(offset string) Value { return Value{kind: valueNow, text: offset} }

// ValueOf returns v as a literal. v is nil, a json.Number, or a string, boolean or
// number of any Go type. A v that is a Value is returned unchanged. Validate refuses
// a Value made from anything else.
func ValueOf(v any) Value {
	switch v := v.(type) {
	case nil:
		return Null()
	case Value:
		return v
	case json.Number:
		return numberLiteral(string(v))
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.String:
		return String(rv.String())
	case reflect.Bool:
		return Bool(rv.Bool())
	}
	if n, ok := jsonvalue.NumberOf(rv); ok {
		return Value{kind: valueNumber, text: n.String()}
	}
	if rv.CanFloat() {
		return Value{kind: valueInvalid, text: fmt.Sprint(v)}
	}
	return Value{kind: valueInvalid, text: fmt.Sprintf("a Go %T", v)}
}

func numberLiteral(text string) Value {
	if _, ok := jsonvalue.ParseNumber(text); !ok {
		return Value{kind: valueInvalid, text: "the number " + jsondoc.Quote(text)}
	}
	return Value{kind: valueNumber, text: text}
}

// IsZero reports whether v is absent, which is not the same as null.
func (v Value) IsZero() bool { return v.kind == valueAbsent }

// Ref returns the path of a reference. The second result is false if v is not
// a reference.
func (v Value) Ref() (path string, ok bool) {
	if v.kind != valueVar {
		return "", false
	}
	return v.text, true
}

// FromNow returns the offset of a time that Now returned, as it was written. The second
// result is false if v is no such time.
func (v Value) FromNow() (offset string, ok bool) {
	if v.kind != valueNow {
		return "", false
	}
	return v.text, true
}

// Literal returns a literal as a string, json.Number or bool. It returns nil for
// null and for a Value that is not a literal.
func (v Value) Literal() any {
	switch v.kind {
	case valueString:
		return v.text
	case valueNumber:
		return json.Number(v.text)
	case valueBool:
		return v.yes
	default:
		return nil
	}
}

// String returns v in JSON, for messages. It returns "" for an absent Value.
func (v Value) String() string {
	switch v.kind {
	case valueAbsent:
		return ""
	case valueInvalid:
		return v.text
	default:
		return string(v.appendJSON(nil))
	}
}

// MarshalJSON encodes v. A number keeps its digits as they were written. An absent
// Value encodes as null; the option omitzero leaves it out of a struct. A Value made
// from something that is no literal is an error.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.kind == valueInvalid {
		return nil, v.err()
	}
	return v.appendJSON(nil), nil
}

func (v Value) appendJSON(dst []byte) []byte {
	switch v.kind {
	case valueString:
		return jsondoc.AppendString(dst, v.text)
	case valueNumber:
		return append(dst, v.text...)
	case valueBool:
		return strconv.AppendBool(dst, v.yes)
	case valueVar:
		dst = append(dst, `{"var":`...)
		return append(jsondoc.AppendString(dst, v.text), '}')
	case valueNow:
		dst = append(dst, `{"now":`...)
		return append(jsondoc.AppendString(dst, v.text), '}')
	default:
		return append(dst, "null"...)
	}
}

// err returns the flaw of a literal, or nil. It does not validate the path of a
// reference, which depends on the events that the graph waits for.
func (v Value) err() error {
	switch {
	case v.kind == valueInvalid:
		return fmt.Errorf("a value cannot be %s: use a string, a finite number, a boolean, nil or Var(path)", v.text)
	case v.kind == valueString && !utf8.ValidString(v.text):
		return fmt.Errorf("text %s is not valid UTF-8", jsondoc.Quote(v.text))
	case v.kind == valueNow:
		_, err := parseOffset(v.text)
		return err
	default:
		return nil
	}
}

// resolve returns the literal, or the value that the reference leads to, as
// path.resolve does. It compiles the path on every call. Steps of a compiled graph do
// not use it: their paths are compiled once.
func (v Value) resolve(d *Data) (any, bool) {
	ref, ok := v.Ref()
	if !ok {
		return v.Literal(), v.kind != valueAbsent && v.kind != valueInvalid && v.kind != valueNow
	}
	p, err := compilePath(ref, d.pathNames())
	if err != nil {
		return nil, false
	}
	return p.resolve(d)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for name := range m {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	return keys
}
