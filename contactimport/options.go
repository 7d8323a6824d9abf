package contactimport

import (
	"maps"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/options"
)

// Options tune an import. The zero value works.
type Options struct {
	// Columns are the columns that are imported.
	Columns Columns
	// OnConflict decides what happens to a contact that exists: Update by default.
	OnConflict Conflict
	// Segments are the ids of segments that each contact of the file joins, except for a
	// contact that is skipped.
	Segments []string
	// DefineProperties creates a definition for each property of type string or number in
	// Columns that has none. Its key must be valid as ContactProperty.Key.
	DefineProperties bool
	// Separator separates cells: ',', ';' or '\t'. Zero means the one that occurs most
	// often in the first line.
	Separator byte
	// MaxLine is how many bytes a line may have, with the line breaks in its cells:
	// 64 KiB by default.
	MaxLine int
	// MaxErrors is how many errors Report lists: 100 by default.
	MaxErrors int
	// Concurrency is how many contacts are written at a time: 16 by default.
	Concurrency int
	// Progress, if set, is called after every few hundred lines, by the goroutine of Run.
	Progress func(Counts)
}

// Columns name the columns of a file, with case. An empty name is a column that is not
// imported, except for Email. If all fields are zero, the columns email, first_name and
// last_name are imported, as far as the file has them. The file must have all columns that
// Columns name.
type Columns struct {
	Email        string // empty: email
	FirstName    string
	LastName     string
	Unsubscribed string
	// Properties are the properties by their names in Contact.Properties.
	Properties map[string]Property
}

// Property is a column with the values of a property.
type Property struct {
	Column string
	Type   Type // TypeString by default
}

// Type is the type of the values of a property.
type Type string

// The types of properties.
const (
	TypeString  Type = "string"
	TypeNumber  Type = "number"
	TypeBoolean Type = "boolean"
)

// Conflict decides what happens to a contact that exists.
type Conflict string

const (
	// Update changes what the line has a text for, and leaves the rest of the contact.
	Update Conflict = "upsert"
	// Skip leaves the contact as it is.
	Skip Conflict = "skip"
)

// withDefaults returns o with its zero fields filled in. The error is an
// *automation.ValidationError with all invalid fields.
func (o Options) withDefaults() (Options, error) {
	var problems automation.Problems
	c := options.New(&problems, automation.CodeInvalidOption)
	if o.OnConflict == "" {
		o.OnConflict = Update
	}
	if o.OnConflict != Update && o.OnConflict != Skip {
		c.Add("on_conflict", "must be %s or %s", Update, Skip)
	}
	if !slices.Contains([]byte{0, ',', ';', '\t'}, o.Separator) {
		c.Add("separator", "must be a comma, a semicolon or a tab")
	}
	c.Count("max_line", &o.MaxLine, 64<<10)
	c.Count("max_errors", &o.MaxErrors, 100)
	c.Count("concurrency", &o.Concurrency, 16)
	o.Columns.Properties = maps.Clone(o.Columns.Properties)
	for _, name := range slices.Sorted(maps.Keys(o.Columns.Properties)) {
		p := o.Columns.Properties[name]
		at := jsondoc.PathTo("columns.properties", name)
		if p.Column == "" {
			c.Add(at+".column", "is missing: name a column of the file")
		}
		switch p.Type {
		case TypeString, TypeNumber, TypeBoolean:
		case "":
			p.Type = TypeString
		default:
			c.Add(at+".type", "must be string, number or boolean")
		}
		o.Columns.Properties[name] = p
	}
	return o, problems.Err("import")
}

// isZero reports whether the columns were left to the file.
func (c Columns) isZero() bool {
	return c.Email == "" && c.FirstName == "" && c.LastName == "" && c.Unsubscribed == "" && len(c.Properties) == 0
}
