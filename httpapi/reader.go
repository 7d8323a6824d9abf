package httpapi

import (
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// reader reads the JSON of one body and collects its problems. A value is named by its
// node in the document; node 0 is the whole body.
type reader struct {
	*jsondoc.Doc
	problems automation.Problems
}

// report adds a problem of node n.
func (r *reader) report(n int, code automation.Code, format string, args ...any) {
	if !r.full() {
		r.problems.Add(code, r.Path(n), format, args...)
	}
}

// full reports whether there are more problems than a message lists. To look for more
// would cost time and change nothing.
func (r *reader) full() bool { return len(r.problems) > maxProblems }

// is reports whether node n is of the kind that is wanted, and adds a problem if not.
func (r *reader) is(n int, want jsondoc.Kind) bool {
	if r.Kind(n) == want {
		return true
	}
	r.wrongType(n, want.String())
	return false
}

func (r *reader) wrongType(n int, want string) {
	r.report(n, automation.CodeWrongType, "must be %s, not %s", want, r.Kind(n))
}

// object reads node n, an object of these fields.
func (r *reader) object(n int, fields []field) {
	given := map[string]int{}
	r.members(n, func(key, value int) {
		name := r.Text(key)
		f := find(fields, name)
		if f == nil {
			r.report(key, automation.CodeUnknownField, "%s", unknown(fields))
			return
		}
		given[name] = value
		f.read(r, value)
	})
	if r.Kind(n) != jsondoc.Object && !r.isEmptyArray(n) {
		return
	}
	for _, f := range fields {
		value, ok := given[f.name]
		if f.required && (!ok || r.isNull(value)) {
			r.reportMissing(n, f.name)
		}
	}
}

// reportMissing adds a problem: object n lacks a member.
func (r *reader) reportMissing(n int, member string) {
	if !r.full() {
		r.problems.Add(automation.CodeMissingField, jsondoc.PathTo(r.Path(n), member), "is required")
	}
}

// members calls read for each member of object n. It reports a repeated key, and does
// not read the value of one. An empty array has no members: PHP cannot tell an empty
// object from an empty list, and encodes both as [].
func (r *reader) members(n int, read func(key, value int)) {
	if r.isEmptyArray(n) || !r.is(n, jsondoc.Object) {
		return
	}
	for key, value := range r.Members(n) {
		switch {
		case r.full():
			return
		case r.IsRepeated(key):
			r.report(key, automation.CodeDuplicateKey, "the object has this key more than once; keep one")
		default:
			read(key, value)
		}
	}
}

func (r *reader) isEmptyArray(n int) bool { return r.Kind(n) == jsondoc.Array && r.Count(n) == 0 }

// child returns the node of a member of node n, or -1 if there is none. n may be -1.
func (r *reader) child(n int, name string) int {
	if n < 0 || r.Kind(n) != jsondoc.Object {
		return -1
	}
	return r.Member(n, name)
}

// emptyObject turns an empty array at node n into an empty object, in the text of the
// body. The length of the text does not change.
func (r *reader) emptyObject(n int) {
	if n >= 0 && r.isEmptyArray(n) {
		text := r.Raw(n)
		text[0], text[len(text)-1] = '{', '}'
	}
}

func (r *reader) isNull(n int) bool { return r.Kind(n) == jsondoc.Null }

func find(fields []field, name string) *field {
	for i := range fields {
		if fields[i].name == name {
			return &fields[i]
		}
	}
	return nil
}

func unknown(fields []field) string {
	var names []string
	for _, f := range fields {
		if !f.hidden {
			names = append(names, f.name)
		}
	}
	if len(names) == 0 {
		return "there is no such field: this call takes none"
	}
	return "there is no such field: the fields here are " + strings.Join(names, ", ")
}
