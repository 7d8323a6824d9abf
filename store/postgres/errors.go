package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// The codes of PostgreSQL's errors that the store handles, and the first characters of
// the codes that are about the values of a statement.
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	statementMissing     = "26000"
	notSupported         = "0A000" // of a plan whose columns have changed, among others

	dataException       = "22"
	constraintViolation = "23"
	limitExceeded       = "54"
)

// errorCode returns the code of an error of the database, "" for any other error.
func errorCode(err error) string {
	if err == nil {
		return ""
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// violatedConstraint returns the constraint or unique index that a statement has
// violated, or "".
func violatedConstraint(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == uniqueViolation {
		return pg.ConstraintName
	}
	return ""
}

// isOutdated reports whether the session does not have a prepared statement, or cannot execute
// it any more as it was prepared.
func isOutdated(err error) bool {
	c := errorCode(err)
	return c == statementMissing || c == notSupported
}

// isAboutValues reports whether the database has refused the values of a statement, in
// contrast to a failure of the database.
func isAboutValues(err error) bool {
	switch c := errorCode(err); {
	case c == "":
		return false
	default:
		class := c[:2]
		return class == dataException || class == constraintViolation || class == limitExceeded
	}
}
