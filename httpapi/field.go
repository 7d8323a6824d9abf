package httpapi

import (
	"encoding/json"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// field is a member that a JSON object may have.
type field struct {
	name     string
	required bool // and not null
	hidden   bool // left out of the list of fields in error messages
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

// rawObject is an object that is passed on as it is written. null means no value. A value
// that is no object is passed on too, for the Runner to refuse.
func rawObject(name string, into *json.RawMessage) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		r.emptyObject(n)
		*into = r.Raw(n)
	})}
}

// unsupported is a field of Resend's that this API does not have. Clients write null or
// an empty list for an unset field. The error message ends in advice.
func unsupported(name, advice string) field {
	return field{name: name, hidden: true, read: unlessNull(func(r *reader, n int) {
		if r.Kind(n) != jsondoc.Array || r.Count(n) > 0 {
			r.report(n, automation.CodeUnknownField, "is not supported: %s", advice)
		}
	})}
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

// changeable is a value of a change that cannot be cleared: null changes nothing.
func changeable[T any](name string, read func(r *reader, n int, into *T), into **T) field {
	return field{name: name, read: unlessNull(func(r *reader, n int) {
		*into = new(T)
		read(r, n, *into)
	})}
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

// hidden leaves f out of the list of fields in error messages.
func hidden(f field) field {
	f.hidden = true
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
