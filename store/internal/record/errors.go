package record

import (
	"errors"
	"fmt"

	"github.com/seed-b636437c/automation"
)

// missingError names what was not found. Stores make one for every event without a
// definition, so its text is formatted only when a caller reads it.
type missingError struct{ kind, id string }

func (e *missingError) Error() string { return fmt.Sprintf("%s %q: %v", e.kind, e.id, e.Unwrap()) }
func (e *missingError) Unwrap() error { return automation.ErrNotFound }

// NotFound returns an error that wraps automation.ErrNotFound.
func NotFound(kind, id string) error { return &missingError{kind, id} }

// Deleted returns an error that wraps automation.ErrDeleted.
func Deleted(kind, id string) error { return fmt.Errorf("%s %q: %w", kind, id, automation.ErrDeleted) }

// VersionNotFound returns an error that wraps automation.ErrNotFound.
func VersionNotFound(v automation.VersionRef) error {
	return fmt.Errorf("version %d of automation %q: %w", v.Version, v.AutomationID, automation.ErrNotFound)
}

// LeaseLost returns an error that wraps automation.ErrLeaseLost.
func LeaseLost(key automation.ContactRef) error {
	return fmt.Errorf("contact %q: %w", key.String(), automation.ErrLeaseLost)
}

// ErrDamaged is wrapped by errors about one contact whose row cannot be read, because
// a person has changed it by hand, or cannot be written. Such a contact must not keep
// other contacts from being worked on.
var ErrDamaged = errors.New("damaged contact")

// Damaged returns an error that wraps ErrDamaged and err.
func Damaged(id string, err error) error { return fmt.Errorf("%w %q: %w", ErrDamaged, id, err) }
