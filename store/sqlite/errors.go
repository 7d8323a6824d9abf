package sqlite

import (
	"errors"
	"fmt"

	"github.com/seed-b636437c/automation"
)

func notFound(kind, id string) error { return &missingError{kind, id} }

// missingError says what was not found. It is made for every event without
// definition, so its text is left until somebody wants to read it.
type missingError struct{ kind, id string }

func (e *missingError) Error() string { return fmt.Sprintf("%s %q: %v", e.kind, e.id, e.Unwrap()) }
func (e *missingError) Unwrap() error { return automation.ErrNotFound }

func conflict(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, automation.ErrConflict)...)
}

// errDamaged is wrapped by errors about a contact that cannot be read or written.
// They are about that contact only.
var errDamaged = errors.New("damaged contact")

func damaged(id string, err error) error { return fmt.Errorf("%w %q: %w", errDamaged, id, err) }

// refuses reports whether an error is about what was asked for, and not about the
// database.
func refuses(err error) bool {
	return errors.Is(err, automation.ErrLeaseLost) || errors.Is(err, automation.ErrConflict) ||
		errors.Is(err, automation.ErrNotFound) || errors.Is(err, errDamaged)
}

// failed says in which call the database has failed, if it has.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlite store: %s: %w", what, err)
}
