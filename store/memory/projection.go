package memory

import (
	"bytes"
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Project implements automation.Projector.
func (s *Store) Project(ctx context.Context, p automation.Projection) error {
	if err := record.CheckProjection(&p); err != nil {
		return err
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.projected[p.Source] != p.After {
		return record.SourceElsewhere(&p)
	}
	c := record.CatalogOf(&p)
	for i := range c.Events {
		s.projectEvent(&c.Events[i])
	}
	pr := projector{s: s, automations: s.projectedAutomations(c.Automations), contacts: map[*contactState]bool{}}
	pr.projectRuns(c.Runs)
	s.decide(p.Decisions)
	for _, e := range p.Entries {
		s.writeEntries(s.stateFor(e.ContactID, "", true), []automation.EntryCount{e.EntryCount})
	}
	s.projected[p.Source] = p.Sequence
	return nil
}

// ProjectedTo implements automation.Projector.
func (s *Store) ProjectedTo(ctx context.Context, source string) (int64, error) {
	if err := s.lock(ctx); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	return s.projected[source], nil
}

// projectEvent keeps an event as a handled one, unless the store has it as one already.
func (s *Store) projectEvent(p *record.CatalogEvent) {
	e := &p.Event
	if known := s.events[e.ID]; known != nil {
		known.contact.handleOne(&p.HandledEvent, e.ID, toMicros(p.HandledAt))
		s.schedule(known.contact)
		s.forgetEmpty(known.contact)
		return
	}
	if use, ok := record.KeyOf(&p.ProjectedEvent); ok {
		s.projectKey(idempotencyKey{e.Name, e.IdempotencyKey}, keyUse{use, toMicros(p.KeyExpiresAt)}, toMicros(e.AcceptedAt))
	}
	cs := s.stateFor(e.ContactID, e.Email, true)
	s.seq++
	ev := &event{
		seq: s.seq, id: e.ID, name: e.Name, contact: cs, payload: bytes.Clone(e.Payload), asSent: asSentOf(cs, e),
		occurred: toMicros(e.OccurredAt), accepted: toMicros(e.AcceptedAt), handled: toMicros(p.HandledAt),
	}
	if len(p.Resumed)+len(p.Ended) > 0 || p.Reason != "" {
		ev.outcome = &outcome{slices.Clone(p.Resumed), slices.Clone(p.Ended), p.Reason}
	}
	s.events[ev.id] = ev
	cs.events = slices.Insert(cs.events, int(cs.handled), ev)
	cs.handled++
	s.forgetEmpty(cs)
}

// projectKey keeps the use of an idempotency key, unless the key was in use already.
func (s *Store) projectKey(k idempotencyKey, use keyUse, at micros) {
	if known, ok := s.keys[k]; !ok || known.expires <= at {
		s.keys[k] = use
	}
}

// projectedAutomations returns the automations of projected runs. One that does not exist
// counts as deleted: a later one with its id gets a version that none of the runs has.
func (s *Store) projectedAutomations(list []record.CatalogAutomation) map[string]*automationEntry {
	entries := make(map[string]*automationEntry, len(list))
	for _, c := range list {
		if entries[c.ID] = s.automations[c.ID]; entries[c.ID] != nil {
			continue
		}
		s.retired[c.ID] = max(s.retired[c.ID], c.Version)
		if s.strangers[c.ID] == nil {
			s.strangers[c.ID] = &automationEntry{AutomationRecord: automation.AutomationRecord{ID: c.ID}}
		}
		entries[c.ID] = s.strangers[c.ID]
	}
	return entries
}

// projector keeps the runs of one projection.
type projector struct {
	s           *Store
	automations map[string]*automationEntry // of the runs
	contacts    map[*contactState]bool      // whose runs change; true if an ended one goes on
	added       []*run
}

func (p *projector) projectRuns(changes []automation.RunChange) {
	p.removeOthers(changes)
	for i := range changes {
		p.projectRun(&changes[i])
	}
	for cs, reopened := range p.contacts {
		cs.settle(reopened)
		p.s.schedule(cs)
	}
	p.list()
}

// removeOthers removes the runs that another run with their id replaces.
func (p *projector) removeOthers(changes []automation.RunChange) {
	others := map[*run]bool{}
	for i := range changes {
		if r := p.s.runs[changes[i].ID]; r != nil && !r.becomes(&changes[i]) {
			others[r] = true
			if _, known := p.contacts[r.contact]; !known {
				p.contacts[r.contact] = false
			}
		}
	}
	if len(others) > 0 {
		p.s.removeRuns(others)
	}
}

// becomes reports whether the run can become what c is, by a change.
func (r *run) becomes(c *automation.RunChange) bool {
	event := ""
	if r.event != nil {
		event = r.event.id
	}
	return r.automation.ID == c.AutomationID && int(r.version) == c.Version && r.contact.id == c.ContactID &&
		event == c.EventID && r.created == toMicros(c.CreatedAt)
}

func (p *projector) projectRun(c *automation.RunChange) {
	r := p.s.runs[c.ID]
	if r == nil {
		r = p.s.newRun(p.s.stateFor(c.ContactID, "", true), p.automations[c.AutomationID], c)
		p.added = append(p.added, r)
	}
	wasActive := r.active()
	r.apply(c, p.s.listenSet(c.Listens))
	r.state, r.request = bytes.Clone(c.State), noRequest
	p.contacts[r.contact] = p.contacts[r.contact] || !wasActive && r.active()
	p.s.writeOutputs(owned(c))
}

// owned returns the change with outputs that the caller does not share.
func owned(c *automation.RunChange) *automation.RunChange {
	if len(c.Outputs) == 0 {
		return c
	}
	copied := *c
	copied.Outputs = slices.Clone(c.Outputs)
	for i := range copied.Outputs {
		copied.Outputs[i].Output = bytes.Clone(copied.Outputs[i].Output)
	}
	return &copied
}

// settle puts each run into the list where it belongs. It looks at the ended runs only if
// one of them was reopened.
func (cs *contactState) settle(reopened bool) {
	var over []*run
	cs.running = slices.DeleteFunc(cs.running, func(r *run) bool {
		if !r.active() {
			over = append(over, r)
		}
		return !r.active()
	})
	if len(cs.running) == 0 {
		cs.running = nil
	}
	if reopened {
		*cs.ended = slices.DeleteFunc(*cs.ended, func(r *run) bool {
			if r.active() {
				cs.running = append(cs.running, r)
			}
			return r.active()
		})
	}
	cs.running.restore()
	if len(over) == 0 {
		return
	}
	if cs.ended == nil {
		cs.ended = &[]*run{}
	}
	*cs.ended = append(*cs.ended, over...)
}

// list adds the new runs to the lists that are in order of creation.
func (p *projector) list() {
	slices.SortFunc(p.added, byCreation)
	byAutomation := map[*automationEntry][]*run{}
	for _, r := range p.added {
		byAutomation[r.automation] = append(byAutomation[r.automation], r)
	}
	for a, added := range byAutomation {
		a.runs = merged(a.runs, added...)
	}
	p.s.history = merged(p.s.history, p.added...)
}
