package automation

import (
	"context"
	"time"
)

// Contact is a person who gets emails.
type Contact struct {
	// ID identifies the contact. The built-in contact store makes UUIDs; a host
	// that keeps contacts in its own tables uses whatever it has.
	ID string `json:"id"`
	// Email is the address, matched without regard to case.
	Email string `json:"email"`
	// FirstName and LastName are unset when empty.
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	// Unsubscribed contacts get no email; every other step still executes.
	Unsubscribed bool `json:"unsubscribed"`
	// Properties are the host's own fields: strings, numbers (json.Number, or
	// any Go number), booleans. A nil value is the same as no value.
	Properties map[string]any `json:"properties,omitempty"`
	// Segments are the ids of the segments the contact belongs to.
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
	// AddSegments are ids of segments the contact joins.
	AddSegments []string
}

// Contacts is what the Runner needs of the place where contacts live. A Store
// has its own, which commits together with the steps that change it. A host
// with a users table of its own gives the Runner its implementation instead,
// through Options.Contacts; its changes are then effects like emails: repeated
// after a crash, with the same values. Methods must be safe for concurrent use.
type Contacts interface {
	// FindContact returns the contact with ref's id, or with ref's email
	// without regard to case. The error wraps ErrNotFound if there is none.
	FindContact(ctx context.Context, ref ContactRef) (Contact, error)
	// CreateContact creates a contact with this email. If there is one already
	// it returns that one, so that two calls at once make one contact.
	CreateContact(ctx context.Context, email string) (Contact, error)
	// ChangeContact applies change to the contact with this id and returns the
	// contact as it is then. The error wraps ErrNotFound if there is none, and
	// ErrConflict if the new email belongs to another contact.
	ChangeContact(ctx context.Context, id string, change ContactChange) (Contact, error)
	// DeleteContact deletes the contact for good. Deleting one that does not
	// exist is no error.
	DeleteContact(ctx context.Context, id string) error
}
