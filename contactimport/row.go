package contactimport

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// row is a line of the file. Its contact has what the line has a text for.
type row struct {
	line         int
	contact      automation.Contact
	unsubscribed *bool
	err          error // nil if the line could be read
}

// read returns the row of a line.
func (l *layout) read(line int, cells []string) row {
	r := row{line: line}
	var problems automation.Problems
	if len(cells) > l.width {
		problems.Add(automation.CodeSyntax, "", "the line has %d cells, and the first line has %d: is a separator inside of a cell, without quotes?", len(cells), l.width)
		r.err = problems.Err("line")
		return r
	}
	r.contact.Email = at(cells, l.email)
	r.contact.FirstName = at(cells, l.firstName)
	r.contact.LastName = at(cells, l.lastName)
	switch email := r.contact.Email; {
	case email == "":
		problems.Add(automation.CodeMissingField, "email", "is missing")
	case !utf8.ValidString(email) || strings.ContainsRune(email, 0): // a database would refuse to look for it
		problems.Add(automation.CodeInvalidEmail, "email", "%s is not an email address; write name@example.com", jsondoc.Quote(email))
	}
	if text := at(cells, l.subscribed); text != "" {
		yes, flaw := boolean(text)
		if flaw != "" {
			problems.Add(automation.CodeWrongType, "unsubscribed", "%s", flaw)
		}
		r.unsubscribed, r.contact.Unsubscribed = &yes, yes
	}
	r.contact.Properties = l.readProperties(cells, &problems)
	r.err = problems.Err("line")
	return r
}

func (l *layout) readProperties(cells []string, problems *automation.Problems) map[string]any {
	var properties map[string]any
	for _, p := range l.properties {
		text := at(cells, p.index)
		if text == "" {
			continue
		}
		value, flaw := p.kind.parse(text)
		if flaw != "" {
			problems.Add(automation.CodeWrongType, jsondoc.PathTo("properties", p.name), "%s", flaw)
		}
		if properties == nil {
			properties = make(map[string]any, len(l.properties))
		}
		properties[p.name] = value
	}
	return properties
}

// at returns the text of a cell, "" if the line has no such cell.
func at(cells []string, index int) string {
	if index < 0 || index >= len(cells) {
		return ""
	}
	return cells[index]
}

// parse returns the value of a cell, or what is wrong with the cell.
func (t Type) parse(text string) (value any, flaw string) {
	switch t {
	case TypeNumber:
		if _, ok := jsonvalue.ParseNumber(text); !ok {
			return nil, jsondoc.Quote(text) + " is not a number: write digits, and a point before decimals"
		}
		return json.Number(text), ""
	case TypeBoolean:
		return boolean(text)
	default:
		return text, ""
	}
}

func boolean(text string) (yes bool, flaw string) {
	switch strings.ToLower(text) {
	case "true", "yes", "1":
		return true, ""
	case "false", "no", "0":
		return false, ""
	default:
		return false, jsondoc.Quote(text) + " is neither true nor false"
	}
}

// change returns the change to a contact that exists.
func (r *row) change() automation.ContactChange {
	ch := automation.ContactChange{Unsubscribed: r.unsubscribed, Properties: r.contact.Properties, AddSegments: r.contact.Segments}
	if r.contact.FirstName != "" {
		ch.FirstName = &r.contact.FirstName
	}
	if r.contact.LastName != "" {
		ch.LastName = &r.contact.LastName
	}
	return ch
}
