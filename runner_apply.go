package automation

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// ApplyOutcome is what Apply did.
type ApplyOutcome string

// The outcomes of Apply.
const (
	// ApplyCreated means that there was no such automation, and now there is.
	ApplyCreated ApplyOutcome = "created"
	// ApplyChanged means that the name, the status or the graph was changed.
	ApplyChanged ApplyOutcome = "changed"
	// ApplyUnchanged means that the stored automation was the same already.
	ApplyUnchanged ApplyOutcome = "unchanged"
	// ApplyLeftStopped means that the automation stays disabled, because an operator
	// stopped it. Its name and its graph are those that were applied.
	ApplyLeftStopped ApplyOutcome = "left stopped"
	// ApplyLeftDeleted means that there is no such automation, because an operator
	// deleted it.
	ApplyLeftDeleted ApplyOutcome = "left deleted"
)

// ApplyResult is what Apply did, and the result.
type ApplyResult struct {
	// Automation is the automation as stored. After ApplyLeftDeleted only its ID and
	// its Name are set.
	Automation Automation
	Outcome    ApplyOutcome
}

// String returns the result in a line for a log or a terminal.
func (r ApplyResult) String() string {
	a := r.Automation
	text := fmt.Sprintf("automation %s: %s", jsondoc.Quote(a.ID), r.Outcome)
	switch r.Outcome {
	case ApplyCreated, ApplyUnchanged:
		return fmt.Sprintf("%s, %s at version %d", text, a.Status, a.Version)
	case ApplyChanged:
		return fmt.Sprintf("%s to version %d, revision %d, %s", text, a.Version, a.Revision, a.Status)
	case ApplyLeftStopped:
		return fmt.Sprintf("%s at version %d: an operator stopped it at %s; enable it with UpdateAutomation, or apply it with Restart",
			text, a.Version, a.StoppedAt.Format(time.RFC3339))
	default:
		return text + ": an operator deleted it; remove it from the code, or apply it with Restart once its runs are pruned"
	}
}

// ApplyOption is an option of Apply.
type ApplyOption func(*applyOptions)

type applyOptions struct{ restart bool }

// Restart makes Apply overrule operators: it enables an automation that an operator
// stopped, and creates one anew that an operator deleted. While the store keeps runs of a
// deleted automation, its id is not free, and it stays deleted. Use Restart for one start
// of an application, or behind a flag: with it in the code for good, no stop lasts.
func Restart() ApplyOption { return func(o *applyOptions) { o.restart = true } }

// Apply makes the stored automation with the id a.ID equal to a. It creates the
// automation, or updates its name, status and graph if they differ. An automation without
// a status is enabled. An application that defines automations in code or in files calls
// Apply for each of them at its start. Any number of processes may do that at the same
// time. To apply the same automation again changes nothing and makes no new version.
//
// What an operator does wins over the code. Apply does not enable an automation that
// StopAutomation or UpdateAutomation disabled: its graph changes with the code, and it
// starts nothing until an operator enables it. Apply does not create an automation again
// that DeleteAutomation deleted. Both are outcomes and no errors, so that an application
// starts in any case. Restart lifts both.
//
// The Runner logs each result at level INFO. Automation.Warnings of the result are logged
// at level WARN. Apply fails with a *ValidationError if a is invalid or has no ID.
func (r *Runner) Apply(ctx context.Context, a Automation, opts ...ApplyOption) (ApplyResult, error) {
	if a.ID == "" {
		var ps Problems
		ps.Add(CodeMissingField, "id", `the id is missing: Apply finds the automation by it, so set ID, such as "welcome", and never change it`)
		return ApplyResult{}, ps.Err("automation")
	}
	var o applyOptions
	for _, option := range opts {
		option(&o)
	}
	for {
		result, err := r.apply(ctx, a, o)
		if err == nil && result.Outcome != ApplyLeftDeleted {
			result.Automation.Warnings = r.warnings(ctx, result.Automation)
		}
		if err == nil {
			r.logApplied(ctx, result)
			return result, nil
		}
		if !r.overtaken(ctx, a.ID, err) {
			return ApplyResult{}, err
		}
	}
}

// overtaken reports whether Apply failed with err because another process was faster, so
// that it must compare again with what that process left.
func (r *Runner) overtaken(ctx context.Context, id string, err error) bool {
	if ctx.Err() != nil || !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
		return false
	}
	_, err = r.store.FindAutomation(ctx, id)
	return err == nil || errors.Is(err, ErrDeleted)
}

func (r *Runner) logApplied(ctx context.Context, result ApplyResult) {
	a := result.Automation
	attrs := []any{"automation", a.ID, "outcome", result.Outcome}
	if result.Outcome != ApplyLeftDeleted {
		attrs = append(attrs, "version", a.Version, "status", a.Status)
	}
	if !a.StoppedAt.IsZero() {
		attrs = append(attrs, "stopped_at", a.StoppedAt)
	}
	r.opts.Logger.InfoContext(ctx, "automation: applied", attrs...)
}

func (r *Runner) apply(ctx context.Context, a Automation, o applyOptions) (ApplyResult, error) {
	rec, err := r.store.FindAutomation(ctx, a.ID)
	switch {
	case errors.Is(err, ErrDeleted) && !o.restart:
		return r.leaveDeleted(a)
	case errors.Is(err, ErrDeleted):
		return r.revive(ctx, a)
	case errors.Is(err, ErrNotFound):
		created, err := r.create(ctx, a)
		return ApplyResult{Automation: created, Outcome: ApplyCreated}, err
	case err != nil:
		return ApplyResult{}, fmt.Errorf("automation: apply: %w", err)
	default:
		return r.applyTo(ctx, rec, a, o)
	}
}

// leaveDeleted reports problems of a, although a is not stored: a mistake in the code
// must not wait for an operator to show.
func (r *Runner) leaveDeleted(a Automation) (ApplyResult, error) {
	_, err := Compile(a, r.compileOptions())
	return ApplyResult{Automation: Automation{ID: a.ID, Name: a.Name}, Outcome: ApplyLeftDeleted}, err
}

// revive creates a under the id of a deleted automation, if it is free.
func (r *Runner) revive(ctx context.Context, a Automation) (ApplyResult, error) {
	created, err := r.create(ctx, a)
	if errors.Is(err, ErrConflict) {
		if _, findErr := r.store.FindAutomation(ctx, a.ID); errors.Is(findErr, ErrDeleted) {
			return r.leaveDeleted(a) // runs of the deleted one are kept
		}
	}
	return ApplyResult{Automation: created, Outcome: ApplyCreated}, err
}

// applyTo makes rec, which was read from the store, equal to a.
func (r *Runner) applyTo(ctx context.Context, rec AutomationRecord, a Automation, o applyOptions) (ApplyResult, error) {
	old, err := r.decode(rec)
	if err != nil {
		return ApplyResult{}, err
	}
	status, outcome := a.status(), ApplyChanged
	if status == StatusEnabled && !rec.stoppedAt().IsZero() && !o.restart {
		status, outcome = StatusDisabled, ApplyLeftStopped
	}
	u, err := difference(old, a, status)
	if err != nil {
		return ApplyResult{}, err
	}
	if !reflect.DeepEqual(u, AutomationUpdate{}) {
		changed, err := r.replace(ctx, rec, u)
		return ApplyResult{Automation: changed, Outcome: outcome}, err
	}
	if outcome == ApplyChanged {
		outcome = ApplyUnchanged
	}
	return ApplyResult{Automation: old, Outcome: outcome}, nil
}

// difference returns the update that gives old the name and the graph of a, and status.
func difference(old, a Automation, status Status) (u AutomationUpdate, err error) {
	if a.Name != old.Name {
		u.Name = &a.Name
	}
	if status != old.Status {
		u.Status = &status
	}
	same, err := sameGraph(a, old)
	if err != nil || same {
		return u, err
	}
	// Nil values would mean that the old ones stay.
	u.Retry, u.Entry, u.Exit = &a.Retry, orEmpty(a.Entry), orEmpty(a.Exit)
	u.Steps, u.Connections = append([]Step{}, a.Steps...), append([]Connection{}, a.Connections...)
	return u, nil
}

// orEmpty returns p, or a pointer to a zero value in place of nil.
func orEmpty[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

// sameGraph compares definitions by their encoding. There a config has the same form, whether
// it comes from a struct or from a store.
func sameGraph(a, b Automation) (bool, error) {
	x, err := encodeDefinition(a)
	if err != nil {
		return false, err
	}
	y, err := encodeDefinition(b)
	return string(x) == string(y), err
}
