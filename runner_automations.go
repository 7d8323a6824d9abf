package automation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// CreateAutomation validates and stores a new automation, and returns it as stored. If ID
// is empty, the Runner makes one. CreateAutomation fails with ErrConflict if the id is
// taken, and with a *ValidationError that lists every problem if the automation is
// invalid. In both cases it stores nothing. Warnings are no error: they are in the result,
// and logged.
func (r *Runner) CreateAutomation(ctx context.Context, a Automation) (Automation, error) {
	a, err := r.create(ctx, a)
	if err == nil {
		a.Warnings = r.warnings(ctx, a)
	}
	return a, err
}

// create is CreateAutomation without warnings.
func (r *Runner) create(ctx context.Context, a Automation) (Automation, error) {
	if _, err := Compile(a, r.compileOptions()); err != nil {
		return Automation{}, err
	}
	now := r.now()
	if a.ID == "" {
		a.ID = r.ids.Next(now)
	}
	a.Version, a.Revision, a.CreatedAt, a.UpdatedAt, a.StoppedAt = 1, 1, now, now, time.Time{}
	rec, err := record(a)
	if err != nil {
		return Automation{}, err
	}
	rec.Author = ActorFrom(ctx)
	if err := r.store.InsertAutomation(ctx, rec); err != nil {
		return Automation{}, fmt.Errorf("automation: create %s: %w", jsondoc.Quote(a.Name), err)
	}
	return r.GetAutomation(ctx, rec.ID) // with the version that the store chose
}

// AutomationUpdate is a change to an automation. A nil field stays as it is.
type AutomationUpdate struct {
	Name   *string
	Status *Status
	// Steps and Connections replace the graph and make a new version. Set both or
	// neither. Runs in progress stay on their version.
	Steps       []Step
	Connections []Connection
	// Retry replaces the retry policy and makes a new version. The zero policy means
	// Options.Retry.
	Retry *RetryPolicy
	// Entry and Exit replace the rules of entry and of exit, and make a new version. A pointer
	// to the zero value removes them. The graph stays as it is, and is not validated again.
	Entry *Entry
	Exit  *Exit
	// Revision, if not zero, is the revision that the update is based on. The update
	// fails with a *RevisionError if the automation has another revision.
	Revision int

	operator bool // made by an operator, and not by Apply
}

// UpdateAutomation changes an automation and returns it as stored. It applies all of the
// update or nothing. It fails with a *ValidationError, with ErrNotFound, and with a
// *RevisionError if another update happens at the same time or u.Revision does not match.
//
// An update of the status is the act of an operator: Apply does not enable what
// UpdateAutomation disabled, until UpdateAutomation enables it again. The result has
// Warnings, unless the update disables the automation as it is.
func (r *Runner) UpdateAutomation(ctx context.Context, id string, u AutomationUpdate) (Automation, error) {
	if err := u.validate(); err != nil {
		return Automation{}, err
	}
	old, err := r.store.FindAutomation(ctx, id)
	if err != nil {
		return Automation{}, fmt.Errorf("automation: update: %w", err)
	}
	if u.Revision != 0 && u.Revision != old.Revision {
		return Automation{}, fmt.Errorf("automation: update: %w", &RevisionError{AutomationID: id, Current: old.Revision, Given: u.Revision})
	}
	u.operator = true
	a, err := r.replace(ctx, old, u)
	if err == nil && (u.Steps != nil || a.Status == StatusEnabled) {
		a.Warnings = r.warnings(ctx, a)
	}
	return a, err
}

func (u AutomationUpdate) validate() error {
	var ps Problems
	if (u.Steps == nil) != (u.Connections == nil) {
		ps.Add(CodeMissingField, "connections", "steps and connections are updated together; give both")
	}
	if u.Name == nil && u.Status == nil && !u.redefines() {
		ps.Add(CodeMissingField, "", "an update needs a name, a status, a retry policy, an entry, an exit, or steps and connections")
	}
	if u.Status != nil && *u.Status == "" {
		ps.Add(CodeInvalidStatus, "status", "must not be empty: use %q or %q", StatusEnabled, StatusDisabled)
	}
	return ps.Err("update")
}

// redefines reports whether u changes what makes a version.
func (u AutomationUpdate) redefines() bool {
	return u.Steps != nil || u.Connections != nil || u.Retry != nil || u.Entry != nil || u.Exit != nil
}

// replace applies u to rec, which the caller read from the store.
func (r *Runner) replace(ctx context.Context, rec AutomationRecord, u AutomationUpdate) (Automation, error) {
	now := r.now()
	rec.StoppedAt = rec.stoppedAfter(u, now)
	set(&rec.Name, u.Name)
	set(&rec.Status, u.Status)
	if err := r.redefine(&rec, u); err != nil {
		return Automation{}, err
	}
	rec.Revision++
	rec.UpdatedAt, rec.Author = now, ActorFrom(ctx)
	if err := r.store.UpdateAutomation(ctx, rec); err != nil {
		return Automation{}, fmt.Errorf("automation: update %q: %w", rec.ID, err)
	}
	return r.decode(rec)
}

// stoppedAt returns when an operator stopped the automation, or zero. A process of an
// older version can enable an automation without removing the mark.
func (rec AutomationRecord) stoppedAt() time.Time {
	if rec.Status == StatusEnabled {
		return time.Time{}
	}
	return rec.StoppedAt
}

// stoppedAfter returns what stoppedAt is after the update u at the time now.
func (rec AutomationRecord) stoppedAfter(u AutomationUpdate, now time.Time) time.Time {
	stopped := rec.stoppedAt()
	switch {
	case u.Status == nil:
		return stopped
	case *u.Status == StatusEnabled:
		return time.Time{}
	case u.operator && stopped.IsZero():
		return now
	default:
		return stopped
	}
}

// redefine puts what u changes of the definition into rec. It does not validate a graph that
// stays: this process may lack some of the step types, or have narrower limits, and must still
// be able to stop or rename the automation, and to change who enters it. A new retry policy is
// validated with the graph that it is for.
func (r *Runner) redefine(rec *AutomationRecord, u AutomationUpdate) error {
	a := rec.head()
	if !u.redefines() {
		return headProblems(a).Err("automation " + jsondoc.Quote(a.Name))
	}
	a.Steps, a.Connections = u.Steps, u.Connections
	if old, err := r.decode(*rec); err == nil {
		a.Retry, a.Entry, a.Exit = old.Retry, old.Entry, old.Exit
		if u.Steps == nil {
			a.Steps, a.Connections = old.Steps, old.Connections
		}
	} else if u.Steps == nil || errors.Is(err, ErrNewerVersion) {
		return err // there is no graph to keep, or there are rules that this process would lose
	}
	set(&a.Retry, u.Retry)
	if u.Entry != nil {
		a.Entry = u.Entry.given()
	}
	if u.Exit != nil {
		a.Exit = u.Exit.given()
	}
	if u.Steps == nil && u.Retry == nil {
		if err := frameProblems(a, r.opts.Limits).Err("automation " + jsondoc.Quote(a.Name)); err != nil {
			return err
		}
	} else if _, err := Compile(a, r.compileOptions()); err != nil {
		return err
	}
	a.Version++
	next, err := record(a)
	if err == nil {
		*rec = next
	}
	return err
}

// GetAutomation returns the automation with this id, or an error that wraps
// ErrNotFound.
func (r *Runner) GetAutomation(ctx context.Context, id string) (Automation, error) {
	rec, err := r.store.FindAutomation(ctx, id)
	if err != nil {
		return Automation{}, fmt.Errorf("automation: %w", err)
	}
	return r.decode(rec)
}

// ListAutomations lists automations, newest first, without their graphs and policies.
// It fails with a *ValidationError if the page is invalid, and with ErrNotFound if the
// cursor is not the id of an automation.
func (r *Runner) ListAutomations(ctx context.Context, q AutomationQuery) (Page[Automation], error) {
	if err := q.Check(); err != nil {
		return Page[Automation]{}, err
	}
	recs, err := r.store.ListAutomations(ctx, q)
	if err != nil {
		return Page[Automation]{}, fmt.Errorf("automation: list automations: %w", err)
	}
	page := Page[Automation]{HasMore: recs.HasMore, Data: make([]Automation, len(recs.Data))}
	for i, rec := range recs.Data {
		page.Data[i] = rec.head()
		page.Data[i].EventName = rec.EventName
	}
	return page, nil
}

// StopOptions are the options of StopAutomation. The zero value stops new runs only.
type StopOptions struct {
	// CancelRuns also cancels the runs in progress. Otherwise they continue to their
	// end.
	CancelRuns bool
}

// StopAutomation disables an automation: no run of it starts after StopAutomation
// returns. Apply does not enable it again, until an operator does so with
// UpdateAutomation. It fails with ErrNotFound. To stop a disabled automation is no error.
func (r *Runner) StopAutomation(ctx context.Context, id string, opts StopOptions) (Automation, error) {
	a, err := r.disable(ctx, id)
	for errors.Is(err, ErrConflict) && ctx.Err() == nil {
		a, err = r.disable(ctx, id) // another update came between reading and writing
	}
	if err != nil {
		return Automation{}, err
	}
	if opts.CancelRuns {
		if _, err := r.store.CancelRuns(ctx, id, r.now()); err != nil {
			return Automation{}, fmt.Errorf("automation: stop %s: cancel runs: %w", jsondoc.Quote(id), err)
		}
		r.wake()
	}
	return a, nil
}

func (r *Runner) disable(ctx context.Context, id string) (Automation, error) {
	rec, err := r.store.FindAutomation(ctx, id)
	if err != nil {
		return Automation{}, fmt.Errorf("automation: stop: %w", err)
	}
	if rec.Status == StatusDisabled && !rec.StoppedAt.IsZero() {
		return r.decode(rec)
	}
	status := StatusDisabled
	return r.replace(ctx, rec, AutomationUpdate{Status: &status, operator: true})
}

// DuplicateAutomation creates a disabled copy of an automation, with a new id and a name
// that ends in " (Copy)". It fails with ErrNotFound.
func (r *Runner) DuplicateAutomation(ctx context.Context, id string) (Automation, error) {
	a, err := r.GetAutomation(ctx, id)
	if err != nil {
		return Automation{}, err
	}
	return r.CreateAutomation(ctx, Automation{
		Name: a.Name + " (Copy)", Status: StatusDisabled, Steps: a.Steps, Connections: a.Connections, Retry: a.Retry,
		Entry: a.Entry, Exit: a.Exit,
	})
}

// DeleteAutomation deletes an automation and cancels its runs in progress. The runs stay
// readable until they are pruned. Apply does not create the automation again, also after
// they were pruned. DeleteAutomation fails with ErrNotFound.
func (r *Runner) DeleteAutomation(ctx context.Context, id string) error {
	if err := r.store.DeleteAutomation(ctx, id, r.now()); err != nil {
		return fmt.Errorf("automation: delete: %w", err)
	}
	r.wake()
	return nil
}

// record returns a valid automation in the form that stores keep.
func record(a Automation) (AutomationRecord, error) {
	definition, err := encodeDefinition(a)
	if err != nil {
		return AutomationRecord{}, fmt.Errorf("automation: encode %s: %w", jsondoc.Quote(a.Name), err)
	}
	event := a.triggerEvent()
	return AutomationRecord{
		ID: a.ID, Name: a.Name, Status: a.status(), EventName: event,
		EventNames: a.Entry.eventNames(event), Gathers: a.Entry.gathers(),
		Version: a.Version, Revision: a.Revision, Definition: definition,
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, StoppedAt: a.StoppedAt,
	}, nil
}

// decode decodes a stored automation. A custom config becomes a struct if its step type
// is registered.
func (r *Runner) decode(rec AutomationRecord) (Automation, error) {
	graph, err := decodeDefinition(rec.Definition, r.opts.Registry)
	if errors.Is(err, ErrNewerVersion) {
		return Automation{}, fmt.Errorf("automation: %q: %w", rec.ID, err)
	}
	if err != nil { // not wrapped: a *ValidationError would blame the caller's input
		return Automation{}, fmt.Errorf("automation: %q as stored: %v", rec.ID, err)
	}
	a := rec.head()
	a.Steps, a.Connections, a.Retry, a.Entry, a.Exit = graph.Steps, graph.Connections, graph.Retry, graph.Entry, graph.Exit
	return a, nil
}

// head returns the automation without its graph.
func (rec AutomationRecord) head() Automation {
	return Automation{
		ID: rec.ID, Name: rec.Name, Status: rec.Status, Version: rec.Version, Revision: rec.Revision,
		CreatedAt: rec.CreatedAt, UpdatedAt: rec.UpdatedAt, StoppedAt: rec.stoppedAt(),
	}
}

// encodeDefinition encodes what makes a version of an automation. A definition without any of
// the members that Resend does not have encodes to the same bytes as in earlier releases. A
// release that gives a member another meaning writes "engine", the least engine that knows it.
func encodeDefinition(a Automation) ([]byte, error) {
	return jsondoc.Encode(struct {
		Steps       []Step       `json:"steps"`
		Connections []Connection `json:"connections"`
		Retry       RetryPolicy  `json:"retry,omitzero"`
		Entry       *Entry       `json:"entry,omitempty"`
		Exit        *Exit        `json:"exit,omitempty"`
	}{a.Steps, append([]Connection{}, a.Connections...), a.Retry, a.Entry.given(), a.Exit.given()})
}
