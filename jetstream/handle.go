package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

// work is what one batch has to do for a contact.
type work struct {
	*contact
	key      automation.ContactRef // of its entries; zero if only a timer or an outcome came
	entries  []entry
	outcomes []automation.Outcome
	moved    []entry // events that go to a contact of the partition

	turn  automation.Turn
	woken bool // a timer of the contact has fired
	dirty bool // the state has to be written
}

// handlePart handles inputs in one batch.
func (p *partition) handlePart(ctx context.Context, in inputs) error {
	readAt := now()
	cp := p.cp
	todo := p.sort(in, &cp)
	if err := p.loadAll(ctx, todo); err != nil {
		return err
	}
	todo = slices.DeleteFunc(todo, func(w *work) bool {
		return w.contact.key == (automation.ContactRef{}) // a timer of a contact that has ended
	})
	todo, err := p.planAll(ctx, todo, readAt, cp.ReadAt)
	if err != nil {
		return err
	}
	if err := p.commit(ctx, cp, todo); err != nil {
		return err
	}
	for _, w := range todo {
		p.runner.Announce(w.turn)
		if err := p.settle(ctx, w.contact); err != nil {
			return err
		}
		p.begin(w)
		p.answer(ctx, w)
	}
	return nil
}

// planAll plans the turns of all contacts: first those of emails, because their events may move
// to contacts of the same batch.
func (p *partition) planAll(ctx context.Context, todo []*work, readAt, dueBy time.Time) ([]*work, error) {
	for _, w := range todo {
		if w.contact.key.ID == "" {
			p.plan(ctx, w, nil, readAt, dueBy)
		}
	}
	todo, err := p.move(ctx, todo)
	if err != nil {
		return nil, err
	}
	contacts, err := p.findContacts(ctx, todo)
	if err != nil {
		return nil, err
	}
	for _, w := range todo {
		if id := w.contact.key.ID; id != "" {
			p.plan(ctx, w, contacts[id], readAt, dueBy)
		}
	}
	return todo, nil
}

// move gives the events of emails that have a contact by now to the works of the contacts,
// before the events that were sent to the contacts.
func (p *partition) move(ctx context.Context, todo []*work) ([]*work, error) {
	var added []*work
	for _, from := range todo {
		if len(from.moved) == 0 {
			continue
		}
		token := tokenOf(from.moved[0].Key)
		i := slices.IndexFunc(todo, func(w *work) bool { return w.token == token })
		var to *work
		if i >= 0 {
			to = todo[i]
		} else {
			to = &work{contact: &contact{token: token}, key: from.moved[0].Key}
			added = append(added, to)
		}
		to.entries = append(slices.Clone(from.moved), to.entries...)
	}
	return append(todo, added...), p.loadAll(ctx, added)
}

// sort sorts inputs by contact, and moves cp behind them. A tick of this owner brings the
// contacts that are due by it.
func (p *partition) sort(in inputs, cp *checkpoint) (todo []*work) {
	byToken := map[string]*work{}
	of := func(token string) *work {
		w := byToken[token]
		if w == nil {
			w = &work{contact: &contact{token: token}}
			byToken[token] = w
			todo = append(todo, w)
		}
		return w
	}
	p.pending = max(p.pending-len(in.outcomes), 0)
	for _, o := range in.outcomes {
		w := of(o.token)
		w.outcomes = append(w.outcomes, o.Outcome)
	}
	for _, e := range in.entries {
		cp.Log = e.Seq
		switch e.Kind {
		case kindEvent, kindRequest, kindContact:
			w := of(tokenOf(e.Key))
			w.key, w.entries = e.Key, append(w.entries, e)
		case kindTick:
			if e.Epoch != cp.Epoch {
				continue // of an earlier owner
			}
			cp.ReadAt, p.ticking = e.At, time.Time{}
			for _, token := range p.timers.take(e.At, maxInputs) {
				of(token).woken = true
			}
		}
	}
	return todo
}

// loaders is how many states are read at the same time.
const loaders = 32

// loadAll reads the states of the contacts that are not in memory.
func (p *partition) loadAll(ctx context.Context, todo []*work) error {
	var missing []*work
	for _, w := range todo {
		if known := p.contacts[w.token]; known != nil {
			w.contact = known
		} else {
			missing = append(missing, w)
		}
	}
	err := p.retry(ctx, "states", func() error { return p.loadMissing(ctx, missing) })
	if err != nil {
		return err
	}
	for _, w := range missing {
		p.contacts[w.token] = w.contact
	}
	for _, w := range todo {
		if w.contact.key == (automation.ContactRef{}) {
			w.contact.key = w.key // it had no state yet
		}
	}
	return nil
}

func (p *partition) loadMissing(ctx context.Context, missing []*work) error {
	errs := make([]error, len(missing))
	var running sync.WaitGroup
	slots := make(chan struct{}, loaders)
	for i, w := range missing {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			c, err := p.load(ctx, w.key, w.token)
			if errs[i] = err; err == nil {
				w.contact = c
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// findContacts returns the contacts of the catalog, by id.
func (p *partition) findContacts(ctx context.Context, todo []*work) (map[string]*automation.Contact, error) {
	var ids []string
	for _, w := range todo {
		if w.contact.key.ID != "" {
			ids = append(ids, w.contact.key.ID)
		}
	}
	found := map[string]*automation.Contact{}
	if len(ids) == 0 {
		return found, nil
	}
	err := p.retry(ctx, "contacts", func() error {
		list, err := p.Store.Store.FindContacts(ctx, ids)
		for i := range list {
			found[list[i].ID] = &list[i]
		}
		return err
	})
	return found, err
}

// setAsideFor is how long a contact waits whose turn could not be planned.
const setAsideFor = time.Second

// plan plans the turn of a contact, and applies it to the state. If the turn cannot be planned,
// its inputs wait in the state, and the other contacts go on.
func (p *partition) plan(ctx context.Context, w *work, c *automation.Contact, readAt, dueBy time.Time) {
	w.entries = append(w.state.Backlog, w.entries...)
	if len(w.state.Backlog) > 0 {
		w.state.Backlog, w.state.RetryAt, w.dirty = nil, time.Time{}, true
	}
	in, events, err := p.input(ctx, w)
	if err == nil {
		in.Contact, in.ReadAt, in.DueBy, in.NewContactID = c, readAt, dueBy, p.newContactID
		if dueBy.IsZero() {
			in.DueBy = time.Unix(0, 0) // before the first tick nothing is due
		}
		in.OutcomesBy = readAt.Add(p.opts.EffectDeadline)
		w.turn, err = p.runner.Plan(withPlanning(ctx, p, in.Events), in)
	}
	if err == nil {
		err = p.place(ctx, w)
	}
	if err != nil {
		p.setAside(w, readAt, err)
		return
	}
	p.apply(w, events)
	if w.woken {
		w.timer = time.Time{}
		next, _ := w.due()
		w.dirty = w.dirty || !next.IsZero() // its timer may not have been written
	}
}

// newContactID returns an id whose contact lives in this partition, so that the events of its
// email go on in the same batch.
func (p *partition) newContactID() string {
	for {
		id := p.ids.Next(now())
		if p.names.partitionOf(tokenOf(automation.ContactRef{ID: id})) == p.number {
			return id
		}
	}
}

// input returns what the contact's turn works on, and the entries of its events.
func (p *partition) input(ctx context.Context, w *work) (in automation.TurnInput, events []entry, err error) {
	in.Key = w.contact.key
	in.Outcomes = w.outcomes
	for _, e := range w.entries {
		switch e.Kind {
		case kindEvent:
			st := p.starts[e.Event.Name]
			in.Events = append(in.Events, automation.PendingEvent{
				Event: *e.Event, Starts: st.refs, Disabled: st.disabled, Unannounced: e.Unannounced,
			})
			events = append(events, e)
		case kindRequest:
			if err := p.request(ctx, w, e); err != nil {
				return in, nil, err
			}
		case kindOutcome:
			in.Outcomes = append(in.Outcomes, *e.Outcome)
		}
	}
	for i := range w.state.Runs {
		r := &w.state.Runs[i]
		if r.Status == automation.RunRunning || r.Request != automation.RequestNone {
			in.Runs = append(in.Runs, r.ClaimedRun)
		}
	}
	return in, events, nil
}

// request records a request with the run that it is about. A run that is to be retried comes
// back from the catalog.
func (p *partition) request(ctx context.Context, w *work, e entry) error {
	run := w.state.run(e.RunID)
	if run == nil && e.Request == automation.RequestRetry {
		if err := p.copies.flush(ctx); err != nil {
			return err
		}
		rec, err := p.Store.FindRun(ctx, e.RunID)
		if errors.Is(err, automation.ErrNotFound) {
			return nil // it was pruned
		}
		if err != nil {
			return err
		}
		event, err := p.Store.FindEvent(ctx, rec.EventID)
		if err != nil && !errors.Is(err, automation.ErrNotFound) {
			return err
		}
		w.state.Runs = append(w.state.Runs, storedRun{ClaimedRun: automation.ClaimedRun{RunRecord: rec, TriggerPayload: event.Payload}})
		run = &w.state.Runs[len(w.state.Runs)-1]
	}
	if run == nil {
		return nil // it has ended
	}
	run.Request, run.changed, w.dirty = e.Request, true, true
	return nil
}

// place finds the contact of an email's events, or makes it, and passes the events on.
func (p *partition) place(ctx context.Context, w *work) error {
	t := &w.turn
	if t.MoveTo == "" {
		return nil
	}
	to := t.MoveTo
	if t.Create != nil {
		err := p.Store.Store.InsertContact(ctx, *t.Create)
		if errors.Is(err, automation.ErrConflict) { // the email has a contact by now
			var c automation.Contact
			c, err = p.Store.FindContact(ctx, automation.ContactRef{Email: t.Create.Email})
			to = c.ID
		}
		if err != nil {
			return fmt.Errorf("create contact: %w", err)
		}
	}
	return p.forward(ctx, w, to)
}

// forward passes the events of an email that are not handled to a contact: within the batch, or
// through the log of the partition in which the contact lives. There, the message id makes the
// server ignore those that were forwarded before.
func (p *partition) forward(ctx context.Context, w *work, contactID string) error {
	here := p.names.partitionOf(tokenOf(automation.ContactRef{ID: contactID})) == p.number
	for _, e := range w.entries {
		if e.Kind != kindEvent || w.handles(e.Event.ID) {
			continue
		}
		event := *e.Event
		event.ContactID, event.Email = contactID, ""
		e.Key, e.Event = automation.ContactRef{ID: contactID}, &event
		if here {
			w.moved = append(w.moved, e)
			continue
		}
		msg, err := p.entryMessage(e.Key, e)
		if err != nil {
			return err
		}
		if _, err := p.js.PublishMsg(ctx, msg, withMsgID("forward-"+event.ID)); err != nil {
			return fmt.Errorf("jetstream: forward event %q: %w", event.ID, err)
		}
	}
	return nil
}

// handles reports whether the turn has handled an event.
func (w *work) handles(eventID string) bool {
	return slices.ContainsFunc(w.turn.Handled, func(h automation.HandledEvent) bool { return h.ID == eventID })
}

// setAside keeps the inputs of a turn that could not be planned for a later turn.
func (p *partition) setAside(w *work, readAt time.Time, cause error) {
	p.logger().Error("jetstream: contact set aside", "partition", p.number, "contact", w.contact.key.ID, "error", cause)
	w.turn, w.dirty = automation.Turn{}, true
	w.state.Backlog = w.entries
	for i := range w.outcomes {
		w.state.Backlog = append(w.state.Backlog, entry{Kind: kindOutcome, Outcome: &w.outcomes[i]})
	}
	w.state.RetryAt = readAt.Add(setAsideFor)
}

// apply applies a planned turn to the state of its contact.
func (p *partition) apply(w *work, events []entry) {
	t := &w.turn
	w.state.Key = w.contact.key
	for i := range t.Runs {
		w.state.change(&t.Runs[i], events)
	}
	for _, h := range t.Handled {
		i := slices.IndexFunc(events, func(e entry) bool { return e.Event.ID == h.ID })
		w.state.Handled = append(w.state.Handled, handledEvent{Seq: events[i].Seq, HandledAt: t.Now, HandledEvent: h, event: *events[i].Event})
	}
	for _, o := range w.outcomes {
		delete(w.inFlight, o.RunID)
	}
	for i := range t.Runs {
		delete(w.inFlight, t.Runs[i].ID)
	}
	for _, e := range t.Effects {
		w.inFlight[e.Run.ID] = attempt{e.Step, e.Attempt}
	}
	if t.Change != nil {
		w.state.Change = t.Change
	}
	w.state.Delete = w.state.Delete || t.Delete
	w.dirty = w.dirty || t.Delete || len(t.Runs)+len(t.Handled) > 0
}

// change applies a change of a run.
func (s *contactState) change(c *automation.RunChange, events []entry) {
	run := s.run(c.ID)
	if run == nil {
		s.Runs = append(s.Runs, storedRun{})
		run = &s.Runs[len(s.Runs)-1]
		for _, e := range events {
			if e.Event.ID == c.EventID {
				run.TriggerPayload = e.Event.Payload
			}
		}
	}
	run.RunRecord, run.changed = c.RunRecord, true
	ended := run.Status != automation.RunRunning
	if run.Request == c.Served || run.Request == automation.RequestCancel && ended || run.Request == automation.RequestRetry && !ended {
		run.Request = automation.RequestNone
	}
	if c.DropOutputs {
		run.Outputs, run.DropOutputs = nil, true
	}
	for _, out := range c.Outputs {
		run.Outputs = slices.DeleteFunc(run.Outputs, func(o automation.StepOutput) bool { return o.Step == out.Step })
		run.Outputs = append(run.Outputs, out)
	}
}

// settle writes what steps have done to a contact to the catalog, once the turn is written.
func (p *partition) settle(ctx context.Context, c *contact) error {
	if !c.state.isUnsettled() {
		return nil
	}
	err := p.retry(ctx, "contact", func() (err error) {
		if c.state.Change != nil && !c.state.Delete {
			_, err = p.Store.Store.UpdateContact(ctx, c.key.ID, *c.state.Change)
		}
		if c.state.Delete {
			err = p.Store.Store.DeleteContact(ctx, c.key.ID, now())
		}
		if errors.Is(err, automation.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.state.Delete && !c.state.isIdle() {
		p.timers.add(c.token, now()) // the other runs of the contact end
	}
	c.state.Change, c.state.Delete = nil, false
	return nil
}

// answer tells the callers that wait for an entry that it was handled, once the catalog has
// what came of it.
func (p *partition) answer(ctx context.Context, w *work) {
	for _, e := range w.entries {
		if e.Reply == "" {
			continue
		}
		go func() {
			if p.copies.flush(ctx) == nil {
				_ = p.nc.Publish(e.Reply, nil)
			}
		}()
	}
}

// begin does what a turn needs once it is written: it performs the effects, and sets the timers.
func (p *partition) begin(w *work) {
	if next, deadline := w.due(); w.dirty {
		p.timers.add(w.token, deadline)
		if bucketOf(next) <= p.loaded {
			p.timers.add(w.token, next)
		}
	}
	for _, e := range w.turn.Effects {
		p.perform(w.token, e)
	}
}

// perform performs an effect as soon as the worker has room for it.
func (p *partition) perform(token string, e automation.PlannedEffect) {
	p.pending++
	go func() {
		o := automation.Outcome{RunID: e.Run.ID, Step: e.Step, Attempt: e.Attempt, Kind: automation.InputReleased}
		select {
		case p.slots <- struct{}{}:
			// An effect that waited in line must not begin so late that the next turn
			// takes it over while it is in flight.
			if time.Until(e.Run.DueAt) > p.opts.EffectDeadline/2 && p.isRunning() {
				o = p.runner.Perform(withPlanning(p.bound, p, nil), e)
			}
			<-p.slots
		case <-p.stopped:
		}
		select {
		case p.outcomes <- outcome{token, o}:
		case <-p.ended:
		}
	}()
}
