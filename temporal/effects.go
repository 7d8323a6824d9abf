package temporal

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/seed-b636437c/automation"
)

// effect is an effect that a turn has planned, as the workflow sees it.
type effect struct {
	RunID   string `json:"run_id"`
	Step    string `json:"step"`
	Attempt int    `json:"attempt"`
	Input   []byte `json:"input,omitempty"` // an effectInput
}

// effectInput is the input of the activity that performs an effect.
type effectInput struct {
	Format       int                      `json:"format"`
	Key          automation.ContactRef    `json:"key"`
	Effect       automation.PlannedEffect `json:"effect"`
	PayloadApart bool                     `json:"payload_apart,omitempty"`
}

// effectResult is the result of the activity.
type effectResult struct {
	Outcome []byte `json:"outcome"`
	// Recorded means that the activity has also given the record to the catalog.
	Recorded bool `json:"recorded,omitempty"`
	// Next is the turn that follows, if it was planned ahead.
	Next *turnResult `json:"next,omitempty"`
}

// performed is an effect that has ended.
type performed struct {
	Effect effect `json:"effect"`
	// Outcome is empty if the worker did not answer. The effect may have happened.
	Outcome []byte `json:"outcome,omitempty"`
	// NotBegun is why the effect did not begin.
	NotBegun string `json:"not_begun,omitempty"`
}

// notBegun is the type of the errors of activities whose effect did not begin.
const notBegun = "NotBegun"

// perform is the activity that performs an effect. If it has the record of the turn, it gives that
// to the catalog first. If it has the state of the contact, it plans the next turn too.
func (w *Worker) perform(ctx context.Context, input, rec, state []byte) (result effectResult, err error) {
	var in effectInput
	if err := unpack(input, &in); err != nil {
		return result, sdktemporal.NewNonRetryableApplicationError(err.Error(), notBegun, err)
	}
	if err := checkFormat("an effect", in.Format); err != nil {
		return result, sdktemporal.NewNonRetryableApplicationError(err.Error(), notBegun, err)
	}
	if len(rec) > 0 {
		if err := w.recordOnce(ctx, rec); err != nil {
			return result, sdktemporal.NewNonRetryableApplicationError(err.Error(), notBegun, err)
		}
		result.Recorded = true
	}
	if in.PayloadApart {
		if in.Effect.Run.TriggerPayload, err = w.payload(ctx, in.Effect.Run.EventID); err != nil {
			return result, sdktemporal.NewNonRetryableApplicationError(err.Error(), notBegun, err)
		}
	}
	defer w.showAlive(ctx)()
	bound, cancel := w.bound(ctx)
	defer cancel()
	o := w.runner.Perform(bound, in.Effect)
	if result.Outcome, err = pack(o); err != nil || len(state) == 0 {
		return result, err
	}
	ref := effect{RunID: in.Effect.Run.ID, Step: in.Effect.Step, Attempt: in.Effect.Attempt}
	result.Next = w.planAhead(ctx, turnInput{Key: in.Key, State: state, Done: []performed{{Effect: ref, Outcome: result.Outcome}}})
	return result, nil
}

// bound returns the context of an effect. It ends when the worker has no more time.
func (w *Worker) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(w.effects, cancel)
	return ctx, func() { stop(); cancel() }
}

// showAlive shows the server that this worker is alive, until the returned function is called. An
// effect that is over soon needs no sign.
func (w *Worker) showAlive(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(w.opts.LostAfter / 4)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return cancel
}

// guard returns a panic as an error: a mistake must not end the process of the host.
func guard(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("temporal: panic: %v", p)
		}
	}()
	return call()
}
