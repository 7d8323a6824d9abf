package contactimport

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// layout is where the cells of a line belong. An index of -1 is a column that is not
// imported.
type layout struct {
	width                                  int // of the first line
	email, firstName, lastName, subscribed int
	properties                             []propertyCell
}

// propertyCell is a cell with the value of a property.
type propertyCell struct {
	name  string
	index int
	kind  Type
}

// finder finds columns by their names, and collects what is wrong.
type finder struct {
	header   []string
	used     []bool
	problems automation.Problems
}

// newLayout finds the columns in the first line of a file. It also returns the names of
// the columns that are not imported. The error is an *automation.ValidationError that lists
// all columns that are missing.
func newLayout(header []string, c Columns) (l layout, ignored []string, err error) {
	f := finder{header: header, used: make([]bool, len(header))}
	optional := c.isZero()
	if c.Email == "" {
		c.Email = "email"
	}
	l = layout{width: len(header), email: f.column("columns.email", c.Email), firstName: -1, lastName: -1, subscribed: -1}
	if optional {
		l.firstName, l.lastName = f.lookUp("first_name"), f.lookUp("last_name")
	} else {
		l.firstName = f.named("columns.first_name", c.FirstName)
		l.lastName = f.named("columns.last_name", c.LastName)
		l.subscribed = f.named("columns.unsubscribed", c.Unsubscribed)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
		p := c.Properties[name]
		at := jsondoc.PathTo("columns.properties", name) + ".column"
		l.properties = append(l.properties, propertyCell{name, f.named(at, p.Column), p.Type})
	}
	for i, name := range header {
		if !f.used[i] {
			ignored = append(ignored, name)
		}
	}
	return l, ignored, f.problems.Err("import")
}

// named returns the index of a column, or -1 for a column without a name.
func (f *finder) named(path, name string) int {
	if name == "" {
		return -1
	}
	return f.column(path, name)
}

// column returns the index of a column that the file must have once.
func (f *finder) column(path, name string) int {
	at := f.lookUp(name)
	switch {
	case at < 0:
		f.problems.Add(automation.CodeInvalidOption, path, "the file has no column %s: its columns are %s", jsondoc.Quote(name), f.names())
	case slices.Contains(f.header[at+1:], f.header[at]):
		f.problems.Add(automation.CodeInvalidOption, path, "the file has more than one column %s", jsondoc.Quote(name))
	}
	return at
}

// lookUp returns the index of a column, or -1.
func (f *finder) lookUp(name string) int {
	at := slices.Index(f.header, strings.TrimSpace(name))
	if at >= 0 {
		f.used[at] = true
	}
	return at
}

// names lists the columns of the file for a message.
func (f *finder) names() string {
	const most = 20
	var quoted []string
	for _, name := range f.header[:min(len(f.header), most)] {
		quoted = append(quoted, jsondoc.Quote(name))
	}
	if n := len(f.header) - most; n > 0 {
		quoted = append(quoted, fmt.Sprintf("%d more", n))
	}
	return strings.Join(quoted, ", ")
}
