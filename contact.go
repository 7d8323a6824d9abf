package automation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Contact is a person who receives emails.
type Contact struct {
	// ID identifies the contact, in at most 255 bytes without control characters, and is
	// not . or .., which no URL can contain. The Runner creates a UUID for a contact
	// without an id. The contacts of a ContactDirectory have the host's ids.
	ID string `json:"id"`
	// Email is the address. It is matched without regard to case.
	Email string `json:"email"`
	// FirstName and LastName are unset if empty.
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	// Unsubscribed makes runs skip their emails to the contact. All other steps
	// still execute.
	Unsubscribed bool `json:"unsubscribed"`
	// Properties are the host's own fields: strings, booleans, and numbers of type
	// json.Number or of any Go type. A nil value is the same as no value. A Value
	// is an error, because only steps have references.
	Properties map[string]any `json:"properties,omitempty"`
	// Segments are the ids of the contact's segments, each once.
	Segments  []string  `json:"segments,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// ContactRef names a contact by id or by email. Exactly one of them is set.
type ContactRef struct {
	ID    string
	Email string
}

// String returns the id, or the email if there is no id.
func (r ContactRef) String() string {
	if r.ID != "" {
		return r.ID
	}
	return r.Email
}

// ContactChange is a change to some fields of a contact. Nil fields change nothing.
type ContactChange struct {
	FirstName    *string // "" clears the name
	LastName     *string // "" clears the name
	Unsubscribed *bool
	Email        *string // only applications change it, never a step
	// Properties are the properties to set. A nil value clears its property.
	// Properties that are not in the map are unchanged.
	Properties map[string]any
	// AddSegments are the ids of the segments that the contact joins.
	// RemoveSegments are the ids of the segments that the contact leaves. Leaving a
	// segment that it is no member of is no error. The contact joins a segment that is
	// in both lists.
	AddSegments, RemoveSegments []string
}

// EmailKey returns the form in which emails are compared. Emails match without regard
// to case.
func EmailKey(email string) string { return strings.ToLower(email) }

// Clone returns a copy of c that shares nothing with it.
func (c Contact) Clone() Contact {
	c.Properties = maps.Clone(c.Properties)
	c.Segments = slices.Clone(c.Segments)
	return c
}

// Apply makes the change to c. It replaces maps and slices instead of changing them,
// because c may share them with a copy.
func (ch ContactChange) Apply(c *Contact) {
	set(&c.FirstName, ch.FirstName)
	set(&c.LastName, ch.LastName)
	set(&c.Unsubscribed, ch.Unsubscribed)
	set(&c.Email, ch.Email)
	if len(ch.Properties) > 0 {
		properties := maps.Clone(c.Properties)
		if properties == nil {
			properties = make(map[string]any, len(ch.Properties))
		}
		for name, v := range ch.Properties {
			if v == nil {
				delete(properties, name)
			} else {
				properties[name] = v
			}
		}
		c.Properties = properties
	}
	if len(ch.RemoveSegments) > 0 {
		c.Segments = without(c.Segments, ch.RemoveSegments)
	}
	for _, id := range ch.AddSegments {
		if !slices.Contains(c.Segments, id) {
			c.Segments = append(slices.Clip(c.Segments), id)
		}
	}
}

// merge adds a later change to ch.
func (ch *ContactChange) merge(later ContactChange) {
	override(&ch.FirstName, later.FirstName)
	override(&ch.LastName, later.LastName)
	override(&ch.Unsubscribed, later.Unsubscribed)
	override(&ch.Email, later.Email)
	if ch.Properties == nil {
		ch.Properties = maps.Clone(later.Properties)
	} else {
		maps.Copy(ch.Properties, later.Properties)
	}
	if len(later.RemoveSegments) > 0 {
		ch.AddSegments = without(ch.AddSegments, later.RemoveSegments)
		ch.RemoveSegments = append(ch.RemoveSegments, later.RemoveSegments...)
	}
	ch.AddSegments = append(ch.AddSegments, later.AddSegments...)
}

// without returns a new slice of the ids that are not in drop.
func without(ids, drop []string) []string {
	var kept []string
	for _, id := range ids {
		if !slices.Contains(drop, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

func set[T any](field *T, v *T) {
	if v != nil {
		*field = *v
	}
}

func override[T any](field **T, v *T) {
	if v != nil {
		*field = v
	}
}

// Segment gives a name to a group of contacts. The members of the group are the
// contacts with its id in Contact.Segments. A contact may have the id of a segment
// that was never created.
type Segment struct {
	// ID identifies the segment, in at most 255 bytes without control characters, and is
	// not . or .., which no URL can contain. The Runner creates an id if it is empty.
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

func segmentProblems(s Segment) Problems {
	var check contactValidator
	check.id("id", s.ID)
	if s.Name == "" {
		check.add(CodeMissingField, "name", "is missing: give the segment a name")
	}
	check.add(CodeInvalidContact, "name", textFlaw(s.Name))
	return check.problems
}

// contactProblems returns the problems in the fields of a new contact.
func contactProblems(c Contact) Problems {
	var check contactValidator
	check.id("id", c.ID)
	check.email(c.Email)
	check.name("first_name", c.FirstName)
	check.name("last_name", c.LastName)
	check.properties(c.Properties)
	check.segments("segments", c.Segments)
	return check.problems
}

// changeProblems returns the problems in the fields that a change sets.
func changeProblems(ch ContactChange) Problems {
	var check contactValidator
	if ch.Email != nil {
		check.email(*ch.Email)
	}
	if ch.FirstName != nil {
		check.name("first_name", *ch.FirstName)
	}
	if ch.LastName != nil {
		check.name("last_name", *ch.LastName)
	}
	check.properties(ch.Properties)
	check.segments("add_segments", ch.AddSegments)
	check.segments("remove_segments", ch.RemoveSegments)
	return check.problems
}

// contactValidator collects the problems in the fields of a contact.
type contactValidator struct{ problems Problems }

// add adds a problem, unless flaw is empty.
func (c *contactValidator) add(code Code, path, flaw string) {
	if flaw != "" {
		c.problems.Add(code, path, "%s", flaw)
	}
}

func (c *contactValidator) id(path, id string) { c.add(CodeInvalidContact, path, resourceFlaw(id)) }

func (c *contactValidator) email(email string) { c.add(CodeInvalidEmail, "email", emailFlaw(email)) }

// name refuses line breaks, because headers contain names before addresses.
func (c *contactValidator) name(path, name string) {
	if strings.ContainsAny(name, "\r\n") {
		c.add(CodeUnsafeHeader, path, "must not contain line breaks")
		return
	}
	c.add(CodeInvalidContact, path, textFlaw(name))
}

func (c *contactValidator) properties(properties map[string]any) {
	for _, name := range sortedKeys(properties) {
		c.add(CodeInvalidContact, jsondoc.PathTo("properties", name), propertyFlaw(properties[name]))
	}
}

func (c *contactValidator) segments(path string, ids []string) {
	for i, id := range ids {
		at := fmt.Sprintf("%s[%d]", path, i)
		if id == "" {
			c.add(CodeInvalidContact, at, "must not be empty")
			continue
		}
		c.id(at, id)
	}
}

// propertyFlaw returns the flaw of the value of a property, or "". It refuses a
// Value, although ValueOf accepts one: only steps resolve references.
func propertyFlaw(property any) string {
	v := ValueOf(property)
	if _, ok := property.(Value); ok {
		v = Value{kind: valueInvalid, text: "an automation.Value"}
	}
	if v.kind == valueInvalid {
		return fmt.Sprintf("a property cannot be %s: use a string, a finite number, a boolean or nil", v.text)
	}
	if err := v.err(); err != nil {
		return err.Error()
	}
	return ""
}

// distinct returns ids without repetitions, in the same order.
func distinct(ids []string) []string {
	var once []string
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			once = append(once, id)
		}
		seen[id] = true
	}
	return once
}
