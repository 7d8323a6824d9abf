package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Engage implements automation.Catalog.
func (s *Store) Engage(ctx context.Context, engine string) error {
	if err := record.CheckEngine(engine); err != nil {
		return err
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.engine != "" && s.engine != engine {
		return record.EngagedBy(s.engine)
	}
	s.engine = engine
	return nil
}

// Disengage implements automation.Catalog.
func (s *Store) Disengage(ctx context.Context, engine string) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.engine != "" && s.engine != engine {
		return record.EngagedBy(s.engine)
	}
	s.engine = ""
	for source := range s.projected {
		if strings.HasPrefix(source, engine+"/") {
			delete(s.projected, source)
		}
	}
	s.wake()
	return nil
}

// ListWaiting implements automation.Catalog. It looks at all contacts.
func (s *Store) ListWaiting(ctx context.Context, q automation.WaitingQuery) ([]automation.WaitingContact, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var list []automation.WaitingContact
	for _, states := range []map[string]*contactState{s.contacts, s.emails} {
		for _, cs := range states {
			if cs.waits(q.Working) && byKind(cs.ref(), q.After) > 0 {
				list = append(list, automation.WaitingContact{ContactRef: cs.ref(), Newest: cs.newest()})
			}
		}
	}
	slices.SortFunc(list, func(a, b automation.WaitingContact) int { return byKind(a.ContactRef, b.ContactRef) })
	return list[:min(q.Limit, len(list))], nil
}

// byKind orders contacts by id, and then emails. The zero value is before all of them.
func byKind(a, b automation.ContactRef) int {
	return cmp.Or(cmp.Compare(a.Email, b.Email), cmp.Compare(a.ID, b.ID))
}

// waits reports whether the contact has pending events or, with working, any other work.
func (cs *contactState) waits(working bool) bool {
	return len(cs.pending()) > 0 || working && (len(cs.running) > 0 || cs.leasedUntil != 0)
}

// newest returns the number of the pending event that was appended last, 0 if there is none.
func (cs *contactState) newest() (seq int64) {
	for _, e := range cs.pending() {
		seq = max(seq, int64(e.seq))
	}
	return seq
}

// TakeWork implements automation.Catalog.
func (s *Store) TakeWork(ctx context.Context, p automation.TakeParams) (works []automation.Work, err error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, ref := range p.Contacts {
		cs := s.findState(ref)
		if cs == nil {
			works = append(works, automation.Work{Key: ref})
			continue
		}
		if cs.leasedUntil > toMicros(p.Now) {
			continue
		}
		s.setLease(cs, 0)
		works = append(works, cs.taken(ref, &p))
		s.schedule(cs)
	}
	return works, nil
}

// taken returns the work of a contact.
func (cs *contactState) taken(ref automation.ContactRef, p *automation.TakeParams) automation.Work {
	w := automation.Work{Key: ref, Contact: cs.recordOrNil()}
	for _, e := range cs.pending()[:min(p.Events, len(cs.pending()))] {
		w.Events = append(w.Events, automation.PendingEvent{Event: e.shared(), Unannounced: e.unannounced})
	}
	if p.Runs {
		runs := slices.Clone([]*run(cs.running))
		slices.SortFunc(runs, byCreation)
		for _, r := range runs {
			w.Runs = append(w.Runs, r.claimed())
		}
	}
	return w
}

// FindEventKey implements automation.Catalog.
func (s *Store) FindEventKey(ctx context.Context, name, key string, now time.Time) (automation.EventKey, error) {
	if err := s.lock(ctx); err != nil {
		return automation.EventKey{}, err
	}
	defer s.mu.Unlock()
	use, ok := s.keys[idempotencyKey{name, key}]
	if !ok || use.expires <= toMicros(now) {
		return automation.EventKey{}, record.NotFound("idempotency key", key)
	}
	return automation.EventKey{EventID: use.EventID, ContentHash: use.Hash}, nil
}
