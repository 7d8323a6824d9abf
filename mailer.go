package automation

import "context"

// Mailer sends emails. It must be safe for concurrent use.
type Mailer interface {
	// SendEmail sends email and returns the id that the provider gave to it.
	//
	// After an error, the Runner tries again by its retry policy, with the same
	// IdempotencyKey. Two kinds of error differ: an error marked with Permanent
	// fails the step at once, and after a *RateLimitError the Runner tries again
	// when RateLimitError.After has passed, without spending an attempt.
	//
	// If ctx ends before SendEmail returns an id, the outcome is unknown. Under
	// AtLeastOnce the Runner then sends again, so a Mailer that honours idempotency
	// keys sends the email exactly once, and any other Mailer at least once. Under
	// AtMostOnce the step fails instead.
	//
	// SendEmail must return soon after ctx has ended, because Run waits for it. The
	// Mailer may keep and change email: the Runner does not use it afterwards.
	SendEmail(ctx context.Context, email Email) (id string, err error)
}
