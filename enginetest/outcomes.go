package enginetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func outcomeChecks() []Check {
	return []Check{
		check("outcomes/an unknown one is repeated with the same key under AtLeastOnce", unknownRepeated),
		check("outcomes/an unknown one fails the step under AtMostOnce", unknownFails),
		check("outcomes/a failed attempt is repeated with back-off", failureRepeated),
		check("outcomes/the last attempt of a policy fails the run", failureEnds),
		check("outcomes/a permanent error fails the run at once", failurePermanent),
		check("outcomes/a rate limit spends no attempt", rateLimited),
		check("outcomes/a panic of the mailer is a failed attempt", mailerPanics),
	}
}

var errBusy = errors.New("the mail server is busy")

// fails makes the first n attempts of every email fail.
func (f *fixture) fails(n int, err error) {
	f.mailer.respond = func(_ context.Context, e automation.Email) error {
		key := func(a attempt) bool { return a.IdempotencyKey == e.IdempotencyKey }
		if len(f.mailer.filter(key)) <= n {
			return err
		}
		return nil
	}
}

// attempts ends the check unless the mailer got attempts with these numbers for one key.
func (f *fixture) attempts(template string, numbers ...int) []attempt {
	tries := f.mailer.tries(template)
	got := make([]int, len(tries))
	for i, a := range tries {
		got[i] = a.Attempt
		f.equal("idempotency key", a.IdempotencyKey, tries[0].IdempotencyKey)
	}
	f.equal("attempts of "+template, got, numbers)
	return tries
}

func unknownRepeated(f *fixture) {
	f.fails(1, fmt.Errorf("the connection broke: %w", automation.ErrOutcomeUnknown))
	f.start(flow("welcome", "signup", email("hello"), email("tips")))
	f.ended(f.begin("signup", "ada@example.com", nil), automation.RunCompleted)
	f.attempts("hello", 1, 2)
	f.emails("ada@example.com", "hello", "tips")
}

func unknownFails(f *fixture) {
	f.fails(1, fmt.Errorf("the connection broke: %w", automation.ErrOutcomeUnknown))
	f.opts.Delivery = automation.AtMostOnce
	f.start(flow("welcome", "signup", email("hello"), email("tips")))
	run := f.ended(f.begin("signup", "ada@example.com", nil), automation.RunFailed)
	f.equal("error", code(run), automation.FailedUnknown)
	f.equal("steps", statuses(run), "hello=failed start=completed tips=skipped")
	f.caughtUp("ada@example.com")
	f.attempts("hello", 1)
	f.equal("emails", len(f.mailer.sent("")), 0)
}

func failureRepeated(f *fixture) {
	f.fails(2, errBusy)
	f.start(flow("welcome", "signup", email("hello")))
	run := f.ended(f.begin("signup", "ada@example.com", nil), automation.RunCompleted)
	tries := f.attempts("hello", 1, 2, 3)
	for i, d := range []time.Duration{500 * time.Millisecond, time.Second} {
		if got := tries[i+1].began.Sub(tries[i].began); got < d {
			f.failf("the back-off after attempt %d was %s instead of %s", i+1, got, d)
		}
	}
	failed := stepOf(run, "hello").Attempts
	f.equal("failed attempts", len(failed), 2)
	f.equal("code of the first one", failed[0].Error.Code, automation.FailedEffect)
}

func failureEnds(f *fixture) {
	f.fails(100, errBusy)
	f.opts.Retry.MaxAttempts = 2
	f.start(flow("welcome", "signup", email("hello"), email("tips")))
	run := f.ended(f.begin("signup", "ada@example.com", nil), automation.RunFailed)
	f.equal("error", code(run), automation.FailedEffect)
	f.attempts("hello", 1, 2)
}

func failurePermanent(f *fixture) {
	f.fails(100, automation.Permanent(errBusy))
	f.start(flow("welcome", "signup", email("hello"), email("tips")))
	run := f.ended(f.begin("signup", "ada@example.com", nil), automation.RunFailed)
	f.equal("error", code(run), automation.FailedPermanently)
	f.attempts("hello", 1)
}

func rateLimited(f *fixture) {
	f.fails(2, &automation.RateLimitError{After: time.Second, Err: errBusy})
	f.opts.Retry.MaxAttempts = 1
	f.start(flow("welcome", "signup", email("hello")))
	f.ended(f.begin("signup", "ada@example.com", nil), automation.RunCompleted)
	tries := f.attempts("hello", 1, 1, 1)
	for i := range 2 {
		if got := tries[i+1].began.Sub(tries[i].began); got < time.Second {
			f.failf("the attempt after a rate limit came after %s instead of a second", got)
		}
	}
}

func mailerPanics(f *fixture) {
	fails := f.mailer
	f.mailer.respond = func(_ context.Context, e automation.Email) error {
		if len(fails.tries(e.TemplateID)) == 1 {
			panic("a bug in the mailer")
		}
		return nil
	}
	f.start(flow("welcome", "signup", email("hello"), email("tips")))
	run := f.ended(f.begin("signup", "ada@example.com", nil), automation.RunCompleted)
	f.attempts("hello", 1, 2)
	f.equal("failed attempts", len(stepOf(run, "hello").Attempts), 1)
}
