package jetstream

import (
	"context"
	"slices"
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
	taken []entry             // events that are pending in the catalog
	found *automation.Contact // of the catalog
	again bool                // the catalog has events that are later than what was read of the log
	busy  bool                // a process that works on the catalog has a lease on the contact
	more  bool                // the catalog has more pending events than taken
	later []entry             // events of the log that wait for those

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
	p.release(in.outcomes)
	for _, w := range todo {
		p.runner.Announce(w.turn)
		if err := p.settle(ctx, w.contact); err != nil {
			return err
		}
		p.note(w.contact)
		p.begin(w)
		p.answer(ctx, w)
	}
	return nil
}

// planAll plans the turns of all contacts: first those of emails, because their events may move
// to contacts of the same batch.
func (p *partition) planAll(ctx context.Context, todo []*work, readAt, dueBy time.Time) ([]*work, error) {
	if err := p.take(ctx, todo, func(w *work) bool { return w.contact.key.ID == "" }); err != nil {
		return nil, err
	}
	for _, w := range todo {
		if w.contact.key.ID == "" {
			p.plan(ctx, w, nil, readAt, dueBy)
		}
	}
	todo, err := p.move(ctx, todo)
	if err != nil {
		return nil, err
	}
	if err := p.take(ctx, todo, func(w *work) bool { return w.contact.key.ID != "" }); err != nil {
		return nil, err
	}
	for _, w := range todo {
		if w.contact.key.ID != "" {
			p.plan(ctx, w, w.found, readAt, dueBy)
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
		p.reach(e)
		switch e.Kind {
		case kindEvent, kindRequest, kindContact, kindOutcome:
			w := of(tokenOf(e.Key))
			w.key, w.entries = e.Key, append(w.entries, e)
		case kindLook:
			for _, key := range e.Contacts {
				of(tokenOf(key)).key = key
			}
		case kindMoved:
			cp.Moved = true
		case kindTick:
			if e.Epoch != cp.Epoch {
				continue // of an earlier owner
			}
			cp.ReadAt, p.ticking = e.At, time.Time{}
			for _, token := range p.timers.take(e.At, p.maxInputs()) {
				of(token).woken = true
			}
		}
	}
	return todo
}
