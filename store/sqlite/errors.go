package sqlite

import (
	"errors"
	"fmt"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// refuses reports whether an error means that the store refuses what a caller wants
// written, in contrast to a failure of the database.
func refuses(err error) bool {
	return errors.Is(err, automation.ErrLeaseLost) || errors.Is(err, automation.ErrConflict) ||
		errors.Is(err, automation.ErrNotFound) || errors.Is(err, record.ErrDamaged) ||
		errors.Is(err, automation.ErrCatalog)
}

// failed returns err with the name of the call in which the database failed, nil for
// nil.
func failed(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sqlite store: %s: %w", what, err)
}
