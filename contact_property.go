package automation

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/internal/jsonvalue"
)

// ContactProperty defines a property of contacts: which type its values have, and what
// an email contains for a contact without a value.
//
// A property needs no definition. Once it has one, Runner.CreateContact and
// Runner.UpdateContact refuse values of another type. A definition does not change the
// values that contacts have already, and does not bind contact_update steps, whose runs
// must not fail because of it.
type ContactProperty struct {
	// ID identifies the definition. The Runner creates it.
	ID string `json:"id"`
	// Key is the name of the property in Contact.Properties: 1 to 50 letters of ASCII,
	// digits and underscores. Case matters. FIRST_NAME, LAST_NAME, EMAIL and
	// UNSUBSCRIBE_URL are reserved. Key and Type do not change.
	Key  string       `json:"key"`
	Type PropertyType `json:"type"`
	// Fallback stands for the value in emails to contacts that have none: in template
	// variables that refer to contact.properties.<key>, and in templates themselves. It is
	// nil if there is none, and otherwise of Type: a string, or a json.Number or any
	// number of Go. Conditions and other steps read the contact as it is.
	Fallback  any       `json:"fallback_value"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// PropertyType is the type of the values of a property.
type PropertyType string

// The types of properties.
const (
	PropertyString PropertyType = "string"
	PropertyNumber PropertyType = "number"
)

// maxPropertyKey is how many characters the key of a ContactProperty may have.
const maxPropertyKey = 50

var (
	propertyKey          = regexp.MustCompile(`^[A-Za-z0-9_]+$`)
	reservedPropertyKeys = []string{"FIRST_NAME", "LAST_NAME", "EMAIL", "UNSUBSCRIBE_URL"}
)

// contactPropertyProblems returns the problems of a new definition.
func contactPropertyProblems(p ContactProperty) Problems {
	var check contactValidator
	switch {
	case p.Key == "":
		check.add(CodeMissingField, "key", "is missing: give the property a key")
	case len(p.Key) > maxPropertyKey || !propertyKey.MatchString(p.Key):
		check.add(CodeInvalidContact, "key", fmt.Sprintf("must be 1 to %d letters (a-z, A-Z), digits and underscores", maxPropertyKey))
	case slices.Contains(reservedPropertyKeys, p.Key):
		check.add(CodeInvalidContact, "key", "is reserved for a variable of templates: choose another key")
	}
	switch p.Type {
	case PropertyString, PropertyNumber:
		check.add(CodeInvalidContact, "fallback_value", propertyFlaw(p.Fallback))
		check.add(CodeWrongType, "fallback_value", p.mismatch(p.Fallback))
	case "":
		check.add(CodeMissingField, "type", "is missing: use string or number")
	default:
		check.add(CodeInvalidContact, "type", "must be string or number")
	}
	return check.problems
}

// mismatch returns why a value is not of the property's type, or "". Nil is no value, and
// never wrong. What no property can have is for propertyFlaw.
func (p ContactProperty) mismatch(value any) string {
	got := jsonvalue.TypeOf(value)
	if value == nil || got == string(p.Type) || propertyFlaw(value) != "" {
		return ""
	}
	return fmt.Sprintf("must be %s, the type of this property, not %s", jsonvalue.WithArticle(string(p.Type)), jsonvalue.WithArticle(got))
}

// contactProperties are definitions by their keys.
type contactProperties map[string]ContactProperty

// problems returns the problems of values that are not of the type of their property.
func (defined contactProperties) problems(values map[string]any) Problems {
	var check contactValidator
	for _, name := range sortedKeys(values) {
		if p, ok := defined[name]; ok {
			check.add(CodeWrongType, jsondoc.PathTo("properties", name), p.mismatch(values[name]))
		}
	}
	return check.problems
}

// complete returns c with the fallbacks of the properties that it lacks. The result
// shares nothing that may change with c.
func (defined contactProperties) complete(c *Contact) *Contact {
	var full *Contact
	for key, p := range defined {
		if p.Fallback == nil || c.Properties[key] != nil {
			continue
		}
		if full == nil {
			clone := c.Clone()
			full = &clone
		}
		if full.Properties == nil {
			full.Properties = map[string]any{}
		}
		full.Properties[key] = p.Fallback
	}
	if full == nil {
		return c
	}
	return full
}
