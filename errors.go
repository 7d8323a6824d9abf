package automation

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Sentinel errors. Match them with errors.Is; the error that carries them names
// the thing it is about.
var (
	// ErrNotFound means that no automation, run, event, event definition,
	// contact or segment has the given id or name.
	ErrNotFound = errors.New("not found")

	// ErrConflict means that the thing exists already, or was changed by
	// somebody else since it was read. Read it again and retry.
	ErrConflict = errors.New("conflict")

	// ErrDefinitionChanged means that the definition of an event is not the one
	// that its payload was checked against. Nothing was kept. Runners check again
	// by themselves.
	ErrDefinitionChanged = errors.New("event definition has changed")

	// ErrInvalid is matched by every *ValidationError.
	ErrInvalid = errors.New("invalid")

	// ErrLeaseLost means that the lease a transition was made under has
	// expired and the contact was claimed again. Nothing was written.
	ErrLeaseLost = errors.New("lease lost")

	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("closed")

	// ErrSchema means that the tables of a store are of another version than
	// this library needs. The error that wraps it says what to do.
	ErrSchema = errors.New("schema version")

	// ErrPermanent is matched by every error made by Permanent: an effect that
	// fails with it is not retried.
	ErrPermanent = errors.New("permanent")

	// ErrOutcomeUnknown may be wrapped by a Mailer or a custom step to say that
	// the effect may have happened although it failed. Time-outs mean the same
	// without it. It matters under AtMostOnce only.
	ErrOutcomeUnknown = errors.New("outcome unknown")

	// ErrNewerVersion means that a stored run or definition was written by a
	// newer version of this library, or needs a step type that this process
	// does not know. It is left for a process that can read it.
	ErrNewerVersion = errors.New("written by a newer version")
)

// Permanent marks err as not worth retrying: a step that fails with it fails
// its run at once. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string        { return e.err.Error() }
func (e *permanentError) Unwrap() error        { return e.err }
func (e *permanentError) Is(target error) bool { return target == ErrPermanent }

// RateLimitError says that an effect was refused because it came too early.
// The step is tried again after After, and the refusal spends no attempt.
type RateLimitError struct {
	// After is how long to wait. Zero means the retry policy's first back-off.
	After time.Duration
	// Err is what the refusing side said. It may be nil.
	Err error
}

func (e *RateLimitError) Error() string {
	text := "rate limited"
	if e.After > 0 {
		text += ", retry after " + e.After.String()
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *RateLimitError) Unwrap() error { return e.Err }

// ValidationError lists everything that is wrong with what the caller gave:
// an automation, an event, a contact, an option. It matches ErrInvalid.
type ValidationError struct {
	// Subject names what was validated, such as `automation "Welcome"`.
	Subject string
	// Problems holds at least one problem; all have SeverityError.
	Problems Problems
}

func (e *ValidationError) Error() string {
	var b strings.Builder
	b.WriteString("automation: ")
	if e.Subject != "" {
		b.WriteString(e.Subject)
		b.WriteString(": ")
	}
	if len(e.Problems) > 1 {
		fmt.Fprintf(&b, "%d problems: ", len(e.Problems))
	}
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// Is reports whether target is ErrInvalid.
func (e *ValidationError) Is(target error) bool { return target == ErrInvalid }
