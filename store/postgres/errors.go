package postgres

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-b636437c/automation"
)

func notFound(kind, id string) error {
	return fmt.Errorf("%s %q: %w", kind, id, automation.ErrNotFound)
}

func conflict(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, automation.ErrConflict)...)
}

// errDamaged is wrapped by errors about a contact whose row cannot be read: somebody
// has changed it by hand. It must not keep others from being read.
var errDamaged = errors.New("damaged contact")

func damaged(id string, err error) error { return fmt.Errorf("%w %q: %w", errDamaged, id, err) }

// The codes of PostgreSQL's errors that mean something to the store, and the first
// characters of those that are about the values of a statement.
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"

	dataException       = "22"
	constraintViolation = "23"
	limitExceeded       = "54"
)

// code returns the code of the database's error, or "" if err is none.
func errorCode(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// constraint returns the constraint or unique index that a statement has violated,
// or "".
func violatedConstraint(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == uniqueViolation {
		return pg.ConstraintName
	}
	return ""
}

// isAboutValues reports whether the database has refused what it was given, rather
// than failed.
func isAboutValues(err error) bool {
	switch c := errorCode(err); {
	case c == "":
		return false
	default:
		class := c[:2]
		return class == dataException || class == constraintViolation || class == limitExceeded
	}
}
