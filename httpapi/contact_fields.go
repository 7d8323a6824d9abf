package httpapi

import (
	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// properties is an object of strings, numbers, booleans and nulls. Each may also have the
// form in which a contact is answered, with a type. Numbers keep their digits.
func properties(name string, into *map[string]any) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		*into = map[string]any{}
		r.members(n, func(key, value int) {
			(*into)[r.Text(key)] = readProperty(r, value)
		})
	})}
}

func readProperty(r *reader, n int) any {
	switch r.Kind(n) {
	case jsondoc.Object:
		return readTypedProperty(r, n)
	case jsondoc.Array:
		r.wrongType(n, "a string, a number, a boolean, null, or an object with a type and a value")
	default:
		return r.Value(n)
	}
	return nil
}

// readTypedProperty returns the value of {"type": "string", "value": "pro"}. A value that
// is null clears the property, whatever the type.
func readTypedProperty(r *reader, n int) any {
	var given string
	value := -1
	r.object(n, []field{
		text("type", &given),
		{name: "value", read: func(_ *reader, n int) { value = n }},
	})
	if at := r.Member(n, "type"); given != "" && !isPropertyType(given) {
		r.report(at, automation.CodeWrongType, "must be string, number or boolean")
		return nil
	}
	if value < 0 {
		r.reportMissing(n, "value")
		return nil
	}
	switch k := r.Kind(value); {
	case k == jsondoc.Object || k == jsondoc.Array:
		r.wrongType(value, "a string, a number, a boolean or null")
	case k != jsondoc.Null && given != "" && jsonvalue.TypeOf(r.Value(value)) != given:
		r.wrongType(value, jsonvalue.WithArticle(given))
	default:
		return r.Value(value)
	}
	return nil
}

func isPropertyType(name string) bool {
	return name == "string" || name == "number" || name == "boolean"
}

// typedProperty is a property in an answer.
type typedProperty struct {
	Type  string `json:"type"`
	Value any    `json:"value"`
}

// typedProperties leaves out properties that are null, which are unset.
func typedProperties(values map[string]any) map[string]typedProperty {
	typed := make(map[string]typedProperty, len(values))
	for name, value := range values {
		if value != nil {
			typed[name] = typedProperty{jsonvalue.TypeOf(value), value}
		}
	}
	return typed
}

// clearing notes in isNull whether f is null.
func clearing(f field, isNull *bool) field {
	read := f.read
	f.read = func(r *reader, n int) {
		*isNull = r.isNull(n)
		read(r, n)
	}
	return f
}

// segments is an array of ids, or of objects that have one.
func segments(name string, into *[]string) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		if !r.is(n, jsondoc.Array) {
			return
		}
		*into = make([]string, 0, r.Count(n))
		for element := range r.Elements(n) {
			if r.full() {
				return
			}
			*into = append(*into, segment(r, element))
		}
	})}
}

// segment returns the id of the segment at node n.
func segment(r *reader, n int) string {
	var id string
	switch r.Kind(n) {
	case jsondoc.String:
		id = r.Text(n)
	case jsondoc.Object:
		r.object(n, []field{required(text("id", &id))})
	default:
		r.wrongType(n, "a string or an object with an id")
	}
	return id
}
