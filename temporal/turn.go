package temporal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// turnInput is what a turn works on. It is not part of the history.
type turnInput struct {
	Key automation.ContactRef
	// State is what the turn before has left, nil before the first one.
	State []byte
	// Record is what the turn before has for the catalog, unless the catalog has it.
	Record []byte
	// Messages are the oldest messages that were not handled.
	Messages [][]byte
	// Done are effects that have ended.
	Done []performed
	// FiredAt is the due time whose timer has fired, or zero. All events that were accepted
	// by then are among Messages or were handled.
	FiredAt time.Time
}

// turnResult is what a turn gives. The history has it, so its fields keep their meaning forever.
type turnResult struct {
	// Failed is why the turn could not be taken, or empty. Then nothing else is set, and the
	// inputs stay.
	Failed string `json:"failed,omitempty"`
	// State is for the next turn. It is nil if the contact has no run left.
	State []byte `json:"state,omitempty"`
	// Sequence is the number of the last turn that changed something.
	Sequence int64 `json:"sequence,omitempty"`
	// Record is what the catalog needs to know. It may be given to the catalog as soon as the
	// turn is in the history.
	Record []byte `json:"record,omitempty"`
	// RecordFirst means that effects read what the record brings.
	RecordFirst bool `json:"record_first,omitempty"`
	// Effects are the effects to perform.
	Effects []effect `json:"effects,omitempty"`
	// Forward are messages for other workflows, and events that steps have sent for this one.
	Forward []forward `json:"forward,omitempty"`
	// Handled is how many messages were handled, and Damaged are the indexes of those among
	// them that could not be decoded.
	Handled int   `json:"handled,omitempty"`
	Damaged []int `json:"damaged,omitempty"`
	// Due is when the contact needs a turn by time, and Wait how long that is from the turn
	// on. Due is zero if it is never.
	Due  time.Time     `json:"due,omitzero"`
	Wait time.Duration `json:"wait,omitempty"`
}

// skew is longer than a workflow task takes to begin its turn: the server gives it ten seconds. What
// was due so long ago was due before the events were read.
const skew = 15 * time.Second

// A turn handles as many messages as these bounds allow, at least one. Small events are in the
// state and in the record of the turn, so there must be room for them twice.
const (
	turnMessages = 64
	turnBytes    = 256 << 10
)

// maxResult bounds the result of a turn. The server refuses 2 MB, and ends the workflow.
const maxResult = 1_400_000

// takeTurn takes the turn of a contact. A turn that cannot be taken is a result, so that the
// workflow can set the contact aside.
func (w *Worker) takeTurn(ctx context.Context, in turnInput) (turnResult, error) {
	var out turnResult
	err := guard(func() (err error) {
		out, err = w.planTurn(ctx, &in)
		return err
	})
	if err != nil {
		w.config.Logger.Error("temporal: contact set aside", "workflow", w.names.workflow(in.Key), "contact", in.Key.ID, "error", err)
		return turnResult{Failed: err.Error()}, nil
	}
	return out, nil
}

// turnOf is a turn that is being taken.
type turnOf struct {
	*Worker
	in    *turnInput
	state contactState
	work  automation.TurnInput
	turn  automation.Turn
	now   time.Time
	out   turnResult
	sent  []entry // events that name a contact by its id, in the workflow of an email
	// shrinks means that the turn handles no message, and takes in what ends runs.
	shrinks bool
}

func (w *Worker) planTurn(ctx context.Context, in *turnInput) (turnResult, error) {
	t := w.newTurn(in)
	if err := w.recordOnce(ctx, in.Record); err != nil {
		return t.out, err
	}
	if err := t.load(ctx); err != nil {
		return t.out, err
	}
	if err := t.plan(ctx); errors.Is(err, errTooLarge) {
		if t = w.newTurn(in); !t.shrink(ctx) {
			return turnResult{}, err
		}
	} else if err != nil {
		return t.out, err
	}
	if t.out.Record == nil {
		w.runner.Announce(t.turn)
	} else {
		w.announcer.planned(w.names.workflow(in.Key), t.state.Sequence, t.turn)
	}
	return t.out, nil
}

func (w *Worker) newTurn(in *turnInput) *turnOf { return &turnOf{Worker: w, in: in, now: w.now()} }

// plan plans the turn from the state on.
func (t *turnOf) plan(ctx context.Context) error {
	if err := t.gather(ctx); err != nil {
		return err
	}
	if err := t.take(ctx); err != nil {
		return err
	}
	t.apply()
	return t.finish()
}

// shrink plans a turn for a contact whose state would become too large. It takes in outcomes and the
// cancellations among the messages, so that there is a way out, and reports whether that has changed
// something. The messages stay: a cancellation that comes again finds a run that has ended.
func (t *turnOf) shrink(ctx context.Context) bool {
	t.shrinks = true
	return t.load(ctx) == nil && t.plan(ctx) == nil && t.out.Record != nil
}

// load decodes the state. A workflow that begins goes on with the sequence of the one before.
func (t *turnOf) load(ctx context.Context) (err error) {
	if len(t.in.State) > 0 {
		if err := unpack(t.in.State, &t.state); err != nil {
			return err
		}
		return checkFormat("the state of the contact", t.state.Format)
	}
	t.state.Sequence, err = t.projector.ProjectedTo(ctx, t.sourceOf(t.in.Key))
	return err
}

// gather decodes the messages, and makes of them the input of Plan.
func (t *turnOf) gather(ctx context.Context) error {
	in := &t.work
	in.Key, in.Now, in.ReadAt, in.DueBy = t.in.Key, t.now, t.now, t.now.Add(-skew)
	if t.in.FiredAt.After(in.DueBy) && !t.in.FiredAt.After(t.now) { // the clocks of the server and of this process differ
		in.DueBy = t.in.FiredAt
	}
	in.OutcomesBy = t.now.Add(t.opts.EffectDeadline)
	if t.shrinks {
		if err := t.cancellations(ctx); err != nil {
			return err
		}
	}
	for size := 0; !t.shrinks && t.out.Handled < min(len(t.in.Messages), turnMessages) && size < turnBytes; t.out.Handled++ {
		data := t.in.Messages[t.out.Handled]
		size += len(data)
		if err := t.message(ctx, data); err != nil {
			return err
		}
	}
	in.MoreEvents = t.out.Handled < len(t.in.Messages)
	for i := range t.in.Done {
		if err := t.outcome(&t.in.Done[i]); err != nil {
			return err
		}
	}
	return t.starters(ctx)
}

// cancellations takes in the cancellations among all messages.
func (t *turnOf) cancellations(ctx context.Context) error {
	for _, data := range t.in.Messages {
		var m message
		if unpack(data, &m) != nil || m.Format > format {
			continue
		}
		for i := range m.Entries {
			if e := &m.Entries[i]; e.Kind != kindRequest || e.Request != automation.RequestCancel {
				continue
			}
			if err := t.request(ctx, &m.Entries[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// message adds the entries of a message to the input.
func (t *turnOf) message(ctx context.Context, data []byte) error {
	var m message
	err := unpack(data, &m)
	if err == nil {
		err = checkFormat("a message", m.Format)
	}
	if err != nil {
		t.out.Damaged = append(t.out.Damaged, t.out.Handled)
		t.config.Logger.Error("temporal: a message cannot be decoded, and waits for a process that can", "workflow", t.names.workflow(t.in.Key), "error", err)
		return nil
	}
	for i := range m.Entries {
		if err := t.entry(ctx, &m.Entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *turnOf) entry(ctx context.Context, e *entry) error {
	switch {
	case e.Kind == kindRequest:
		return t.request(ctx, e)
	case e.Kind != kindEvent || e.Event == nil:
		return nil
	case t.in.Key.ID == "" && e.Event.ContactID != "":
		t.sent = append(t.sent, *e)
		return nil
	}
	// An event may come twice: the server ignores a repeated signal only within one execution, and
	// the activity that passes events on may be repeated.
	repeated, err := t.wasHandled(ctx, e.Event.ID)
	if err != nil || repeated {
		return err
	}
	t.work.Events = append(t.work.Events, automation.PendingEvent{Event: *e.Event, Unannounced: e.Unannounced})
	return nil
}

// wasHandled reports whether an event was handled, or is in this turn already.
func (t *turnOf) wasHandled(ctx context.Context, id string) (bool, error) {
	if slices.ContainsFunc(t.work.Events, func(e automation.PendingEvent) bool { return e.ID == id }) {
		return true, nil
	}
	_, err := t.catalog.FindEvent(ctx, id)
	if errors.Is(err, automation.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// request records a request with the run that it is about. A run that is to be retried comes
// back from the catalog, and so does one whose workflow an operator has ended.
func (t *turnOf) request(ctx context.Context, e *entry) error {
	run := t.state.run(e.RunID)
	if run == nil {
		rec, err := t.catalog.FindRun(ctx, e.RunID)
		if errors.Is(err, automation.ErrNotFound) {
			return nil // it was pruned
		}
		if err != nil {
			return err
		}
		if rec.ContactID != t.in.Key.ID || e.Request == automation.RequestRetry && rec.Status != automation.RunFailed || e.Request == automation.RequestCancel && rec.Status != automation.RunRunning {
			return nil
		}
		event, err := t.catalog.FindEvent(ctx, rec.EventID)
		if err != nil && !errors.Is(err, automation.ErrNotFound) {
			return err
		}
		t.state.Runs = append(t.state.Runs, storedRun{ClaimedRun: automation.ClaimedRun{RunRecord: rec, Cause: event.Cause}, PayloadApart: true})
		run = &t.state.Runs[len(t.state.Runs)-1]
	}
	run.Request = e.Request
	return nil
}

// outcome adds the outcome of an effect.
func (t *turnOf) outcome(p *performed) error {
	o := automation.Outcome{RunID: p.Effect.RunID, Step: p.Effect.Step, Attempt: p.Effect.Attempt, Kind: automation.InputInterrupted}
	switch {
	case p.NotBegun != "":
		o.Kind, o.Err = automation.InputReleased, errors.New(p.NotBegun)
	case len(p.Outcome) > 0:
		if err := unpack(p.Outcome, &o); err != nil {
			return err
		}
	}
	if run := t.state.run(o.RunID); run != nil {
		run.InFlight = false
	}
	t.work.Outcomes = append(t.work.Outcomes, o)
	return nil
}

// starters adds the automations that the events start, and cancels the runs of those that were
// deleted.
func (t *turnOf) starters(ctx context.Context) error {
	if len(t.work.Events) == 0 {
		return nil
	}
	at := time.Time{}
	for i := range t.work.Events {
		if a := t.work.Events[i].AcceptedAt; a.After(at) {
			at = a
		}
	}
	if t.now.Before(at) {
		at = t.now
	}
	all, err := t.automations.since(ctx, t.catalog, at)
	if err != nil {
		return err
	}
	for i := range t.work.Events {
		e := &t.work.Events[i]
		st := all.byEvent[e.Name]
		e.Starts, e.Disabled = st.refs, st.disabled
	}
	for i := range t.state.Runs {
		if r := &t.state.Runs[i]; r.Request == automation.RequestNone && !all.known[r.AutomationID] {
			r.Request = automation.RequestCancel
		}
	}
	return nil
}

// take plans the turn.
func (t *turnOf) take(ctx context.Context) error {
	if t.in.Key.ID != "" {
		switch c, err := t.catalog.FindContact(ctx, t.in.Key); {
		case err == nil:
			t.work.Contact = &c
		case !errors.Is(err, automation.ErrNotFound):
			return err
		}
	}
	for i := range t.state.Runs {
		run := t.state.Runs[i].ClaimedRun
		if t.state.Runs[i].InFlight {
			run.DueAt = t.now.Add(t.opts.EffectDeadline) // its activity decides
		} else if t.state.Runs[i].PayloadApart {
			var err error
			if run.TriggerPayload, err = t.payload(ctx, run.EventID); err != nil {
				return err
			}
		}
		t.work.Runs = append(t.work.Runs, run)
	}
	var err error
	t.turn, err = t.runner.Plan(withPlanning(ctx, t.work.Events), t.work)
	if err != nil {
		return err
	}
	return t.place(ctx)
}

// payload returns the payload of an event, which is in the catalog.
func (w *Worker) payload(ctx context.Context, eventID string) ([]byte, error) {
	e, err := w.catalog.FindEvent(ctx, eventID)
	if err != nil && !errors.Is(err, automation.ErrNotFound) {
		return nil, err
	}
	return e.Payload, nil
}

// apply applies the planned turn to the state.
func (t *turnOf) apply() {
	for i := range t.turn.Runs {
		t.state.change(&t.turn.Runs[i], t.work.Events)
	}
	for i := range t.turn.Effects {
		e := &t.turn.Effects[i]
		run := t.state.run(e.Run.ID)
		run.InFlight = true
		ref := effect{RunID: e.Run.ID, Step: e.Step, Attempt: e.Attempt}
		if run.PayloadApart {
			e.Run.TriggerPayload, t.out.RecordFirst = nil, true
		}
		t.out.Effects = append(t.out.Effects, ref)
	}
}

// finish encodes the result.
func (t *turnOf) finish() (err error) {
	if rec := t.record(); rec != nil {
		t.state.Sequence++
		rec.Sequence = t.state.Sequence
		t.out.RecordFirst = t.out.RecordFirst || rec.Change != nil || rec.Delete
		if t.out.Record, err = pack(rec); err != nil {
			return err
		}
	}
	for i := range t.turn.Effects {
		e := &t.turn.Effects[i]
		input := effectInput{Format: format, Key: t.in.Key, Effect: *e, PayloadApart: t.state.run(e.Run.ID).PayloadApart}
		if t.out.Effects[i].Input, err = pack(input); err != nil {
			return err
		}
	}
	t.out.Sequence = t.state.Sequence
	t.state.Format = format
	t.state.forget()
	t.out.Due = t.state.due()
	if t.turn.Delete && len(t.state.Runs) > 0 {
		t.out.Due = t.now // the other runs of the contact end
	}
	if !t.out.Due.IsZero() {
		t.out.Wait = max(t.out.Due.Sub(t.now), time.Millisecond)
	}
	if len(t.state.Runs) > 0 {
		if t.out.State, err = pack(t.state); err != nil {
			return err
		}
	}
	return t.checkSize()
}

// errTooLarge is the error of a turn that the server would refuse.
var errTooLarge = errors.New("cancel runs of this contact")

// checkSize returns an error before the server would end the workflow.
func (t *turnOf) checkSize() error {
	size := len(t.out.State) + len(t.out.Record)
	for i := range t.out.Effects {
		size += len(t.out.Effects[i].Input)
	}
	for i := range t.out.Forward {
		size += len(t.out.Forward[i].Message)
	}
	if size <= maxResult {
		return nil
	}
	return fmt.Errorf("temporal: a turn of %d runs takes %d bytes in the history, and the limit is %d: %w", len(t.state.Runs), size, maxResult, errTooLarge)
}
