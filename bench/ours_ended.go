package main

import (
	"context"
	"errors"
	"time"

	"github.com/seed-b636437c/automation"
)

// Grow implements grower: it performs the runs with a clock that is behind, and sends no emails. So
// their rows, and the counts of them, are those of runs that ended long ago.
func (e *ours) Grow(ctx context.Context, from, to, contacts int, ago time.Duration) error {
	if err := e.halt(); err != nil {
		return err
	}
	defer func() { e.serve(e.runner) }()
	options := e.options
	options.Clock = behind(ago)
	past, err := automation.New(e.store, unsent{}, options)
	if err != nil {
		return err
	}
	had, err := e.Finished(ctx)
	if err != nil {
		return err
	}
	e.serve(past)
	err = sendEach(ctx, past, from, to, func(k int) automation.Event { return flowEvent(k % contacts) }, nil)
	if err == nil {
		err = until(ctx, had+to-from, e.Finished)
	}
	return errors.Join(err, e.halt())
}

// ListEnded implements grower.
func (e *ours) ListEnded(ctx context.Context) (int, error) {
	runs, err := e.runner.ListRuns(ctx, automation.RunQuery{
		AutomationID: ourFlow.ID, Statuses: []automation.RunStatus{automation.RunCompleted}, PageQuery: automation.PageQuery{Limit: page},
	})
	return len(runs.Data), err
}

// Prune implements pruner.
func (e *ours) Prune(ctx context.Context, age time.Duration) (int, error) {
	removed, err := e.runner.Prune(ctx, age)
	return removed.Runs, err
}

// behind is a clock that is behind by a duration.
type behind time.Duration

// Now implements automation.Clock.
func (c behind) Now() time.Time { return time.Now().Add(-time.Duration(c)) }

// After implements automation.Clock.
func (c behind) After(d time.Duration) <-chan time.Time { return time.After(d) }

// unsent is a mailer that sends nothing.
type unsent struct{}

// SendEmail implements automation.Mailer.
func (unsent) SendEmail(context.Context, automation.Email) (string, error) { return "unsent", nil }
