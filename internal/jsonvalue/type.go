package jsonvalue

import (
	"encoding/json"
	"reflect"
)

// TypeOf returns the name of the JSON type of a decoded value, or of a Go string,
// boolean or number. It returns "other" for any other Go value.
func TypeOf(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case json.Number:
		if _, ok := ParseNumber(string(value)); ok {
			return "number"
		}
		return "other"
	}
	return goTypeOf(reflect.ValueOf(value))
}

func goTypeOf(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	}
	if _, ok := NumberOf(v); ok {
		return "number"
	}
	return "other"
}

// WithArticle returns the name of a JSON type with its article, for use in a sentence.
func WithArticle(jsonType string) string {
	switch jsonType {
	case "null":
		return jsonType
	case "array", "object":
		return "an " + jsonType
	case "integer":
		return "a whole number"
	default:
		return "a " + jsonType
	}
}
