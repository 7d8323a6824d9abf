package template

import (
	"slices"
	"time"
)

// Template is an email with variables in it. The JSON names are those of Resend's
// create-template call.
type Template struct {
	// ID identifies the template permanently. It has at most 255 bytes and no control
	// characters, and is not . or .., which no URL can contain. Create makes a UUID for an empty ID.
	ID string `json:"id"`
	// Alias is a second name of the template, with the same rules as ID, or empty. No
	// other template has it as alias or id.
	Alias string `json:"alias,omitempty"`
	// Name is for people. It is required.
	Name string `json:"name"`
	// Status is whether the template can be sent.
	Status Status `json:"status"`
	// From, Subject and ReplyTo may contain variables. Each may be empty if every step
	// that uses the template sets it; From may also be empty with Options.From.
	// ReplyTo may hold several addresses, separated by commas.
	From    string `json:"from,omitempty"`
	Subject string `json:"subject,omitempty"`
	ReplyTo string `json:"reply_to,omitempty"`
	// HTML and Text are the two forms of the body; one of them is required. An
	// empty Text is made from HTML when the email is rendered.
	HTML string `json:"html,omitempty"`
	Text string `json:"text,omitempty"`
	// Variables are the declarations, at most MaxVariables. A variable that the texts
	// use without a declaration takes any type and has no fallback.
	Variables []Variable `json:"variables"`

	// The Library sets the fields below, and ignores the values of a caller.

	// CreatedAt is when the template was created.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// UpdatedAt is when the draft last changed.
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	// PublishedAt is zero if the template was never published.
	PublishedAt time.Time `json:"published_at,omitzero"`
	// HasUnpublishedVersions is true if the template changed after it was published,
	// so that emails use another version than this one.
	HasUnpublishedVersions bool `json:"has_unpublished_versions"`
}

// Status is whether a template can be sent.
type Status string

// The statuses.
const (
	StatusDraft     Status = "draft"
	StatusPublished Status = "published"
)

// Variable declares a variable of a template.
type Variable struct {
	// Key is its name: letters, digits and underscores, MaxNameLength at most.
	Key string `json:"key"`
	// Type is the type of the values.
	Type VariableType `json:"type"`
	// FallbackValue takes the place of a value that is absent or null. It is a
	// string, bool or number that fits Type. Nil means that a step must give a value.
	FallbackValue any `json:"fallback_value"`
}

// VariableType is the type of a variable's values.
type VariableType string

// The types of variables.
const (
	TypeString  VariableType = "string"
	TypeNumber  VariableType = "number"
	TypeBoolean VariableType = "boolean"
)

// Limits of a template, which are Resend's.
const (
	MaxVariables   = 50   // declared in a template
	MaxNameLength  = 50   // characters in a variable's name
	MaxValueLength = 2000 // characters, counted as Unicode code points, in a value or a fallback
)

// Change is a change to some fields of a template. Nil fields stay as they are.
type Change struct {
	Name, Alias, From, Subject, ReplyTo, HTML, Text *string
	// Variables replaces all declarations.
	Variables *[]Variable
}

// apply applies the change to t.
func (ch Change) apply(t *Template) {
	for _, f := range []struct{ field, value *string }{
		{&t.Name, ch.Name}, {&t.Alias, ch.Alias}, {&t.From, ch.From}, {&t.Subject, ch.Subject},
		{&t.ReplyTo, ch.ReplyTo}, {&t.HTML, ch.HTML}, {&t.Text, ch.Text},
	} {
		if f.value != nil {
			*f.field = *f.value
		}
	}
	if ch.Variables != nil {
		t.Variables = slices.Clone(*ch.Variables)
	}
}

// clone returns a copy of t that shares no memory with t. The copy's Variables are not
// nil, so that they are a list in JSON.
func (t Template) clone() Template {
	t.Variables = append([]Variable{}, t.Variables...)
	return t
}
