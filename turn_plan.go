package automation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// plan advances everything as far as possible: first the runs with outcomes, then the runs
// with requests, then the runs that the events resume or start, in the order of the events,
// then the due runs.
func (t *turn) plan(ctx context.Context) error {
	for i := range t.in.Outcomes {
		t.applyOutcomeOf(ctx, &t.in.Outcomes[i])
	}
	for _, run := range t.runs {
		if t.awaits(run) {
			continue // the request waits for the outcome
		}
		if run.request != RequestRetry {
			t.applyRequest(run)
			continue
		}
		if err := t.applyRetry(ctx, run); err != nil {
			return err
		}
	}
	if t.contact != nil {
		if err := t.startLate(ctx); err != nil {
			return err
		}
	}
	for i := range t.in.Events {
		if err := t.dispatch(ctx, &t.in.Events[i]); err != nil {
			return err
		}
	}
	// An event that was accepted in time wins over a timeout. If the contact may have
	// more events than the turn has, its waits do not time out yet. Events may also have
	// come since they were read, so runs that became due since are left to a later turn.
	for _, run := range t.runs {
		if run.moved || !t.isDue(run) && !t.dateMoved(run) || t.in.MoreEvents && t.mayEnd(run) {
			continue
		}
		if err := t.wake(ctx, run); err != nil {
			return err
		}
	}
	return nil
}

// mayEnd reports whether an event can end what the run is due for, or the run itself.
func (t *turn) mayEnd(run *activeRun) bool {
	return run.action.Kind == ActionWait || run.graph != nil && run.graph.heeds()
}

// isDue reports whether the run was due by time when the turn's input was read.
func (t *turn) isDue(run *activeRun) bool {
	by := t.in.DueBy
	if by.IsZero() {
		by = t.in.ReadAt
	}
	return !run.rec.DueAt.IsZero() && !run.rec.DueAt.After(by)
}

// dateMoved reports whether the run sleeps until a date in the contact that is another one
// now. A turn that happens to have the run looks at it.
func (t *turn) dateMoved(run *activeRun) bool {
	if run.graph == nil || t.contact == nil || run.rec.Status != RunRunning || !run.state.isStarted() {
		return false
	}
	data := run.data
	data.Contact = t.contact
	return run.graph.dateMoved(&run.state, &data)
}

// awaits reports whether an effect of the run, which an earlier turn planned, may be in
// flight. Its outcome is still to come, or counts as unknown when the run is due.
func (t *turn) awaits(run *activeRun) bool {
	return !t.leased && !run.moved && run.graph != nil && run.state.AttemptOpen() && !t.isDue(run)
}

// applyOutcomeOf gives an outcome to its run, unless the run has gone on without it. A run
// that is to be cancelled performs no further effect.
func (t *turn) applyOutcomeOf(ctx context.Context, o *Outcome) {
	run := t.find(o.RunID)
	if run == nil || !o.isAwaited(run) {
		return
	}
	if t.applyOutcome(run, o.input()) {
		t.catchUp(ctx, run)
	}
	if run.request == RequestCancel && run.state.AttemptOpen() {
		t.advance(run, Input{Kind: InputReleased})
	}
}

// wake advances a run that is due by time.
func (t *turn) wake(ctx context.Context, run *activeRun) error {
	if run.graph == nil || run.rec.Status != RunRunning {
		return nil
	}
	if t.contact == nil {
		t.applyRequest(run) // another run deleted the contact
		return nil
	}
	t.advance(run, Input{Kind: InputWoken})
	return t.lookBackIfSet(ctx, run)
}

// dispatch handles one event. It ends runs that name it as an exit, and decides which runs it
// starts, which may replace others. Then it resumes waits, and starts runs. So a run that is
// replaced does not act on the event before.
func (t *turn) dispatch(ctx context.Context, e *PendingEvent) error {
	t.announce(e)
	n := EventHandled{At: t.now, Event: e.Event, Reason: t.unmatchedReason(e)}
	if t.contact == nil {
		n.Reason = ReasonContactDeleted
		t.handle(e, n)
		return nil
	}
	payload := storedPayload(e.Payload)
	decided := len(t.decisions)
	n.Ended = t.exitRuns(&e.Event, payload)
	starts, err := t.admit(ctx, e, payload)
	if err != nil {
		return err
	}
	n.Refused = slices.Clone(t.decisions[decided:])
	if len(starts) == 0 && len(n.Refused) > 0 {
		n.Reason = ReasonRefused
	}
	for _, run := range t.runs {
		if !t.deliver(run, &e.Event, payload) {
			n.Reason = t.missed(run, &e.Event, n.Reason)
			continue
		}
		n.Resumed = append(n.Resumed, run.rec.ID)
		if err := t.lookBackIfSet(ctx, run); err != nil {
			return err
		}
	}
	for i := range starts {
		if err := t.start(ctx, &starts[i], e, payload); err != nil {
			return err
		}
		n.Started = append(n.Started, starts[i].id)
	}
	t.handle(e, n)
	return nil
}

// unmatchedReason returns why an event starts no run, as far as the automations decide it.
func (t *turn) unmatchedReason(e *PendingEvent) EventReason {
	switch {
	case t.startsAny(e):
		return ""
	case e.Disabled:
		return ReasonDisabled
	default:
		return ReasonNoMatch
	}
}

// missed returns why an event did not resume the run, or otherwise if the run does not
// wait for the event.
func (t *turn) missed(run *activeRun, e *Event, otherwise EventReason) EventReason {
	switch {
	case run.graph == nil || !run.action.awaits(e.Name) || !t.affects(e, run):
		return otherwise
	case otherwise == ReasonFilterNotMet || run.graph.timely(run.state, e, !run.moved):
		return ReasonFilterNotMet
	default:
		return ReasonBeforeWait
	}
}

// handle records that an event was handled.
func (t *turn) handle(e *PendingEvent, n EventHandled) {
	if len(n.Started)+len(n.Resumed)+len(n.Ended) > 0 {
		n.Reason = ""
	}
	t.handled = append(t.handled, HandledEvent{ID: e.ID, Resumed: n.Resumed, Ended: n.Ended, Reason: n.Reason})
	t.advanced++
	if t.r.opts.Observer != nil {
		t.notice(&n)
	}
}

// announce adds the notice of an event whose sender could not inform the Observer.
func (t *turn) announce(e *PendingEvent) {
	if e.Unannounced {
		t.notice(&EventAccepted{At: e.AcceptedAt, Event: e.Event})
	}
}

// deliver gives an event to a run that may wait for it, and reports whether the event
// resumed the run.
func (t *turn) deliver(run *activeRun, e *Event, payload map[string]any) (resumed bool) {
	if run.graph == nil || !run.action.awaits(e.Name) || !t.affects(e, run) {
		return false
	}
	if t.contact == nil {
		return false // another run deleted the contact, so the store records a request to cancel this one
	}
	return t.advance(run, Input{Kind: InputReceived, Event: e, Payload: payload, Unread: !run.moved})
}

// start starts a run. If this process cannot compile the graph, it sets the run aside,
// unstarted, for a process that can.
func (t *turn) start(ctx context.Context, start *admission, e *PendingEvent, payload map[string]any) error {
	run := t.add()
	run.isNew, run.payload, run.rec = true, e.Payload, RunRecord{
		ID: start.id, AutomationID: start.v.AutomationID, Version: start.v.Version,
		ContactID: t.in.Key.ID, EventID: e.ID, EventName: e.Name,
		Status: RunRunning, CreatedAt: t.now,
	}
	run.state.RunID = run.rec.ID
	if start.err != nil {
		t.setAside(run, start.err)
		return nil
	}
	run.graph, run.cause = start.graph, e.Cause
	run.data.Event = payload
	run.nameTrigger()
	if err := t.readSchemas(ctx, run.graph); err != nil {
		return err
	}
	if t.r.opts.Observer != nil {
		t.notice(&RunStarted{At: t.now, Run: run.rec.run()})
	}
	if t.contact == nil { // another run of the same event deleted the contact
		t.advance(run, contactGone)
		return nil
	}
	t.advance(run, Input{Kind: InputStarted, Event: &e.Event})
	return t.lookBackIfSet(ctx, run)
}

// nameTrigger makes the name of the event that started the run known to its steps. Only a
// graph with several triggers needs it.
func (run *activeRun) nameTrigger() {
	if run.graph.readsRun && len(run.graph.Events()) > 1 {
		run.data.Run = &RunData{Trigger: run.rec.EventName}
	}
}

// lookBackIfSet gives the events that came before a wait to a run at the start of a wait
// with lookback. The next step may be such a wait again.
func (t *turn) lookBackIfSet(ctx context.Context, run *activeRun) error {
	for run.looksBack() {
		if resumed, err := t.lookBack(ctx, run); err != nil || !resumed {
			return err
		}
	}
	return nil
}

// looksBack reports whether the run waits with lookback.
func (run *activeRun) looksBack() bool {
	return run.graph != nil && run.action.Kind == ActionWait && run.action.Lookback
}

// lookBack gives the earlier events to a run that waits, until one ends the wait. It does not
// hold t.mu while it reads them, so that a slow store delays no other run.
func (t *turn) lookBack(ctx context.Context, run *activeRun) (resumed bool, err error) {
	events, err := t.earlierEvents(ctx, run, run.action.listens())
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := run.state.at
	for i := range events {
		resumed := t.deliver(run, &events[i], storedPayload(events[i].Payload))
		if resumed && run.state.at == wait && run.action.Kind == ActionWait {
			continue // the event has put off the end of the wait
		}
		if resumed {
			return true, nil
		}
	}
	return false, err
}

// catchUp is lookBackIfSet for a run whose effect was performed. If the store does not
// return the events, the run looks back again later, because the outcome must be written.
func (t *turn) catchUp(ctx context.Context, run *activeRun) {
	err := t.lookBackIfSet(ctx, run)
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	run.retryAt = t.now.Add(retryContactAfter)
	t.touch(run)
	t.log(t.recordOf(run, slog.LevelWarn, "automation: cannot look back", err))
}

// planEmail handles the events of a lease on an email. If the email belongs to a contact
// by now, all events move to that contact. Otherwise the events before the first event
// that may start a run are handled: they start nothing, and create no contact. The first
// event that may start a run creates the contact, and moves to it with the events after it.
// The next claim of the contact handles the events that moved. There the entry is decided
// again, because another caller may have made the contact in between.
func (t *turn) planEmail(ctx context.Context) error {
	c, err := t.r.findContact(ctx, t.in.Key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil {
		t.moveTo = &c
		return nil
	}
	for i := range t.in.Events {
		e := &t.in.Events[i]
		decided := len(t.decisions)
		admitted, err := t.admitsEmail(ctx, e)
		if err != nil {
			return err
		}
		if admitted {
			t.decisions = t.decisions[:decided] // the contact's turn decides again
			return t.createContact(ctx, e.Email)
		}
		t.announce(e)
		n := EventHandled{At: t.now, Event: e.Event, Reason: t.unmatchedReason(e), Refused: slices.Clone(t.decisions[decided:])}
		if len(n.Refused) > 0 {
			n.Reason = ReasonRefused
		}
		t.handle(e, n)
	}
	return nil
}

func (t *turn) createContact(ctx context.Context, email string) error {
	if t.r.opts.Contacts == nil {
		t.moveTo, t.created = t.r.newContact(email), true
		if t.in.NewContactID != nil {
			t.moveTo.ID = t.in.NewContactID()
		}
		t.notice(&ContactCreated{At: t.now, Contact: t.moveTo.Clone()})
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.EffectTimeout)
	defer cancel()
	c, err := t.r.opts.Contacts.CreateContact(ctx, email)
	if err != nil {
		return fmt.Errorf("create contact: %w", err)
	}
	t.moveTo = &c
	t.notice(&ContactCreated{At: t.now, Contact: c.Clone()})
	return nil
}

// contactGone cancels a run whose contact does not exist any more.
var contactGone = Input{Kind: InputCancelled, Code: CancelledContactGone, Reason: "the contact was deleted"}

// cancelledMessage is the error message of a run that was cancelled on request.
const cancelledMessage = "cancelled on request"

// applyRequest applies the request about a run, if there is one. It cancels a running run
// whose contact does not exist.
func (t *turn) applyRequest(run *activeRun) {
	if run.graph == nil {
		return
	}
	switch {
	case t.contact == nil && run.rec.Status == RunRunning:
		run.served = run.request
		t.advance(run, contactGone)
	case run.request == RequestCancel:
		run.served = RequestCancel
		t.advance(run, Input{Kind: InputCancelled, Code: CancelledByRequest, Reason: cancelledMessage})
	case run.request == RequestRetry:
		run.served = RequestRetry
		t.retry(run)
	}
	run.request = RequestNone
}

// applyRetry applies a request to retry a run. A run that an event was to end while it was
// failed ends now.
func (t *turn) applyRetry(ctx context.Context, run *activeRun) error {
	ended, err := false, error(nil)
	if run.rec.Status == RunFailed && t.contact != nil {
		ended, err = t.exitEarlier(ctx, run)
	}
	switch {
	case err != nil:
		return err
	case ended:
		run.rec.CompletedAt = time.Time{} // it ends anew
		run.served, run.request = RequestRetry, RequestNone
		return nil
	}
	t.applyRequest(run)
	return t.lookBackIfSet(ctx, run)
}

// retry makes a failed run continue.
func (t *turn) retry(run *activeRun) {
	if run.rec.Status != RunFailed {
		return
	}
	run.rec.CompletedAt = time.Time{} // it ends anew, perhaps within this claim
	t.advance(run, Input{Kind: InputRetried})
	if t.contact == nil {
		t.advance(run, contactGone)
	}
}
