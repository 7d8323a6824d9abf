package template

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
)

// values are what the names of one email stand for.
type values struct {
	given       map[string]any // printable values of the step
	fallbacks   map[string]any // printable values of the declarations
	contact     automation.Contact
	unsubscribe string
}

// of returns what r stands for: a string, or a bool so that it can decide about a
// section. That there is such a thing has been checked.
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

// plainOf is of with a plain word for every text that is not blank.
func (v *values) plainOf(r ref) any {
	value := v.of(r)
	if s, ok := value.(string); ok && strings.TrimSpace(s) != "" {
		return "name"
	}
	return value
}

// printable returns v as a string or a bool, and nil if it is neither that nor a
// number. Numbers stay as they were written.
func printable(v any) any {
	if n, ok := automation.ValueOf(v).Literal().(json.Number); ok {
		return n.String()
	}
	return automation.ValueOf(v).Literal()
}

// typeOf returns the type of a scalar as a variable has it, and "" for anything
// else.
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

// checkValue returns what is wrong with a value or fallback of a variable of type
// want, or "" and nil. Any type fits an empty want. The value itself stays out of
// the message.
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
