package storetest

import (
	"github.com/seed-b636437c/automation"
)

func projectEvents(p *projecting) {
	v := p.automation("welcome", "started")
	starts, run := p.start(v, "c1", at(1), asleep(at(100)))
	_, second := p.start(v, "c1", at(1), ended(automation.RunCompleted, at(3)))
	second.EventID = starts.Event.ID
	both, resumedRun := p.start(v, "c2", at(1), asleep(at(100)))
	both.Resumed = []string{run.ID, p.id()}
	later, late := p.start(v, "c3", at(1), func(r *automation.RunRecord) { r.CreatedAt = at(9) }) // its event was handled at 2
	resumed, nothing, plain := p.handledEvent("ping", "c1", at(4)), p.handledEvent("ping", "c1", at(5)), p.handledEvent("ping", "c1", at(6))
	resumed.Resumed, nothing.Reason = []string{run.ID}, automation.ReasonFilterNotMet
	mail := automation.ProjectedEvent{Event: p.mail("ping", "Ada@Example.com", at(7)).Event, HandledAt: at(8)}
	mail.Reason = automation.ReasonNoMatch
	bare := automation.ProjectedEvent{Event: automation.Event{ID: p.id(), Name: "bare", ContactID: "c1", AcceptedAt: at(8), OccurredAt: at(2)}, HandledAt: at(8)}
	bare.Event.IdempotencyKey = "key"
	for i, e := range []*automation.ProjectedEvent{&starts, &both, &later, &resumed, &nothing, &plain, &mail, &bare} {
		e.HandledEvent.ID = []string{"", e.Event.ID}[i%2] // the id of the event counts
	}

	p.project([]automation.ProjectedEvent{starts, both, later, resumed, nothing, plain, mail, bare},
		automation.RunChange{RunRecord: run}, automation.RunChange{RunRecord: second}, automation.RunChange{RunRecord: resumedRun}, automation.RunChange{RunRecord: late})
	for _, c := range []struct {
		e       automation.ProjectedEvent
		started []string
	}{
		{starts, []string{run.ID, second.ID}}, {both, []string{resumedRun.ID}}, {later, []string{late.ID}},
		{resumed, nil}, {nothing, nil}, {plain, nil}, {mail, nil}, {bare, nil},
	} {
		want := automation.EventRecord{
			Event: c.e.Event, Status: automation.EventStatusHandled, HandledAt: c.e.HandledAt,
			Started: c.started, Resumed: c.e.Resumed, Reason: c.e.Reason,
		}
		p.equal("event", recordText(p.findRecord(c.e.Event.ID)), recordText(want))
	}
	key := keyed(p.event("bare", p.contact("ada@example.com"), at(20)), "key", "hash")
	p.equal("an event with the key of a copy is no duplicate", p.append(key)[0].Duplicate, false)
	events, err := p.store.ListContactEvents(p.ctx, "c1", "ping", at(5))
	p.must("contact events", err)
	p.equal("events of the contact", len(events), 2)
	p.equal("first event", eventText(events[0]), eventText(nothing.Event))
}

func projectEventFilters(p *projecting) {
	events := []automation.ProjectedEvent{
		p.handledEvent("a", "ada", at(1)), p.handledEvent("b", "ada", at(2)), p.handledEvent("a", "bob", at(3)),
		{Event: p.mail("a", "Cleo@example.com", at(4)).Event, HandledAt: at(4)},
	}
	for i := range events {
		events[i].Event.ID = timedID(at(i+1), i)
	}
	p.project(events[2:])
	p.project(events[:2]) // an order in which a single process would not accept them
	one, two, three, four := events[0].Event.ID, events[1].Event.ID, events[2].Event.ID, events[3].Event.ID
	for _, c := range []struct {
		q    automation.EventQuery
		want []string
	}{
		{automation.EventQuery{}, []string{four, three, two, one}},
		{automation.EventQuery{Name: "a"}, []string{four, three, one}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: "ada"}}, []string{two, one}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: "ada"}, Name: "a"}, []string{one}},
		{automation.EventQuery{Contact: automation.ContactRef{Email: "cleo@EXAMPLE.com"}}, []string{four}},
		{automation.EventQuery{Contact: automation.ContactRef{ID: "ada", Email: "cleo@example.com"}}, []string{four, two, one}},
		{automation.EventQuery{AcceptedFrom: at(2)}, []string{four, three, two}},
		{automation.EventQuery{AcceptedUntil: at(2)}, []string{one}},
		{automation.EventQuery{AcceptedFrom: at(2), AcceptedUntil: at(4)}, []string{three, two}},
	} {
		p.shown(p.listed(c.q), automation.PageQuery{Limit: 10}, c.want, false)
	}
	p.shown(p.listed(automation.EventQuery{}), automation.PageQuery{Limit: 2, After: four}, []string{three, two}, true)
	p.shown(p.listed(automation.EventQuery{}), automation.PageQuery{Limit: 2, Before: one}, []string{three, two}, true)
}

func projectEventTwice(p *projecting) {
	contact := p.contact("ada@example.com")
	copied, pending := p.handledEvent("a", contact, at(1)), p.event("a", contact, at(2))
	copied.Reason = automation.ReasonNoMatch
	p.append(pending)
	again := copied
	again.Event.Name, again.Event.Payload, again.Reason, again.HandledAt = "b", nil, automation.ReasonDisabled, at(50)
	p.project([]automation.ProjectedEvent{copied, again})
	want := automation.EventRecord{Event: copied.Event, Status: automation.EventStatusHandled, HandledAt: copied.HandledAt, Reason: copied.Reason}
	p.equal("the first of two copies", recordText(p.findRecord(copied.Event.ID)), recordText(want))
	p.project([]automation.ProjectedEvent{again})
	p.equal("an event that was projected before", recordText(p.findRecord(copied.Event.ID)), recordText(want))
	want = automation.EventRecord{Event: pending.Event, Status: automation.EventStatusPending}
	p.equal("an event that was sent", recordText(p.findRecord(pending.Event.ID)), recordText(want))
	ids, _ := p.page(p.listed(automation.EventQuery{}), automation.PageQuery{Limit: 10})
	p.equal("events", ids, []string{pending.Event.ID, copied.Event.ID})
}
