package template

import (
	"slices"
	"time"
)

// Template is an email with variables in it. The JSON names are those of Resend's
// create-template call.
type Template struct {
	// ID identifies the template for good, in at most 255 bytes without control
	// characters. Create makes a UUID if it is empty.
	ID string `json:"id"`
	// Alias is a second name to find it by, under the same rules, or empty. No other
	// template has it as alias or id.
	Alias string `json:"alias,omitempty"`
	// Name is for people. It is required.
	Name string `json:"name"`
	// Status says whether the template can be sent.
	Status Status `json:"status"`
	// From, Subject and ReplyTo may hold variables. Each is empty if every step
	// that uses the template says it; From also if Options.From does. ReplyTo may
	// be several addresses, separated by commas.
	From    string `json:"from,omitempty"`
	Subject string `json:"subject,omitempty"`
	ReplyTo string `json:"reply_to,omitempty"`
	// HTML and Text are the two forms of the body; one of them is required. An
	// empty Text is made from HTML when the email is rendered.
	HTML string `json:"html,omitempty"`
	Text string `json:"text,omitempty"`
	// Variables are the declared ones, at most MaxVariables. A name that the texts
	// use without declaring it takes any type and has no fallback.
	Variables []Variable `json:"variables"`

	// The Library says these; what a caller puts here is ignored.

	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	// PublishedAt is zero if the template was never published.
	PublishedAt time.Time `json:"published_at,omitzero"`
	// HasUnpublishedVersions says that the template was changed after it was
	// published, so that what is sent is not what is shown here.
	HasUnpublishedVersions bool `json:"has_unpublished_versions"`
}

// Status says whether a template can be sent.
type Status string

// The statuses.
const (
	StatusDraft     Status = "draft"
	StatusPublished Status = "published"
)

// Variable is something to be filled in.
type Variable struct {
	// Key is its name: letters, digits and underscores, MaxNameLength at most.
	Key string `json:"key"`
	// Type is what a value must be.
	Type VariableType `json:"type"`
	// FallbackValue stands in for a value that is absent or null: a string, bool
	// or number that fits Type. Nil means that a value must be given.
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

// apply makes the change to t.
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

// clone returns a copy of t that shares nothing with it. Its Variables are not nil,
// so that they are a list in JSON.
func (t Template) clone() Template {
	t.Variables = append([]Variable{}, t.Variables...)
	return t
}
