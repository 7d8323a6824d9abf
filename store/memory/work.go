package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// Claim implements automation.WorkStore.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	now := toMicros(p.Now)
	if p.Contact != (automation.ContactRef{}) {
		d := s.deskFor(p.Contact.ID, p.Contact.Email, true)
		if d.leased > now {
			return nil, nil
		}
		return []automation.Work{s.claim(d, p)}, nil
	}
	works := s.claimed[:0]
	for len(works) < p.Limit && len(s.due) > 0 && s.due[0].due <= now {
		works = append(works, s.claim(s.due[0].desk, p))
	}
	out := slices.Clone(works)
	clear(works)
	s.claimed = works
	return out, nil
}

// find returns the desk of a contact that the store has heard of.
func (s *Store) find(ref automation.ContactRef) *desk {
	if ref.ID != "" {
		return s.contacts[ref.ID]
	}
	return s.inboxes[automation.EmailKey(ref.Email)]
}

func (s *Store) claim(d *desk, p automation.ClaimParams) automation.Work {
	d.token++
	d.leased = toMicros(p.Now.Add(p.Lease))
	w := automation.Work{Key: d.ref(), Token: int64(d.token), Contact: d.mayRecord()}
	for _, e := range d.pending()[:min(p.Events, len(d.pending()))] {
		w.Events = append(w.Events, automation.PendingEvent{Event: e.shared(), Starts: s.starts(e.name)})
	}
	w.Runs = d.claimable(p, w.Events)
	s.schedule(d)
	return w
}

// mayRecord returns a copy of the desk's contact, or nil if there is none.
func (d *desk) mayRecord() *automation.Contact {
	if !d.known {
		return nil
	}
	c := d.record()
	return &c
}

// starts returns the enabled automations that listen to an event. The slice is
// shared by all claims until one of them changes.
func (s *Store) starts(event string) []automation.VersionRef {
	list := s.triggers[event]
	if len(list) == 0 {
		return nil
	}
	if refs, ok := s.started[event]; ok {
		return refs
	}
	refs := make([]automation.VersionRef, len(list))
	for i, a := range list {
		refs[i] = automation.VersionRef{AutomationID: a.ID, Version: a.Version}
	}
	s.started[event] = refs
	return refs
}

// claimable returns the desk's due runs, longest first, as many as may be
// brought, and then the others that wait for one of the events.
func (d *desk) claimable(p automation.ClaimParams, events []automation.PendingEvent) []automation.ClaimedRun {
	now := toMicros(p.Now)
	var due, others []*run
	for _, r := range d.running {
		switch {
		case r.due != 0 && r.due <= now:
			due = append(due, r)
		case r.awaits(events):
			others = append(others, r)
		}
	}
	slices.SortFunc(due, func(a, b *run) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.seq, b.seq)) })
	for i := p.Runs; i < len(due); i++ {
		if due[i].awaits(events) {
			others = append(others, due[i])
		}
	}
	slices.SortFunc(others, func(a, b *run) int { return cmp.Compare(a.seq, b.seq) })
	due = due[:min(p.Runs, len(due))]
	claimed := make([]automation.ClaimedRun, 0, len(due)+len(others))
	for _, r := range due {
		claimed = append(claimed, r.claimed())
	}
	for _, r := range others {
		claimed = append(claimed, r.claimed())
	}
	return claimed
}

// awaits reports whether the run waits for one of the events.
func (r *run) awaits(events []automation.PendingEvent) bool {
	return r.waits != "" && slices.ContainsFunc(events, func(e automation.PendingEvent) bool { return e.Name == r.waits })
}

func (r *run) claimed() automation.ClaimedRun {
	c := automation.ClaimedRun{RunRecord: r.shared(), Request: controls[r.control]}
	if r.event != nil {
		c.TriggerPayload = r.event.payload
	}
	return c
}

// Commit implements automation.WorkStore.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	results := make([]automation.CommitResult, len(ts))
	for i := range ts {
		results[i] = s.commit(&ts[i])
	}
	return results, nil
}

func (s *Store) commit(t *automation.Transition) (res automation.CommitResult) {
	d := s.find(t.Key)
	now := toMicros(t.Now)
	if d == nil || int64(d.token) != t.Token || d.leased == 0 {
		res.Err = leaseLost(t.Key)
		return res
	}
	if res.Err = s.refusal(t); res.Err != nil {
		return res
	}
	d.handle(t, now)
	if t.Erase {
		s.erase(d, t.EraseEmail)
	}
	for i := range t.Runs {
		s.put(d, &t.Runs[i], now, &res)
	}
	s.changeContact(d, t, now)
	if t.MoveTo != "" {
		s.move(d, t)
	}
	d.leased = toMicros(t.Extend)
	if t.Release {
		d.leased = 0
	} else {
		res.Contact = d.mayRecord()
	}
	s.schedule(d)
	s.tidy(d)
	return res
}

// refusal reports why nothing of t may be written.
func (s *Store) refusal(t *automation.Transition) error {
	for i := range t.Runs {
		r := &t.Runs[i]
		a := s.automations[r.AutomationID]
		switch {
		case s.runs[r.ID] != nil: // also a new one that is written again
		case r.New && (a == nil || a.Status != automation.StatusEnabled):
			return conflict("automation %q is not enabled any more", r.AutomationID)
		case r.New && s.definitions[automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}] == nil:
			return conflict("version %d of automation %q is not in use any more", r.Version, r.AutomationID)
		case !r.New:
			return notFound("run", r.ID)
		}
	}
	return nil
}

// handle marks events as handled. They are a prefix of the pending ones, in
// any order.
func (d *desk) handle(t *automation.Transition, now micros) {
	for _, id := range t.Handled {
		i := slices.IndexFunc(d.pending(), func(e *event) bool { return e.id == id })
		if i < 0 {
			continue
		}
		e := d.pending()[i]
		e.handled = now
		copy(d.pending()[1:i+1], d.pending()[:i])
		d.pending()[0] = e
		d.handled++
	}
}

// erase empties the events of a desk, and those for an email that belong to no
// contact. Erasing is rare: it is not worth an index of such events.
func (s *Store) erase(d *desk, email string) {
	for _, e := range d.events {
		s.empty(e)
	}
	if email == "" {
		return
	}
	for _, e := range s.events {
		if e.desk.inbox && e.desk.id == automation.EmailKey(email) {
			s.empty(e)
		}
	}
}

// empty forgets what an event says about somebody, and its idempotency key.
func (s *Store) empty(e *event) {
	if e.asSent != nil {
		if k := (idempotency{e.name, e.asSent.key}); s.keys[k].event == e.id {
			delete(s.keys, k)
		}
	}
	e.payload, e.asSent = nil, nil
}

func (s *Store) changeContact(d *desk, t *automation.Transition, now micros) {
	if !d.known {
		if t.Delete {
			d.cancelRuns(now)
		}
		return
	}
	if t.Change != nil {
		d.change(t.Change)
	}
	if t.Delete {
		s.remove(d, now)
	}
}

// move gives the pending events of an email to a contact, which it may create.
func (s *Store) move(d *desk, t *automation.Transition) {
	to := s.emails[d.id]
	if to == nil && t.Create != nil {
		to = s.insert(*t.Create)
	}
	if to == nil {
		to = s.deskFor(t.MoveTo, "", true)
	}
	s.moveEvents(d, to)
}

// moveEvents gives the pending events of an email to a contact.
func (s *Store) moveEvents(inbox, to *desk) {
	for _, e := range inbox.pending() {
		e.desk = to
		e.forgetEmail()
		to.enqueue(e)
	}
	clear(inbox.pending())
	inbox.events = inbox.events[:inbox.handled]
	s.schedule(inbox)
	s.schedule(to)
	s.tidy(inbox)
}

// tidy forgets the desk of an email that nothing is left of. Its next one goes
// on from its token: a lease that was lost must not become valid again.
func (s *Store) tidy(d *desk) {
	if d.inbox && d.leased == 0 && len(d.pending()) == 0 {
		s.token = max(s.token, d.token)
		delete(s.inboxes, d.id)
	}
}

func leaseLost(ref automation.ContactRef) error {
	return fmt.Errorf("contact %q: %w", ref.String(), automation.ErrLeaseLost)
}

// NextDue implements automation.WorkStore.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	if err := s.lock(ctx); err != nil {
		return time.Time{}, err
	}
	defer s.mu.Unlock()
	if len(s.due) == 0 {
		return time.Time{}, nil
	}
	return s.due[0].due.time(), nil
}

// RecordRunRequest implements automation.WorkStore.
func (s *Store) RecordRunRequest(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.RunRecord{}, err
	}
	defer s.mu.Unlock()
	r, ok := s.runs[id]
	if !ok {
		return automation.RunRecord{}, notFound("run", id)
	}
	before := r.record()
	active := r.status == running
	switch {
	case c == automation.RequestRetry && !active && statuses[r.status] != automation.RunFailed:
		return before, conflict("run %q is %s, and only a failed run can be retried", id, r.status)
	case c == automation.RequestRetry && active, c == automation.RequestCancel && !active:
		return before, nil
	}
	s.request(r, toControl(c), toMicros(now))
	s.wake()
	return before, nil
}

// CancelRuns implements automation.WorkStore.
func (s *Store) CancelRuns(ctx context.Context, automationID string, now time.Time) (int, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	a, ok := s.automations[automationID]
	if !ok {
		return 0, notFound("automation", automationID)
	}
	n := s.cancel(a, toMicros(now))
	s.wake()
	return n, nil
}

func (s *Store) cancel(a *automationEntry, now micros) (n int) {
	for _, r := range a.runs {
		if r.status == running {
			s.request(r, cancel, now)
			n++
		}
	}
	return n
}

// request records what somebody wants of a run, and makes it due.
func (s *Store) request(r *run, c control, now micros) {
	r.control = c
	if r.status != running {
		r.desk.reopen(r)
	}
	r.hasten(now)
	s.hasten(r.desk, r.due)
}
