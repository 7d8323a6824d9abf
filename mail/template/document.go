package template

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Parse reads a template in the JSON of Resend's create-template call, with a status
// besides. Null is the same as an absent field, and reply_to may be an array of
// addresses. Parse is strict: the error is a *automation.ValidationError that lists
// every field that is unknown, repeated or of the wrong type, with its path. Create
// validates the values of the fields.
func Parse(data []byte) (Template, error) {
	t, problems := parse(data)
	return t, problems.Err("template")
}

func parse(data []byte) (Template, automation.Problems) {
	var d document
	doc, err := jsondoc.Scan(data)
	if err != nil {
		d.add(automation.CodeSyntax, "", "%v", err)
		return Template{}, d.problems
	}
	d.Doc = doc
	for _, key := range doc.Repeated {
		d.report(key, automation.CodeDuplicateKey, "the object has this key more than once; keep one")
	}
	var t Template
	d.fields(0, map[string]func(n int){
		"name":      d.string(&t.Name),
		"alias":     d.string(&t.Alias),
		"from":      d.string(&t.From),
		"subject":   d.string(&t.Subject),
		"html":      d.string(&t.HTML),
		"text":      d.string(&t.Text),
		"status":    d.string((*string)(&t.Status)),
		"reply_to":  func(n int) { t.ReplyTo = d.addresses(n) },
		"variables": func(n int) { t.Variables = d.variables(n) },
	})
	return t, d.problems
}

// document reads the JSON of a template and collects its problems. A value is named by
// its node; node 0 is the whole document.
type document struct {
	check
	*jsondoc.Doc
}

// report adds a problem of node n. A document can have very many problems, and a path
// takes time to find: report adds one more than messages list, and passes over the rest.
func (d *document) report(n int, code automation.Code, format string, args ...any) {
	if len(d.problems) <= jsondoc.MaxViolations {
		d.add(code, d.Path(n), format, args...)
	}
}

// fields reads the members of object n with the functions in known, in the alphabetical
// order of their names.
func (d *document) fields(n int, known map[string]func(n int)) {
	if d.Kind(n) != jsondoc.Object {
		d.report(n, automation.CodeWrongType, "must be an object")
		return
	}
	for _, m := range d.sorted(n) {
		set, ok := known[m.name]
		if !ok {
			d.report(m.key, automation.CodeUnknownField, "is not a field here: there are %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		} else if d.Kind(m.value) != jsondoc.Null {
			set(m.value)
		}
	}
}

// member is a member of an object, with the nodes of its key and its value.
type member struct {
	name       string
	key, value int
}

// sorted returns the members of object n by name, and the last one of a repeated name.
func (d *document) sorted(n int) []member {
	var members []member
	for key, value := range d.Members(n) {
		members = append(members, member{d.Text(key), key, value})
	}
	slices.SortFunc(members, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.name, b.name), b.key-a.key)
	})
	return slices.CompactFunc(members, func(a, b member) bool { return a.name == b.name })
}

// string returns a function that sets a field to a string.
func (d *document) string(to *string) func(n int) {
	return func(n int) {
		if d.Kind(n) != jsondoc.String {
			d.report(n, automation.CodeWrongType, "must be a string")
			return
		}
		*to = d.Text(n)
	}
}

// addresses reads one string, or an array of strings.
func (d *document) addresses(n int) string {
	nodes := []int{n}
	if d.Kind(n) == jsondoc.Array {
		nodes = slices.Collect(d.Elements(n))
	}
	var list []string
	for _, item := range nodes {
		if d.Kind(item) != jsondoc.String {
			d.report(n, automation.CodeWrongType, "must be a string or an array of strings")
			return ""
		}
		list = append(list, d.Text(item))
	}
	return strings.Join(list, ", ")
}

func (d *document) variables(n int) []Variable {
	if d.Kind(n) != jsondoc.Array {
		d.report(n, automation.CodeWrongType, "must be an array")
		return nil
	}
	list := make([]Variable, d.Count(n))
	i := 0
	for item := range d.Elements(n) {
		v := &list[i]
		d.fields(item, map[string]func(n int){
			"key":            d.string(&v.Key),
			"type":           d.string((*string)(&v.Type)),
			"fallback_value": func(n int) { v.FallbackValue = d.Value(n) },
		})
		i++
	}
	return list
}
