package automation

import (
	"context"
	"errors"
	"fmt"
)

// plan moves everything as far as it goes: first what was asked for, then the
// events in order, then the runs whose time has come.
func (t *task) plan(ctx context.Context) error {
	for _, run := range t.runs {
		t.applyRequest(run)
	}
	for i := range t.work.Events {
		if err := t.dispatch(ctx, &t.work.Events[i]); err != nil {
			return err
		}
	}
	// An event that was accepted in time wins over a time-out. There may be more of
	// them than one claim brings, and others may have come since the claim was made:
	// what has become due meanwhile is left to the next one.
	more := len(t.work.Events) == claimEvents
	for _, run := range t.runs {
		if run.moved || run.rec.DueAt.IsZero() || run.rec.DueAt.After(t.work.claimedAt) || more && run.action.Kind == ActionWait {
			continue
		}
		if err := t.wake(ctx, run); err != nil {
			return err
		}
	}
	return nil
}

// contactGone cancels a run whose contact does not exist any more.
var contactGone = Input{Kind: InputCancelled, Code: CancelledContactGone, Reason: "the contact was deleted"}

// cancelledMessage is what a run that was cancelled on request says.
const cancelledMessage = "cancelled on request"

// applyRequest carries out what was asked of a run, and cancels a run whose contact is
// gone.
func (t *task) applyRequest(run *activeRun) {
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

func (t *task) retry(run *activeRun) {
	if run.rec.Status != RunFailed {
		return
	}
	t.advance(run, Input{Kind: InputRetried})
	if t.contact == nil {
		t.advance(run, contactGone)
	}
}

// wake advances a run that is due by time.
func (t *task) wake(ctx context.Context, run *activeRun) error {
	if run.graph == nil || run.rec.Status != RunRunning {
		return nil
	}
	if t.contact == nil {
		t.applyRequest(run) // another run has just deleted it
		return nil
	}
	kind := InputWoken
	if !run.state.started {
		kind = InputStarted
	}
	t.advance(run, Input{Kind: kind})
	return t.lookBackIfAsked(ctx, run)
}

// dispatch does all that one event does: resume waits, then start runs.
func (t *task) dispatch(ctx context.Context, e *PendingEvent) error {
	n := EventHandled{At: t.now, Event: e.Event}
	t.handled = append(t.handled, e.ID)
	t.advanced++
	if t.contact == nil {
		t.noticeHandled(n) // it was deleted after the event was sent
		return nil
	}
	payload := storedPayload(e.Payload)
	for _, run := range t.runs {
		if !t.deliver(run, &e.Event, payload) {
			continue
		}
		n.Resumed = append(n.Resumed, run.rec.ID)
		if err := t.lookBackIfAsked(ctx, run); err != nil {
			return err
		}
	}
	for _, v := range e.Starts {
		id, err := t.start(ctx, v, e, payload)
		if err != nil {
			return err
		}
		n.Started = append(n.Started, id)
	}
	t.noticeHandled(n)
	return nil
}

func (t *task) noticeHandled(n EventHandled) {
	if t.r.opts.Observer != nil {
		t.notice(&n)
	}
}

// deliver brings an event to a run that may be waiting for it. An event never
// satisfies a wait of the run that it has started.
func (t *task) deliver(run *activeRun, e *Event, payload map[string]any) (resumed bool) {
	if run.graph == nil || run.action.Kind != ActionWait || run.action.Event != e.Name || run.rec.EventID == e.ID {
		return false
	}
	if t.contact == nil {
		return false // another run has just deleted it; the store asks this one to cancel
	}
	at, dirty, moved := len(run.state.steps), run.dirty, run.moved
	t.advance(run, Input{Kind: InputReceived, Event: e, Payload: payload})
	resumed = len(run.state.steps) != at || run.state.Status() != RunRunning
	if !resumed {
		run.dirty, run.moved = dirty, moved // it was not what the run waits for
	}
	return resumed
}

// start makes a run. If this process cannot read the graph, the run is kept
// unstarted, for one that can.
func (t *task) start(ctx context.Context, v VersionRef, e *PendingEvent, payload map[string]any) (string, error) {
	run := newRun()
	run.isNew, run.rec = true, RunRecord{
		ID: t.r.ids.Next(t.now), AutomationID: v.AutomationID, Version: v.Version,
		ContactID: t.work.Key.ID, EventID: e.ID, EventName: e.Name,
		Status: RunRunning, CreatedAt: t.now,
	}
	run.state.RunID = run.rec.ID
	g, err := t.r.graph(ctx, v)
	if err != nil && !errors.Is(err, errUnreadable) {
		return "", err
	}
	t.runs = append(t.runs, run)
	if err != nil {
		t.setAside(run, err)
		return run.rec.ID, nil
	}
	run.graph = g
	run.data.Event = payload
	if t.r.opts.Observer != nil {
		t.notice(&RunStarted{At: t.now, Run: run.rec.run()})
	}
	if t.contact == nil { // a run that the same event has started has just deleted it
		t.advance(run, contactGone)
		return run.rec.ID, nil
	}
	t.advance(run, Input{Kind: InputStarted, Event: &e.Event})
	return run.rec.ID, t.lookBackIfAsked(ctx, run)
}

// lookBackIfAsked brings a run that has just begun a wait with lookback the
// events that came before it.
func (t *task) lookBackIfAsked(ctx context.Context, run *activeRun) error {
	for run.graph != nil && run.action.Kind == ActionWait && run.action.Lookback {
		if resumed, err := t.lookBack(ctx, run); err != nil || !resumed {
			return err
		}
	}
	return nil
}

// lookBack asks for events without holding t.mu, so that a slow answer holds up
// nobody else.
func (t *task) lookBack(ctx context.Context, run *activeRun) (resumed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.StoreTimeout)
	defer cancel()
	events, err := t.r.store.ListContactEvents(ctx, run.rec.ContactID, run.action.Event, run.state.steps[0].startedAt)
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range events {
		if t.deliver(run, &events[i], storedPayload(events[i].Payload)) {
			return true, nil
		}
	}
	return false, err
}

// catchUp is lookBackIfAsked for a run whose effect was performed: if the events
// cannot be had now the run is looked at again later, for the outcome must be
// written.
func (t *task) catchUp(ctx context.Context, run *activeRun) {
	err := t.lookBackIfAsked(ctx, run)
	if err == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	run.again, run.dirty = t.now.Add(retryContactAfter), true
	t.r.opts.Logger.Warn("automation: cannot look back", "run", run.rec.ID, "error", err)
}

// planInbox handles events for an email that belonged to no contact when they
// were sent. Those that start nothing are done with: an event that starts no
// run creates nobody. From the first that starts a run on they are moved to the
// contact, which is created if it does not exist by now, and are handled there.
func (t *task) planInbox(ctx context.Context) error {
	c, err := t.r.findContact(ctx, t.work.Key)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil {
		t.moveTo = &c
		return nil
	}
	for i := range t.work.Events {
		e := &t.work.Events[i]
		if len(e.Starts) > 0 {
			return t.createContact(ctx, e.Email)
		}
		t.handled = append(t.handled, e.ID)
		t.advanced++
		t.noticeHandled(EventHandled{At: t.now, Event: e.Event})
	}
	return nil
}

func (t *task) createContact(ctx context.Context, email string) error {
	if t.r.opts.Contacts == nil {
		t.moveTo, t.created = t.r.newContact(email), true
		t.notice(&ContactCreated{At: t.now, Contact: t.moveTo.Clone()})
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, t.r.opts.EffectTimeout)
	defer cancel()
	c, err := t.r.opts.Contacts.CreateContact(ctx, email)
	if err != nil {
		return fmt.Errorf("create contact: %w", err)
	}
	if c.ID == "" {
		return fmt.Errorf("create contact: the host gave a contact without id for %q", email)
	}
	t.moveTo = &c
	t.notice(&ContactCreated{At: t.now, Contact: c.Clone()})
	return nil
}

// advance moves one run, and on through all effects that are part of the
// commit: changes to a contact that lives in the store.
func (t *task) advance(run *activeRun, in Input) {
	run.dirty, run.moved = true, true
	t.advanced++
	outcome := run.state.attemptOpen // of an effect: a request may have come meanwhile
	for {
		in.Now = t.now
		in.Data = run.data
		in.Data.Contact = t.contact
		before := run.state
		if t.r.opts.Observer != nil {
			run.state.own() // to be compared with what it was
		}
		next, action, err := run.graph.advance(run.state, in)
		if err != nil {
			t.setAside(run, err)
			return
		}
		run.state, run.action = next, action
		t.noticeChanges(run, before)
		switch {
		case action.Kind != ActionPerform:
			return
		case t.contact == nil:
			in = contactGone // another run has deleted it
		case t.leaves(run):
			t.ready = append(t.ready, run)
			if action.Delivery != AtMostOnce {
				return
			}
			// It is begun when its turn has come: if the process dies, nothing that
			// only waited in line may have to fail as unknown.
			in = Input{Kind: InputReleased}
		case outcome:
			// The outcome is written first: the store then tells about requests
			// that came while the effect was in flight.
			in, outcome = Input{Kind: InputReleased}, false
			t.ready = append(t.ready, run)
		default:
			in = t.changeContact(run)
		}
	}
}

// changeContact makes a step's change to the contact, to be written together
// with the step.
func (t *task) changeContact(run *activeRun) Input {
	data := run.data
	data.Contact = t.contact
	effect, err := run.graph.Effect(run.state, data)
	if err != nil {
		return Input{Kind: InputFailed, Err: permanentUnlessMarked(err)}
	}
	switch e := effect.(type) {
	case *ChangeContactEffect:
		changed := t.contact.Clone()
		e.Change.Apply(&changed)
		t.contact = &changed
		if t.change == nil {
			t.change = &ContactChange{}
		}
		t.change.merge(e.Change)
		t.notice(&ContactChanged{At: t.now, ContactID: changed.ID, Change: e.Change})
		return Input{Kind: InputSucceeded, Output: e.output}
	case *DeleteContactEffect:
		t.notice(&ContactDeleted{At: t.now, ContactID: t.contact.ID})
		t.contact, t.remove = nil, true
		return Input{Kind: InputSucceeded}
	default:
		return Input{Kind: InputFailed, Err: Permanent(fmt.Errorf("automation: unexpected effect %T", effect))}
	}
}

// leaves reports whether the run's next effect leaves the process, and is not
// part of a commit.
func (t *task) leaves(run *activeRun) bool {
	return t.r.opts.Contacts != nil || !run.graph.changesContact(run.state)
}

// changesContact reports whether the effect that s asks for is a change to the
// contact.
func (g *Graph) changesContact(s State) bool {
	switch g.steps[s.at].effect.(type) {
	case *contactEffect, segmentEffect, deleteEffect:
		return true
	}
	return false
}
