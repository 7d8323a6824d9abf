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
