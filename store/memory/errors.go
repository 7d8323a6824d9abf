package memory

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

// missingError says what was not found. It is made for every event without
// definition, so its text is left until somebody wants to read it.
type missingError struct{ kind, id string }

func (e *missingError) Error() string { return fmt.Sprintf("%s %q: %v", e.kind, e.id, e.Unwrap()) }

func (e *missingError) Unwrap() error { return automation.ErrNotFound }

func notFound(kind, id string) error { return &missingError{kind, id} }

func conflict(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, automation.ErrConflict)...)
}

func leaseLost(ref automation.ContactRef) error {
	return fmt.Errorf("contact %q: %w", ref.String(), automation.ErrLeaseLost)
}
