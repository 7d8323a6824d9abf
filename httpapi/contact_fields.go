package httpapi

import (
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// properties is an object of strings, numbers, booleans and nulls. Numbers keep
// their digits.
func properties(name string, into *map[string]any) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		*into = map[string]any{}
		r.members(n, func(key, value int) {
			if k := r.Kind(value); k == jsondoc.Object || k == jsondoc.Array {
				r.wrongType(value, "a string, a number, a boolean or null")
				return
			}
			(*into)[r.Text(key)] = r.Value(value)
		})
	})}
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
