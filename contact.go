package automation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Contact is a person who gets emails.
type Contact struct {
	// ID identifies the contact. The built-in contact store makes UUIDs; a host
	// that keeps contacts in its own tables uses whatever it has, in at most 255
	// bytes without control characters.
	ID string `json:"id"`
	// Email is the address, matched without regard to case.
	Email string `json:"email"`
	// FirstName and LastName are unset when empty.
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	// Unsubscribed contacts get no email; every other step still executes.
	Unsubscribed bool `json:"unsubscribed"`
	// Properties are the host's own fields: strings, numbers (json.Number, or
	// any Go number), booleans. A nil value is the same as no value. A Value is
	// refused: only steps take references.
	Properties map[string]any `json:"properties,omitempty"`
	// Segments are the ids of the segments the contact belongs to, each once.
	Segments  []string  `json:"segments,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// ContactRef names a contact by id or by email: exactly one is set.
type ContactRef struct {
	ID    string
	Email string
}

// String returns the id or the email.
func (r ContactRef) String() string {
	if r.ID != "" {
		return r.ID
	}
	return r.Email
}

// ContactChange is a change to some fields of a contact. Nil fields stay as
// they are.
type ContactChange struct {
	FirstName    *string // "" clears
	LastName     *string // "" clears
	Unsubscribed *bool
	Email        *string // set by applications only, never by a step
	// Properties are set one by one; a nil value clears the property.
	Properties map[string]any
	// AddSegments are ids of segments the contact joins, RemoveSegments those that
	// it leaves, which applications ask for only, never a step. One that is in both
	// it is in afterwards.
	AddSegments, RemoveSegments []string
}

// EmailKey returns the form of an email in which two are compared: emails
// match without regard to case.
func EmailKey(email string) string { return strings.ToLower(email) }

// Clone returns a copy of c that shares nothing with it.
func (c Contact) Clone() Contact {
	c.Properties = maps.Clone(c.Properties)
	c.Segments = slices.Clone(c.Segments)
	return c
}

// Apply makes the change to c. It does not touch maps and slices that c shares
// with a copy.
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

// merge adds a later change to an earlier one.
func (ch *ContactChange) merge(later ContactChange) {
	keep(&ch.FirstName, later.FirstName)
	keep(&ch.LastName, later.LastName)
	keep(&ch.Unsubscribed, later.Unsubscribed)
	keep(&ch.Email, later.Email)
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

// without returns a new slice of the ids that are not to be dropped.
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

func keep[T any](field **T, v *T) {
	if v != nil {
		*field = v
	}
}

// Segment is a named group of contacts. Which contacts are in it is part of each
// contact: Contact.Segments holds ids, and a contact may be in a segment that has no
// name here.
type Segment struct {
	// ID is made if it is empty; a host may give its own, in at most 255 bytes
	// without control characters.
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

// contactProblems returns what is wrong with the fields of a new contact.
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

// changeProblems returns what is wrong with the fields that a change sets.
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

// contactValidator collects what is wrong with the fields of a contact.
type contactValidator struct{ problems Problems }

// add adds a problem, unless there is none.
func (c *contactValidator) add(code Code, path, flaw string) {
	if flaw != "" {
		c.problems.Add(code, path, "%s", flaw)
	}
}

func (c *contactValidator) id(path, id string) { c.add(CodeInvalidContact, path, idFlaw(id)) }

func (c *contactValidator) email(email string) { c.add(CodeInvalidEmail, "email", emailFlaw(email)) }

// name refuses line breaks: a name stands before the address in a header.
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

// propertyFlaw returns what is wrong with the value of a property, or "". A
// Value is refused although ValueOf takes it: it belongs into steps, where
// references are resolved.
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

// distinct returns ids without those that come a second time.
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

// ContactDirectory is what a host implements on its own users table, and gives to the
// Runner as Options.ContactDirectory. Without it contacts live in the Store and commit
// together with the steps that change them. With it a change is an effect like
// an email: it may be made again, with the same values, after a crash. Methods
// must be safe for concurrent use.
type ContactDirectory interface {
	// FindContact returns the contact with ref's id, or with ref's email
	// without regard to case. The error wraps ErrNotFound if there is none.
	FindContact(ctx context.Context, ref ContactRef) (Contact, error)
	// CreateContact creates a contact with this email. If there is one already
	// it returns that one, so that two calls at once make one contact.
	CreateContact(ctx context.Context, email string) (Contact, error)
	// UpdateContact applies change to the contact with this id and returns the
	// contact as it is then. The error wraps ErrNotFound if there is none, and
	// ErrConflict if the new email belongs to another contact.
	UpdateContact(ctx context.Context, id string, change ContactChange) (Contact, error)
	// DeleteContact deletes the contact for good. Deleting one that does not
	// exist is no error.
	DeleteContact(ctx context.Context, id string) error
}
