package httpapi

import (
	"encoding/json"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// field is a member that a JSON object may have.
type field struct {
	name     string
	required bool // and not null
	// read stores the value of node n, and reports the problems of the value.
	read func(r *reader, n int)
}

// text is a string. null means no value.
func text(name string, into *string) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) { readText(r, n, into) })}
}

// flag is a boolean. null means no value.
func flag(name string, into *bool) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) { readFlag(r, n, into) })}
}

// raw is a value that is passed on as it is written. null means no value.
func raw(name string, into *json.RawMessage) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) { *into = r.Raw(n) })}
}

// clearable is a string of a change: null clears the string.
func clearable(name string, into **string) field {
	return field{name: name, read: func(r *reader, n int) {
		*into = new(string)
		if !r.isNull(n) {
			readText(r, n, *into)
		}
	}}
}

// changeable is a value of a change that cannot be cleared.
func changeable[T any](name string, read func(r *reader, n int, into *T), into **T) field {
	return field{name: name, read: func(r *reader, n int) {
		*into = new(T)
		read(r, n, *into)
	}}
}

// noting sets given where f is given, null included.
func noting(f field, given *bool) field {
	read := f.read
	f.read = func(r *reader, n int) {
		*given = true
		read(r, n)
	}
	return f
}

// required is a field without which a request makes no sense.
func required(f field) field {
	f.required = true
	return f
}

func readText(r *reader, n int, into *string) {
	if r.is(n, jsondoc.String) {
		*into = r.Text(n)
	}
}

func readFlag(r *reader, n int, into *bool) {
	if r.is(n, jsondoc.Bool) {
		*into = r.Literal(n) == "true"
	}
}

// unlessNull returns a read that leaves its target as it is for null.
func unlessNull(read func(r *reader, n int)) func(r *reader, n int) {
	return func(r *reader, n int) {
		if !r.isNull(n) {
			read(r, n)
		}
	}
}
