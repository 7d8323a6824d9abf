package automation

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// CreateAutomation validates and keeps a new automation, and returns it as it
// was kept. Its ID is made if it is empty; an id that is taken fails with
// ErrConflict. An invalid automation fails with a *ValidationError that lists
// every problem, and nothing is kept.
func (r *Runner) CreateAutomation(ctx context.Context, a Automation) (Automation, error) {
	g, err := Compile(a, r.compileOptions())
	if err != nil {
		return Automation{}, err
	}
	now := r.now()
	if a.ID == "" {
		a.ID = r.ids.Next(now)
	}
	a.Version, a.Revision, a.CreatedAt, a.UpdatedAt = 1, 1, now, now
	rec, err := record(a, g)
	if err != nil {
		return Automation{}, err
	}
	if err := r.store.InsertAutomation(ctx, rec); err != nil {
		return Automation{}, fmt.Errorf("automation: create %s: %w", jsondoc.Quote(a.Name), err)
	}
	return r.GetAutomation(ctx, rec.ID) // the store has chosen the version
}

// AutomationUpdate is a change to an automation. Nil fields stay as they are.
type AutomationUpdate struct {
	Name   *string
	Status *Status
	// Steps and Connections replace the graph and make a new version. They are
	// given together, or not at all. Runs in progress stay on their version.
	Steps       []Step
	Connections []Connection
	// Revision, if set, is the revision that the update is based on: it fails
	// with ErrConflict if there is a newer one.
	Revision int
}

// UpdateAutomation changes an automation and returns it as it is then. Of two
// updates at once, the second fails with ErrConflict; nothing is half-applied.
func (r *Runner) UpdateAutomation(ctx context.Context, id string, u AutomationUpdate) (Automation, error) {
	if err := u.check(); err != nil {
		return Automation{}, err
	}
	old, err := r.store.FindAutomation(ctx, id)
	if err != nil {
		return Automation{}, fmt.Errorf("automation: update: %w", err)
	}
	if u.Revision != 0 && u.Revision != old.Revision {
		return Automation{}, fmt.Errorf("automation: update %s: it is at revision %d, not %d; read it again: %w", jsondoc.Quote(id), old.Revision, u.Revision, ErrConflict)
	}
	return r.replace(ctx, old, u)
}

func (u AutomationUpdate) check() error {
	var ps Problems
	if (u.Steps == nil) != (u.Connections == nil) {
		ps.Add(CodeMissingField, "connections", "steps and connections are updated together; give both")
	}
	if u.Name == nil && u.Status == nil && u.Steps == nil && u.Connections == nil {
		ps.Add(CodeMissingField, "", "an update needs a name, a status, or steps and connections")
	}
	return ps.Err("update")
}

// replace applies u to rec, which was read at rec.Revision.
func (r *Runner) replace(ctx context.Context, rec AutomationRecord, u AutomationUpdate) (Automation, error) {
	set(&rec.Name, u.Name)
	set(&rec.Status, u.Status)
	if err := r.redefine(&rec, u); err != nil {
		return Automation{}, err
	}
	rec.Revision++
	rec.UpdatedAt = r.now()
	if err := r.store.UpdateAutomation(ctx, rec); err != nil {
		return Automation{}, fmt.Errorf("automation: update %q: %w", rec.ID, err)
	}
	return r.decode(rec)
}

// redefine gives rec the graph of u, if it has one. A graph that stays is kept
// as it is, without a look at it: this process may not know all of its step
// types, or may have narrower limits, and can stop or rename it all the same.
func (r *Runner) redefine(rec *AutomationRecord, u AutomationUpdate) error {
	a := rec.head()
	if u.Steps == nil {
		return headProblems(a).Err("automation " + jsondoc.Quote(a.Name))
	}
	a.Steps, a.Connections = u.Steps, u.Connections
	g, err := Compile(a, r.compileOptions())
	if err != nil {
		return err
	}
	a.Version++
	*rec, err = record(a, g)
	return err
}

// Apply makes the stored automation with a.ID be as a says: it creates it, or
// changes name, status and graph where they differ. An application that defines
// its automations in code or in files calls it for each of them when it starts;
// any number of processes may do so at once. Applying the same automation again
// changes nothing and makes no new version.
func (r *Runner) Apply(ctx context.Context, a Automation) (Automation, error) {
	if a.ID == "" {
		var ps Problems
		ps.Add(CodeMissingField, "id", "Apply needs an id, to find the automation again")
		return Automation{}, ps.Err("automation")
	}
	for {
		applied, err := r.apply(ctx, a)
		if !errors.Is(err, ErrConflict) || ctx.Err() != nil {
			return applied, err
		}
		// Another process was faster; see what is left to do.
		if _, findErr := r.store.FindAutomation(ctx, a.ID); findErr != nil {
			return applied, err
		}
	}
}

func (r *Runner) apply(ctx context.Context, a Automation) (Automation, error) {
	rec, err := r.store.FindAutomation(ctx, a.ID)
	if errors.Is(err, ErrNotFound) {
		return r.CreateAutomation(ctx, a)
	}
	if err != nil {
		return Automation{}, fmt.Errorf("automation: apply: %w", err)
	}
	old, err := r.decode(rec)
	if err != nil {
		return Automation{}, err
	}
	var u AutomationUpdate
	if a.Name != old.Name {
		u.Name = &a.Name
	}
	if status := a.status(); status != old.Status {
		u.Status = &status
	}
	same, err := sameGraph(a, old)
	if err != nil {
		return Automation{}, err
	}
	if !same {
		// Not nil, which would let the old graph stay.
		u.Steps, u.Connections = append([]Step{}, a.Steps...), append([]Connection{}, a.Connections...)
	}
	if reflect.DeepEqual(u, AutomationUpdate{}) {
		return old, nil
	}
	return r.replace(ctx, rec, u)
}

// sameGraph compares graphs by their encoding, in which a config has one form
// whether it was given as a struct or read from a store.
func sameGraph(a, b Automation) (bool, error) {
	x, err := encodeDefinition(a)
	if err != nil {
		return false, err
	}
	y, err := encodeDefinition(b)
	return string(x) == string(y), err
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

// ListAutomations lists automations, newest first, without their steps and
// connections.
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
	}
	return page, nil
}

// StopOptions say how to stop an automation.
type StopOptions struct {
	// CancelRuns also cancels the runs in progress. Otherwise they go on to
	// their end.
	CancelRuns bool
}

// StopAutomation disables an automation: no run starts after it returns.
// Stopping one that is disabled is no error.
func (r *Runner) StopAutomation(ctx context.Context, id string, opts StopOptions) (Automation, error) {
	a, err := r.disable(ctx, id)
	for errors.Is(err, ErrConflict) && ctx.Err() == nil {
		a, err = r.disable(ctx, id) // somebody changed it in between
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
	if rec.Status == StatusDisabled {
		return r.decode(rec)
	}
	status := StatusDisabled
	return r.replace(ctx, rec, AutomationUpdate{Status: &status})
}

// DuplicateAutomation makes a copy with an id of its own, disabled, whose name
// ends in " (copy)".
func (r *Runner) DuplicateAutomation(ctx context.Context, id string) (Automation, error) {
	a, err := r.GetAutomation(ctx, id)
	if err != nil {
		return Automation{}, err
	}
	return r.CreateAutomation(ctx, Automation{
		Name: a.Name + " (copy)", Status: StatusDisabled, Steps: a.Steps, Connections: a.Connections,
	})
}

// DeleteAutomation deletes an automation and cancels its runs in progress. Its
// runs stay readable until they are pruned.
func (r *Runner) DeleteAutomation(ctx context.Context, id string) error {
	if err := r.store.DeleteAutomation(ctx, id, r.now()); err != nil {
		return fmt.Errorf("automation: delete: %w", err)
	}
	r.wake()
	return nil
}

// ValidateAutomation reports everything that is wrong with an automation, as
// Validate does, and warns about its templates where the mailer knows them.
// The error is about asking the mailer.
func (r *Runner) ValidateAutomation(ctx context.Context, a Automation) (Problems, error) {
	ps := Validate(a, ValidateOptions{Registry: r.opts.Registry, Limits: r.opts.Limits})
	in, ok := r.mailer.(TemplateInspector)
	if !ok {
		return ps, nil
	}
	templates, err := templateProblems(ctx, a, in)
	if errors.Is(err, errors.ErrUnsupported) { // a mailer around something that cannot tell
		return ps, nil
	}
	return append(ps, templates...), err
}

func (a Automation) status() Status {
	if a.Status == "" {
		return StatusDisabled
	}
	return a.Status
}

// record returns the automation as stores keep it.
func record(a Automation, g *Graph) (AutomationRecord, error) {
	definition, err := encodeDefinition(a)
	if err != nil {
		return AutomationRecord{}, fmt.Errorf("automation: encode %s: %w", jsondoc.Quote(a.Name), err)
	}
	return AutomationRecord{
		ID: a.ID, Name: a.Name, Status: a.status(), EventName: g.Event(),
		Version: a.Version, Revision: a.Revision, Definition: definition,
		CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt,
	}, nil
}

// decode returns the automation that was kept as rec. Custom configs become
// their structs where the registry knows them.
func (r *Runner) decode(rec AutomationRecord) (Automation, error) {
	graph, err := decodeDefinition(rec.Definition, r.opts.Registry)
	if err != nil { // not wrapped: what is invalid here is nothing that the caller gave
		return Automation{}, fmt.Errorf("automation: %q as stored: %v", rec.ID, err)
	}
	a := rec.head()
	a.Steps, a.Connections = graph.Steps, graph.Connections
	return a, nil
}

// head returns the automation without its graph.
func (rec AutomationRecord) head() Automation {
	return Automation{
		ID: rec.ID, Name: rec.Name, Status: rec.Status, Version: rec.Version, Revision: rec.Revision,
		CreatedAt: rec.CreatedAt, UpdatedAt: rec.UpdatedAt,
	}
}

// encodeDefinition encodes the graph of an automation.
func encodeDefinition(a Automation) ([]byte, error) {
	return jsondoc.Encode(struct {
		Steps       []Step       `json:"steps"`
		Connections []Connection `json:"connections"`
	}{a.Steps, append([]Connection{}, a.Connections...)})
}
