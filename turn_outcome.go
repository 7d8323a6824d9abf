package automation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Outcome is what came of a PlannedEffect. The next turn of the contact gets it. Runner.Perform
// returns an Outcome, and an engine makes one itself if a process ended without an answer:
// with the Kind InputInterrupted.
//
// An Outcome may go to another process as JSON. Of its Err the text stays and all that a turn
// reads from it: whether errors.Is matches ErrPermanent or ErrOutcomeUnknown, and errors.As
// finds a *RateLimitError or a *ReferenceError.
type Outcome struct {
	// RunID, Step and Attempt are those of the PlannedEffect. A turn ignores an outcome
	// for which its run does not wait any more.
	RunID   string `json:"run_id"`
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	// Kind is InputSucceeded, InputFailed, InputSkipped, InputInterrupted if it is unknown
	// whether the effect happened, or InputReleased if the effect did not start.
	Kind InputKind `json:"kind"`
	// Output and Branch are the result of a success.
	Output json.RawMessage `json:"output,omitempty"`
	Branch ConnectionType  `json:"branch,omitempty"`
	// Reason is why the effect was skipped.
	Reason string `json:"reason,omitempty"`
	// Err is why the effect failed, or why it did not start.
	Err error `json:"-"`
	// Change is what a successful effect changed in the contact directory, and Contact is
	// the contact after it. Deleted means that the effect deleted the contact there.
	Change  *ContactChange `json:"change,omitempty"`
	Contact *Contact       `json:"contact,omitempty"`
	Deleted bool           `json:"deleted,omitempty"`
}

// outcome returns the outcome of the effect as a value that can leave the process.
func (e *PlannedEffect) outcome(in *Input) Outcome {
	return Outcome{
		RunID: e.Run.ID, Step: e.Step, Attempt: e.Attempt,
		Kind: in.Kind, Output: in.Output, Branch: in.Branch, Reason: in.Reason, Err: in.Err,
		Change: in.change, Contact: in.contact, Deleted: in.deletes,
	}
}

// input returns the outcome as an input of its run.
func (o *Outcome) input() Input {
	in := Input{
		Kind: o.Kind, Output: o.Output, Branch: o.Branch, Reason: o.Reason, Err: o.Err,
		change: o.Change, contact: o.Contact, deletes: o.Deleted,
	}
	if in.Kind == InputFailed && in.Err == nil {
		in.Err = errNoReason
	}
	return in
}

var errNoReason = errors.New("the effect failed without an error")

// isAwaited reports whether the run waits for the outcome.
func (o *Outcome) isAwaited(run *activeRun) bool {
	switch o.Kind {
	case InputSucceeded, InputFailed, InputSkipped, InputInterrupted, InputReleased:
		return run.graph != nil && run.state.AttemptOpen() && run.action.Step == o.Step && run.action.Attempt == o.Attempt
	default:
		return false
	}
}

// outcomeFields are the fields of an Outcome without its methods.
type outcomeFields Outcome

// outcomeJSON is an Outcome as JSON.
type outcomeJSON struct {
	*outcomeFields
	Error *outcomeError `json:"error,omitempty"`
}

// outcomeError is the error of an outcome, with what a turn reads from it.
type outcomeError struct {
	Message string `json:"message"`
	// Permanent, Unknown and RateLimited are what errors.Is and errors.As find.
	Permanent   bool          `json:"permanent,omitempty"`
	Unknown     bool          `json:"outcome_unknown,omitempty"`
	RateLimited bool          `json:"rate_limited,omitempty"`
	After       time.Duration `json:"after,omitempty"`     // of a RateLimitError, in nanoseconds
	Reference   string        `json:"reference,omitempty"` // the path of a ReferenceError
	// Panic and Stack are those of a panic in the host's code.
	Panic string `json:"panic,omitempty"`
	Stack string `json:"stack,omitempty"`
}

// MarshalJSON encodes the outcome, with its error.
func (o Outcome) MarshalJSON() ([]byte, error) {
	doc := outcomeJSON{outcomeFields: (*outcomeFields)(&o)}
	if o.Err != nil {
		doc.Error = newOutcomeError(o.Err)
	}
	return json.Marshal(doc)
}

// UnmarshalJSON decodes an outcome that MarshalJSON encoded.
func (o *Outcome) UnmarshalJSON(text []byte) error {
	doc := outcomeJSON{outcomeFields: new(outcomeFields)}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // the numbers of properties are exact
	if err := decoder.Decode(&doc); err != nil {
		return fmt.Errorf("automation: outcome: %w", err)
	}
	*o = Outcome(*doc.outcomeFields)
	if doc.Error != nil {
		o.Err = doc.Error
	}
	return nil
}

func newOutcomeError(err error) *outcomeError {
	e := &outcomeError{Message: err.Error(), Permanent: errors.Is(err, ErrPermanent), Unknown: outcomeUnknown(err)}
	var limited *RateLimitError
	if errors.As(err, &limited) {
		e.RateLimited, e.After = true, limited.After
	}
	var reference *ReferenceError
	if errors.As(err, &reference) {
		e.Reference = reference.Path
	}
	if p := panicIn(err); p != nil {
		e.Panic, e.Stack = p.summary, p.stack
	}
	return e
}

func (e *outcomeError) Error() string { return e.Message }

// Unwrap returns the errors that errors.Is and errors.As found in the original.
func (e *outcomeError) Unwrap() (errs []error) {
	if e.Permanent {
		errs = append(errs, ErrPermanent)
	}
	if e.Unknown {
		errs = append(errs, ErrOutcomeUnknown)
	}
	if e.RateLimited {
		errs = append(errs, &RateLimitError{After: e.After})
	}
	if e.Reference != "" {
		errs = append(errs, &ReferenceError{Path: e.Reference})
	}
	if e.Panic != "" {
		errs = append(errs, &panicError{summary: e.Panic, stack: e.Stack})
	}
	return errs
}
