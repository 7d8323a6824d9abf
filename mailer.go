package automation

import "context"

// Mailer hands emails to the outside world. It must be safe for concurrent use.
type Mailer interface {
	// SendEmail sends email and returns the id that the provider gave it.
	//
	// Any error is tried again by the Runner's retry policy, with the same
	// IdempotencyKey, unless it is marked with Permanent. A *RateLimitError is
	// tried again after the time it names and spends no attempt. When ctx ends
	// the outcome counts as unknown: a Mailer that honours idempotency keys
	// then sends exactly once, any other at least once, or at most once where
	// AtMostOnce was chosen.
	//
	// It must return soon after ctx has ended: Run waits for it. email belongs
	// to the callee; the Runner does not use it afterwards.
	SendEmail(ctx context.Context, email Email) (id string, err error)
}

// Email is what a send_email step hands to the Mailer, which renders the
// template.
type Email struct {
	// IdempotencyKey is the same on every attempt of a step: run/<run id>/<step key>.
	IdempotencyKey string
	// AutomationID, RunID and StepKey say where the email comes from.
	AutomationID, RunID, StepKey string
	// Attempt counts from 1.
	Attempt int
	// To is the contact's address at this moment.
	To string
	// Contact is the contact at this moment, for the template's reserved
	// variables.
	Contact Contact
	// From, Subject and ReplyTo override the template's where not empty.
	From, Subject, ReplyTo string
	// TemplateID is the template's id or alias.
	TemplateID string
	// Variables are the resolved template variables: string, json.Number,
	// bool, nil, or for a reference to an object or array its decoded JSON. A
	// variable whose reference resolved to nothing is not in the map.
	Variables map[string]any
}

// TemplateInspector is an optional interface of a Mailer that knows its
// templates. With it, validation warns about templates that are missing or not
// published and about variables they do not have; without it, it does not.
type TemplateInspector interface {
	// InspectTemplate describes the template with this id or alias. The error
	// wraps ErrNotFound if there is none, and errors.ErrUnsupported if the Mailer
	// cannot tell after all.
	InspectTemplate(ctx context.Context, id string) (TemplateInfo, error)
}

// TemplateInfo describes a template.
type TemplateInfo struct {
	Published bool
	// Variables are the names that the template takes.
	Variables []string
}
