package automation

import "context"

// StepFunc executes a custom step. It may be called more than once for the same
// step of the same run, always with the same call.IdempotencyKey. Its errors
// are retried like a Mailer's; a panic is a failed attempt.
type StepFunc[C StepConfig] func(ctx context.Context, call Call, config C) (Result, error)

// StepOptions tune a custom step type.
type StepOptions struct {
	// Branches are the connection types that a Result may take besides
	// ConnectionDefault.
	Branches []ConnectionType
	// Delivery overrides the Runner's choice for steps of this type.
	Delivery Delivery
}

// Call is what a custom step gets to work with.
type Call struct {
	IdempotencyKey               string // the same on every attempt: run/<run id>/<step key>
	AutomationID, RunID, StepKey string
	Attempt                      int     // counts from 1
	Contact                      Contact // as it is at this moment
	data                         *Data
}

// Resolve returns what v stands for in this run: its literal, or what its
// reference points to. The second result is false for an absent Value and for a
// reference that resolves to nothing.
func (c Call) Resolve(v Value) (any, bool) { return v.resolve(c.data) }

// Result is what a custom step did.
type Result struct {
	// Branch is the connection to take; empty means ConnectionDefault.
	Branch ConnectionType
	// Output is recorded in the step run. It must encode to a JSON object, or
	// be nil.
	Output any
}
