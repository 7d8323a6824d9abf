package automation

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// Sentinel errors. Match them with errors.Is. The errors that wrap them name their
// subject.
var (
	// ErrNotFound means that no automation, run, event, event definition,
	// contact or segment has the given id or name.
	ErrNotFound = errors.New("not found")

	// ErrDeleted means that an automation was deleted. It wraps ErrNotFound, and so does
	// every error that wraps ErrDeleted.
	ErrDeleted = fmt.Errorf("%w: deleted", ErrNotFound)

	// ErrConflict means that the current state does not allow the operation: for
	// instance, the id or the email is taken, or another caller changed the record
	// since it was read. Read the current state before another try.
	ErrConflict = errors.New("conflict")

	// ErrDefinitionChanged means that the Runner validated the payload of an event
	// against a definition that has changed since. The Store kept nothing. A Runner
	// handles this error: it validates the payload again.
	ErrDefinitionChanged = errors.New("event definition has changed")

	// ErrInvalid matches every *ValidationError.
	ErrInvalid = errors.New("invalid")

	// ErrLeaseLost means that the lease of a transition has expired, and that a
	// Runner has claimed the contact again. The Store wrote nothing.
	ErrLeaseLost = errors.New("lease lost")

	// ErrCatalog means that a store is the catalog of an engine, which alone works on its
	// contacts. Make the Runner on the store of the engine, or move back first: see
	// docs/moving.md.
	ErrCatalog = errors.New("the store is the catalog of an engine")

	// ErrClosed means that the store is closed.
	ErrClosed = errors.New("closed")

	// ErrSchema means that the tables of a store have another version than this
	// library needs. The message of the error that wraps it names the solution.
	ErrSchema = errors.New("schema version")

	// ErrPermanent matches every error that Permanent returns. A Runner does not
	// retry an effect that fails with it.
	ErrPermanent = errors.New("permanent")

	// ErrOutcomeUnknown means that an effect may have happened although it failed.
	// A Mailer, a custom step or a ContactDirectory may wrap it in its error.
	// Timeouts and broken connections have the same meaning without it. It matters
	// only under AtMostOnce.
	ErrOutcomeUnknown = errors.New("outcome unknown")

	// ErrNewerVersion means that another version of this library or of the
	// application wrote a stored run or definition: it has a newer format, it needs a
	// step type that is not registered in this process, or the config of a custom
	// step does not fit the type in this process. The Runner leaves the run to a
	// process that can decode it.
	ErrNewerVersion = errors.New("written by another version")
)

// Permanent marks err as permanent: a step that fails with it fails its run at once,
// without another attempt. Permanent(nil) is nil.
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

// RateLimitError means that an effect was refused because it came too early. A
// Mailer, a custom step or a ContactDirectory may return it. The Runner tries the
// effect again after After. The refused attempt is not counted.
type RateLimitError struct {
	// After is how long to wait. Zero means RetryPolicy.Initial.
	After time.Duration
	// Err is the error of the service that refused the effect. It may be nil.
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

// ValidationError has all problems in a caller's input, such as an automation, an
// event, a contact or the options. It matches ErrInvalid.
type ValidationError struct {
	// Subject names the input, such as `automation "Welcome"`.
	Subject string
	// Problems has at least one problem. All have SeverityError.
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

// RevisionError means that an update is based on another revision than the automation has,
// because another caller changed it meanwhile. The update changed nothing. It matches
// ErrConflict.
type RevisionError struct {
	AutomationID string
	// Current is the revision of the automation, and Given the one that the update is
	// based on.
	Current, Given int
}

func (e *RevisionError) Error() string {
	return fmt.Sprintf("automation %s is at revision %d, not %d: read it again, and repeat the update: %v",
		jsondoc.Quote(e.AutomationID), e.Current, e.Given, ErrConflict)
}

func (e *RevisionError) Unwrap() error { return ErrConflict }

// StillRunningError is what Run returns when effects go on after their contexts have
// ended, because the Mailer, a custom step or the contact directory ignores its context.
// Run does not wait for them for ever. What becomes of them is not recorded: the leases
// of their contacts expire, and the attempts count as interrupted.
type StillRunningError struct {
	Effects []RunningEffect
	Err     error // why Run has ended
}

// RunningEffect names an effect in progress.
type RunningEffect struct {
	AutomationID, RunID, StepKey, ContactID string
}

func (e *StillRunningError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "automation: run: %v; %d effects ignore their ended context:", e.Err, len(e.Effects))
	for i, effect := range e.Effects {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more", len(e.Effects)-i)
			break
		}
		fmt.Fprintf(&b, " step %s of run %s;", jsondoc.Quote(effect.StepKey), effect.RunID)
	}
	return strings.TrimSuffix(b.String(), ";")
}

func (e *StillRunningError) Unwrap() error { return e.Err }
