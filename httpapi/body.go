package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
)

// readBody returns the whole body of a request.
func readBody(r *http.Request) ([]byte, error) {
	data, err := io.ReadAll(r.Body)
	var tooLong *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLong) {
		err = &failure{http.StatusBadRequest, nameInvalid, "the body of the request ended too early"}
	}
	return data, err
}

// field is a member that a JSON object may have.
type field struct {
	name     string
	required bool // and not null
	// read stores the value. It returns what is wrong with it: paths begin below
	// the value, and "" is the value itself.
	read func(value json.RawMessage) automation.Problems
}

// readFields reads the body of a request, a JSON object of these fields. All
// that is wrong with it is reported at once.
func readFields(r *http.Request, fields ...field) error {
	data, err := readBody(r)
	if err != nil {
		return err
	}
	return decode(data, fields)
}

// readOptionalFields is readFields for a call that needs no body. Clients name
// its type all the same.
func readOptionalFields(r *http.Request, fields ...field) error {
	data, err := readBody(r)
	if err != nil {
		return err
	}
	if body := string(bytes.TrimSpace(data)); body == "" || body == "null" {
		return nil
	}
	return decode(data, fields)
}

func decode(data []byte, fields []field) error {
	if err := checkSyntax(data); err != nil {
		return err
	}
	return readObject(data, fields).Err("request")
}

// checkSyntax fails unless data is one JSON value and nothing else.
func checkSyntax(data []byte) error {
	var flaw string
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(data, new(json.RawMessage)); {
	case len(bytes.TrimSpace(data)) == 0:
		flaw = "it is empty"
	case !utf8.Valid(data):
		flaw = "it is not valid UTF-8"
	case errors.As(err, &syntax):
		flaw = fmt.Sprintf("byte %d: %v", syntax.Offset, syntax)
	default:
		return nil
	}
	return automation.Problems{problem(automation.CodeSyntax, "", flaw)}.Err("request")
}

// readObject reads an object of these fields.
func readObject(data []byte, fields []field) automation.Problems {
	given := map[string]json.RawMessage{}
	problems := members(data, func(name string, value json.RawMessage) automation.Problems {
		f := find(fields, name)
		if f == nil {
			return automation.Problems{problem(automation.CodeUnknownField, "", unknown(fields))}
		}
		given[name] = value
		return f.read(value)
	})
	if kindOf(data) != anObject {
		return problems
	}
	for _, f := range fields {
		if f.required && (given[f.name] == nil || isNull(given[f.name])) {
			problems = append(problems, problem(automation.CodeMissingField, f.name, "is required"))
		}
	}
	return problems
}

func find(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

func unknown(fields []field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	if len(names) == 0 {
		return "there is no such field: this call takes none"
	}
	return "there is no such field: the fields here are " + strings.Join(names, ", ")
}

// members calls read for each member of the object that data holds, and returns
// the problems with their paths. A name that comes twice is one. Where there are more
// than a message tells, it looks no further.
func members(data []byte, read func(name string, value json.RawMessage) automation.Problems) automation.Problems {
	if kindOf(data) != anObject {
		return wrongType(anObject, data)
	}
	var problems automation.Problems
	seen := map[string]bool{}
	d := json.NewDecoder(bytes.NewReader(data))
	_, _ = d.Token() // the opening brace: the syntax was checked
	for d.More() && len(problems) <= maxProblems {
		key, _ := d.Token()
		var value json.RawMessage
		_ = d.Decode(&value)
		name := key.(string)
		if seen[name] {
			problems = append(problems, problem(automation.CodeDuplicateKey, name, "the object has this key more than once; keep one"))
			continue
		}
		seen[name] = true
		for _, p := range read(name, value) {
			p.Path = below(name, p.Path)
			problems = append(problems, p)
		}
	}
	return problems
}

// below returns the path of a member of what is at base, or of base itself.
func below(base, member string) string {
	if member == "" || member[0] == '[' {
		return base + member
	}
	return base + "." + member
}

// text is a string. null is no value.
func text(name string, into *string) field {
	return field{name: name, read: func(value json.RawMessage) automation.Problems {
		return scalar(aString, value, into)
	}}
}

// clearable is a string of a change: null clears it.
func clearable(name string, into **string) field {
	return field{name: name, read: func(value json.RawMessage) automation.Problems {
		*into = new(string)
		return scalar(aString, value, *into)
	}}
}

// changeable is a value of a change that cannot be cleared.
func changeable[T any](name string, want kind, into **T) field {
	return field{name: name, read: func(value json.RawMessage) automation.Problems {
		*into = new(T)
		if isNull(value) {
			return wrongType(want, value)
		}
		return scalar(want, value, *into)
	}}
}

// flag is a boolean. null is no value.
func flag(name string, into *bool) field {
	return field{name: name, read: func(value json.RawMessage) automation.Problems {
		return scalar(aBoolean, value, into)
	}}
}

// raw is a value that is passed on as it is written. null is no value.
func raw(name string, into *json.RawMessage) field {
	return field{name: name, read: func(value json.RawMessage) automation.Problems {
		if !isNull(value) {
			*into = value
		}
		return nil
	}}
}

// required is a field without which a request makes no sense.
func required(f field) field {
	f.required = true
	return f
}

// scalar reads a value of the kind that is wanted. null leaves it as it is.
func scalar(want kind, value json.RawMessage, into any) automation.Problems {
	if isNull(value) {
		return nil
	}
	if kindOf(value) != want || json.Unmarshal(value, into) != nil {
		return wrongType(want, value)
	}
	return nil
}

func wrongType(want kind, value json.RawMessage) automation.Problems {
	return automation.Problems{problem(automation.CodeWrongType, "", fmt.Sprintf("must be %s, not %s", want, kindOf(value)))}
}

func isNull(value json.RawMessage) bool { return kindOf(value) == null }

// kind is the kind of a JSON value, in words.
type kind string

const (
	null     kind = "null"
	aBoolean kind = "a boolean"
	aNumber  kind = "a number"
	aString  kind = "a string"
	anArray  kind = "an array"
	anObject kind = "an object"
)

// kindOf returns the kind of a JSON value.
func kindOf(value []byte) kind {
	switch bytes.TrimLeft(value, " \t\r\n")[0] {
	case '{':
		return anObject
	case '[':
		return anArray
	case '"':
		return aString
	case 't', 'f':
		return aBoolean
	case 'n':
		return null
	default:
		return aNumber
	}
}
