package template

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
)

// values holds the values of the names in one email.
type values struct {
	given       map[string]any // printable values of the step
	fallbacks   map[string]any // printable values of the declarations
	contact     automation.Contact
	unsubscribe string
}

// of returns the value of r: a string, or a bool so that it can decide about a section.
// The caller has validated that there is a value.
func (v *values) of(r ref) any {
	if !r.isVariable() {
		value := reservedValue(r.name, v.contact, v.unsubscribe)
		if value == "" {
			value = r.fallback
		}
		return value
	}
	if value, ok := v.given[r.name]; ok {
		return value
	}
	if r.hasFallback {
		return r.fallback
	}
	return v.fallbacks[r.name]
}

// plainOf is like of, with a plain word in place of every text that is not blank.
func (v *values) plainOf(r ref) any {
	value := v.of(r)
	if s, ok := value.(string); ok && strings.TrimSpace(s) != "" {
		return "name"
	}
	return value
}

// printable returns v as a string or a bool, and nil if v is not a string, a bool or a
// number. A number keeps its digits as they are written.
func printable(v any) any {
	if n, ok := automation.ValueOf(v).Literal().(json.Number); ok {
		return n.String()
	}
	return automation.ValueOf(v).Literal()
}

// typeOf returns the type of a scalar, and "" for any other value.
func typeOf(v any) VariableType {
	switch automation.ValueOf(v).Literal().(type) {
	case string:
		return TypeString
	case json.Number:
		return TypeNumber
	case bool:
		return TypeBoolean
	default:
		return ""
	}
}

// checkValue returns the flaw of a value or a fallback for a variable of type want, or two
// empty strings if it has none. Any type fits an empty want. The message does not contain
// the value.
func checkValue(v any, want VariableType) (automation.Code, string) {
	got := typeOf(v)
	switch s, _ := v.(string); {
	case got == "":
		return automation.CodeWrongType, "is an object or an array: give a string, number or boolean"
	case want != "" && got != want:
		return automation.CodeWrongType, "must be a " + string(want) + " and is a " + string(got)
	case utf8.RuneCountInString(s) > MaxValueLength:
		return automation.CodeLimit, "is longer than " + strconv.Itoa(MaxValueLength) + " characters"
	case !utf8.ValidString(s):
		return automation.CodeWrongType, "is not valid UTF-8"
	}
	return "", ""
}
