package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

func catalogChecks() []Check {
	return []Check{
		catalogCheck("catalogs/only their engine claims and records requests", catalogEngaged),
		catalogCheck("catalogs/leases from before are kept and fenced", catalogLeases),
		catalogCheck("catalogs/of engines at once one engages", catalogAtOnce),
		catalogCheck("catalogs/are free again when the engine leaves", catalogDisengaged),
		catalogCheck("catalogs/list contacts whose work may be in the store only", catalogWaiting),
		catalogCheck("catalogs/give an engine all work of contacts", catalogTaken),
		catalogCheck("catalogs/give an engine the first events of a contact", catalogTakenEvents),
		catalogCheck("catalogs/a projection handles pending events", catalogHandled),
		catalogCheck("catalogs/a projection handles an event that moved to its contact", catalogMoved),
		catalogCheck("catalogs/find and keep idempotency keys", catalogKeys),
	}
}

// engine is the engine of most checks.
const engine = "an engine"

// cataloging is the fixture of a check about an automation.Catalog.
type cataloging struct {
	*projecting
	catalog, second automation.Catalog // of the two handles
}

// catalogCheck returns a check that is skipped if the store is no Catalog.
func catalogCheck(name string, body func(c *cataloging)) Check {
	return projectionCheck(name, func(p *projecting) {
		catalog, ok := projectorOf(p.store).(automation.Catalog)
		second, both := projectorOf(p.other).(automation.Catalog)
		if !ok || !both {
			p.fail(fmt.Errorf("%w: the store is no Catalog", ErrSkipped))
		}
		body(&cataloging{p, catalog, second})
	})
}

func (c *cataloging) engage() { c.must("engage", c.catalog.Engage(c.ctx, engine)) }

// taken returns the work of contacts for the engine.
func (c *cataloging) taken(now time.Time, refs ...automation.ContactRef) []automation.Work {
	works, err := c.second.TakeWork(c.ctx, automation.TakeParams{Contacts: refs, Now: now, Events: 100, Runs: true})
	c.must("take work", err)
	return works
}

// takenOne returns the work of one contact for the engine.
func (c *cataloging) takenOne(now time.Time, ref automation.ContactRef) automation.Work {
	works := c.taken(now, ref)
	if len(works) != 1 || works[0].Key != ref {
		c.failf("take work of %v: got %v", ref, contactsOf(works))
	}
	return works[0]
}

func (c *cataloging) waiting(working bool, limit int) (all []automation.WaitingContact) {
	q := automation.WaitingQuery{Limit: limit, Working: working}
	for {
		page, err := c.catalog.ListWaiting(c.ctx, q)
		c.must("list waiting", err)
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		last := page[len(page)-1].ContactRef
		if last == q.After {
			c.failf("list waiting: the page after %v ends with it", last)
		}
		q.After = last
	}
}

// hasWaiting ends the check unless exactly these contacts wait, whatever the size of the pages.
func (c *cataloging) hasWaiting(what string, working bool, want ...string) {
	slices.Sort(want)
	for _, limit := range []int{1, 2, 100} {
		var got []string
		for _, w := range c.waiting(working, limit) {
			got = append(got, w.String())
		}
		slices.Sort(got)
		c.equal(fmt.Sprintf("%s, %d a page", what, limit), got, want)
	}
}

func catalogEngaged(c *cataloging) {
	v := c.automation("welcome", "signup")
	contact := c.contact("ada@example.com")
	running := c.run(v, contact, asleep(at(5)))
	failed := c.run(v, contact, failing(automation.FailedEffect, at(1)))
	c.send("signup", contact, at(1))
	c.refused("engage without a name", c.catalog.Engage(c.ctx, ""), automation.ErrInvalid)
	c.engage()
	c.must("engage again", c.second.Engage(c.ctx, engine))
	c.refused("engage for another engine", c.second.Engage(c.ctx, "another"), automation.ErrCatalog)
	c.refused("disengage for another engine", c.second.Disengage(c.ctx, "another"), automation.ErrCatalog)
	one := everything(at(10))
	one.Contact = automation.ContactRef{ID: contact}
	for what, p := range map[string]automation.ClaimParams{"claim": everything(at(10)), "claim of one contact": one} {
		works, err := c.other.Claim(c.ctx, p)
		c.refused(what, err, automation.ErrCatalog)
		c.equal(what, len(works), 0)
		p.Engine = "another"
		_, err = c.other.Claim(c.ctx, p)
		c.refused(what+" for another engine", err, automation.ErrCatalog)
	}
	for id, request := range map[string]automation.RunRequest{running.ID: automation.RequestCancel, failed.ID: automation.RequestRetry} {
		_, err := c.other.RecordRunRequest(c.ctx, id, request, at(10))
		c.refused(string(request), err, automation.ErrCatalog)
	}
	_, err := c.other.CancelRuns(c.ctx, "welcome", at(10))
	c.refused("cancel all", err, automation.ErrCatalog)
	c.sameRun(running)
	for _, run := range c.takenOne(at(10), one.Contact).Runs {
		c.equal("request", run.Request, automation.RequestNone)
	}
	one.Engine = engine
	w := c.claimWith(one)
	c.equal("claims of the engine", len(w), 1)
	c.commit(release(w[0], at(11)))
	c.send("signup", contact, at(12))
	_, err = c.other.Claim(c.ctx, everything(at(13)))
	c.refused("claim after an event", err, automation.ErrCatalog)
}

func catalogLeases(c *cataloging) {
	v := c.automation("welcome", "signup")
	ada, bob, cleo := c.contact("ada@example.com"), c.contact("bob@example.com"), c.contact("cleo@example.com")
	for _, contact := range []string{ada, bob, cleo} {
		c.send("signup", contact, at(1))
	}
	held := map[string]automation.Work{}
	for _, w := range c.claim(at(1)) {
		held[w.Key.ID] = w
	}
	c.equal("leases", len(held), 3)
	c.engage()
	begin := func(contact string, when time.Time) automation.Transition {
		t := hold(held[contact], when)
		run := c.started(v, contact, held[contact].Events[0].Event)
		run.DueAt = when
		t.Handled, t.Runs = handledOf(held[contact]), []automation.RunChange{run}
		return t
	}
	refs := []automation.ContactRef{{ID: ada}, {ID: bob}, {ID: cleo}}
	c.equal("work of contacts with leases", contactsOf(c.taken(at(30), refs...)), []string{})
	first, second := begin(ada, at(30)), begin(bob, at(2)) // bob's lease ends first, with a run of which nothing else exists
	c.commit(first)
	c.commit(second)
	works := c.taken(at(70), refs...) // cleo's lease has ended, too
	slices.SortFunc(works, func(a, b automation.Work) int { return len(b.Runs) - len(a.Runs) })
	c.equal("contacts whose leases have ended", contactsOf(works), []string{bob, cleo})
	c.equal("run of an ended lease", runsOf(works[0]), []string{second.Runs[0].ID})
	c.equal("events of an ended lease", eventsOf(works[1]), eventsOf(held[cleo]))
	late := begin(cleo, at(71))
	c.equal("commit under a lease that has ended", []bool{c.commitAll(late)[0].Err != nil}, []bool{true})
	c.refused("commit under a lease that has ended", c.commitAll(late)[0].Err, automation.ErrLeaseLost)
	changed := hold(held[bob], at(71))
	changed.Runs = []automation.RunChange{{RunRecord: second.Runs[0].RunRecord}}
	c.refused("change of a run under a lease that has ended", c.commitAll(changed)[0].Err, automation.ErrLeaseLost)

	last := release(held[ada], at(40))
	asleepNow := first.Runs[0]
	asleepNow.New, asleepNow.DueAt = false, at(500)
	last.Runs = []automation.RunChange{asleepNow}
	c.commit(last)
	w := c.takenOne(at(70), automation.ContactRef{ID: ada})
	c.equal("run of a lease that was released", runsOf(w), []string{asleepNow.ID})
	c.equal("it is due", stamp(w.Runs[0].DueAt), stamp(at(500)))
}

// catalogAtOnce lets engines and claims race. A claim that succeeds has leased the contact before.
func catalogAtOnce(c *cataloging) {
	for range 5 {
		c.send("ping", c.contact(c.id()+"@example.com"), at(1))
	}
	leased := make([]int, 4)
	errs := atOnce(8, func(i int) error {
		if i < len(leased) {
			p := everything(at(2))
			p.Limit = 1
			works, err := c.handle(i).Claim(c.ctx, p)
			leased[i] = len(works)
			return err
		}
		return projectorOf(c.handle(i)).(automation.Catalog).Engage(c.ctx, fmt.Sprint("engine ", i))
	})
	c.onlyOne("engage", errs[len(leased):], automation.ErrCatalog)
	busy := 0
	for i, err := range errs[:len(leased)] {
		if err != nil {
			c.refused("claim", err, automation.ErrCatalog)
		}
		busy += leased[i]
	}
	var refs []automation.ContactRef
	for _, w := range c.waiting(false, 100) {
		refs = append(refs, w.ContactRef)
	}
	c.equal("contacts without leases", len(c.taken(at(3), refs...)), 5-busy)
}

func catalogDisengaged(c *cataloging) {
	v := c.automation("welcome", "started")
	contact := c.contact("ada@example.com")
	c.must("disengage what was never engaged", c.catalog.Disengage(c.ctx, engine))
	c.engage()
	mine := automation.Projection{Source: engine + "/1", Sequence: 5}
	c.must("project", c.catalog.Project(c.ctx, mine))
	e, run := c.start(v, contact, at(1), asleep(at(5)))
	c.project([]automation.ProjectedEvent{e}, automation.RunChange{RunRecord: run})
	c.must("disengage", c.second.Disengage(c.ctx, engine))
	c.must("disengage again", c.catalog.Disengage(c.ctx, engine))
	c.at("a source of the engine", engine+"/1", 0)
	c.at("another source", source, c.sequence)
	c.must("project anew", c.catalog.Project(c.ctx, mine))
	w := c.claimOne(at(6))
	c.equal("runs", runsOf(w), []string{run.ID})
	c.equal("payload", string(w.Runs[0].TriggerPayload), string(e.Event.Payload))
	ended(automation.RunCompleted, at(7))(&run)
	t := release(w, at(7))
	t.Runs = []automation.RunChange{{RunRecord: run}}
	c.commit(t)
	c.sameRun(run)
	c.must("engage for another engine", c.catalog.Engage(c.ctx, "another"))
}

func catalogWaiting(c *cataloging) {
	v := c.automation("welcome", "signup")
	pending, sleeping, over := c.contact("pending@example.com"), c.contact("sleeping@example.com"), c.contact("over@example.com")
	retried, leased, other := c.contact("retried@example.com"), c.contact("leased@example.com"), "an id that is no UUID"
	c.must("insert contact", c.store.InsertContact(c.ctx, automation.Contact{ID: other, Email: "other@example.com", CreatedAt: c.moment()}))
	c.hasWaiting("events at first", false)
	c.hasWaiting("work at first", true)
	c.run(v, sleeping, asleep(at(9000)))
	c.run(v, sleeping, asleep(time.Time{}))
	c.run(v, over, ended(automation.RunCompleted, at(2)))
	c.run(v, over, failing(automation.FailedEffect, at(2)))
	c.request(c.run(v, retried, failing(automation.FailedEffect, at(2))).ID, automation.RequestRetry, at(3))
	c.run(v, other, asleep(at(9000)))
	c.take(leased, at(4))
	c.send("ping", pending, at(1))
	c.send("ping", pending, at(2))
	c.append(c.mail("ping", "Nobody@example.com", at(1)))
	c.engage()
	c.hasWaiting("events", false, pending, "nobody@example.com")
	c.hasWaiting("work", true, pending, "nobody@example.com", sleeping, retried, leased, other)
	newest := func(working bool) int64 {
		all := c.waiting(working, 100)
		return all[slices.IndexFunc(all, func(w automation.WaitingContact) bool { return w.ID == pending })].Newest
	}
	before := newest(false)
	c.equal("the newest event is that of all lists", newest(true), before)
	c.send("ping", pending, at(1)) // earlier than the last one
	c.equal("the newest event has changed", newest(false) != before, true)
	for _, w := range c.waiting(true, 100) {
		c.equal("the newest event of "+w.String(), w.Newest != 0, w.ID == pending || w.Email != "")
	}
}

func catalogTaken(c *cataloging) {
	v := c.automation("welcome", "signup")
	contact := c.contact("ada@example.com")
	first := c.run(v, contact, asleep(at(9000)))
	second := c.run(v, contact, waiting("never comes"))
	retried := c.run(v, contact, failing(automation.FailedEffect, at(2)))
	c.run(v, contact, ended(automation.RunCompleted, at(2)))
	c.request(first.ID, automation.RequestCancel, at(3))
	c.request(retried.ID, automation.RequestRetry, at(3))
	c.engage()
	events := []automation.NewEvent{c.event("signup", contact, at(20)), c.event("ping", contact, at(10)), c.event("pong", contact, at(10))}
	events[0].Unannounced = true
	c.append(events...)
	mail := c.mail("ping", "Bob@example.com", at(1))
	c.append(mail)
	ref, email, unknown := automation.ContactRef{ID: contact}, automation.ContactRef{Email: "bob@EXAMPLE.com"}, automation.ContactRef{ID: "unknown"}
	for range 2 { // nothing is taken away
		works := c.taken(at(30), ref, email, unknown)
		c.equal("how many contacts", len(works), 3)
		w := works[slices.IndexFunc(works, func(w automation.Work) bool { return w.Key == ref })]
		c.equal("events", eventsOf(w), []string{events[1].Event.ID, events[2].Event.ID, events[0].Event.ID})
		c.equal("unannounced", w.Events[2].Unannounced, true)
		c.equal("event", eventText(w.Events[2].Event), eventText(events[0].Event))
		c.equal("contact", contactText(*w.Contact), contactText(c.findContact(automation.ContactRef{ID: contact})))
		got := map[string]automation.ClaimedRun{}
		for _, run := range w.Runs {
			got[run.ID] = run
		}
		c.equal("how many runs", len(w.Runs), 3)
		for _, run := range []automation.RunRecord{first, second, retried} {
			want := c.findRun(run.ID)
			c.equal("run", runText(got[run.ID].RunRecord), runText(want))
			c.equal("payload", string(got[run.ID].TriggerPayload), string(c.findEvent(run.EventID).Payload))
		}
		c.equal("requests", []automation.RunRequest{got[first.ID].Request, got[second.ID].Request, got[retried.ID].Request},
			[]automation.RunRequest{automation.RequestCancel, automation.RequestNone, automation.RequestRetry})
		w = works[slices.IndexFunc(works, func(w automation.Work) bool { return w.Key == email })]
		c.equal("events of an email", eventsOf(w), []string{mail.Event.ID})
		c.equal("contact of an email", w.Contact == nil, true)
		w = works[slices.IndexFunc(works, func(w automation.Work) bool { return w.Key == unknown })]
		c.equal("unknown contact", []any{len(w.Events), len(w.Runs), w.Contact == nil}, []any{0, 0, true})
	}
	works, err := c.catalog.TakeWork(c.ctx, automation.TakeParams{Contacts: []automation.ContactRef{ref}, Now: at(30), Events: 100})
	c.must("take work without runs", err)
	c.equal("runs that were not asked for", runsOf(works[0]), []string{})
	works, err = c.catalog.TakeWork(c.ctx, automation.TakeParams{Now: at(30), Events: 100})
	c.must("take work of no contact", err)
	c.equal("work of no contact", len(works), 0)
	c.must("delete contact", c.store.DeleteContact(c.ctx, contact, at(31)))
	c.equal("a contact that was deleted", c.takenOne(at(32), ref).Contact == nil, true)
}

func catalogTakenEvents(c *cataloging) {
	contact := c.contact("ada@example.com")
	var want []string
	for i := range 5 {
		want = append(want, c.send("ping", contact, at(i)))
	}
	c.engage()
	works, err := c.catalog.TakeWork(c.ctx, automation.TakeParams{Contacts: []automation.ContactRef{{ID: contact}}, Now: at(30), Events: 3})
	c.must("take work", err)
	c.equal("events", eventsOf(works[0]), want[:3])
}

func catalogHandled(c *cataloging) {
	v := c.automation("welcome", "started")
	contact := c.contact("ada@example.com")
	starts, ping, rest := c.event("started", contact, at(1)), c.event("ping", contact, at(2)), c.event("ping", contact, at(3))
	mail := c.mail("ping", "Bob@example.com", at(1))
	c.append(starts, ping, rest)
	c.append(mail)
	c.engage()
	run := c.started(v, contact, starts.Event).RunRecord
	run.CreatedAt, run.DueAt = at(5), at(100)
	projected := []automation.ProjectedEvent{{Event: starts.Event, HandledAt: at(5)}, {Event: ping.Event, HandledAt: at(6)}, {Event: mail.Event, HandledAt: at(7)}}
	projected[1].Resumed, projected[2].Reason = []string{run.ID}, automation.ReasonNoMatch
	c.project(projected, automation.RunChange{RunRecord: run})
	for i, want := range []automation.EventRecord{
		{Event: starts.Event, HandledAt: at(5), Started: []string{run.ID}},
		{Event: ping.Event, HandledAt: at(6), Resumed: []string{run.ID}},
		{Event: mail.Event, HandledAt: at(7), Reason: automation.ReasonNoMatch},
	} {
		want.Status = automation.EventStatusHandled
		c.equal(fmt.Sprint("event ", i), recordText(c.findRecord(want.ID)), recordText(want))
	}
	c.equal("events that are left", eventsOf(c.takenOne(at(10), automation.ContactRef{ID: contact})), []string{rest.Event.ID})
	c.hasWaiting("events", false, contact)
	projected[1].HandledAt, projected[1].Resumed = at(50), nil
	c.project(projected[1:2])
	c.equal("an event that was handled before", stamp(c.findRecord(ping.Event.ID).HandledAt), stamp(at(6)))
	c.project([]automation.ProjectedEvent{{Event: rest.Event, HandledAt: at(8)}})
	c.hasWaiting("events at last", false)
	c.equal("pruned", c.prune(at(20), 100).Events, 3)
}

// catalogMoved handles events as those of an email whose contact was made in between.
func catalogMoved(c *cataloging) {
	mail := c.mail("ping", "Ada@example.com", at(1))
	c.append(mail)
	c.engage()
	contact := c.contact("ada@example.com")
	c.hasWaiting("events", false, contact)
	c.project([]automation.ProjectedEvent{{Event: mail.Event, HandledAt: at(7)}})
	c.hasWaiting("events at last", false)
	c.equal("event", c.findRecord(mail.Event.ID).Status, automation.EventStatusHandled)
}

func catalogKeys(c *cataloging) {
	contact := c.contact("ada@example.com")
	sent := keyed(c.event("ping", contact, at(1)), "sent", "h1")
	c.append(sent)
	c.engage()
	find := func(key string, now time.Time) (automation.EventKey, error) {
		return c.second.FindEventKey(c.ctx, "ping", key, now)
	}
	use, err := find("sent", at(2))
	c.must("find key", err)
	c.equal("key", use, automation.EventKey{EventID: sent.Event.ID, ContentHash: "h1"})
	_, err = find("sent", at(24*3600+1))
	c.refused("a key that has expired", err, automation.ErrNotFound)
	_, err = find("unknown", at(2))
	c.refused("an unknown key", err, automation.ErrNotFound)
	_, err = c.catalog.FindEventKey(c.ctx, "pong", "sent", at(2))
	c.refused("a key of another event", err, automation.ErrNotFound)

	copied := func(key, hash string, when time.Time) automation.ProjectedEvent {
		e := keyed(c.event("ping", contact, when), key, hash)
		return automation.ProjectedEvent{Event: e.Event, HandledAt: when, ContentHash: hash, KeyExpiresAt: e.KeyExpiresAt}
	}
	first, taken, late := copied("copied", "h2", at(3)), copied("sent", "h3", at(3)), copied("sent", "h4", at(25*3600))
	c.project([]automation.ProjectedEvent{first, taken})
	use, err = find("copied", at(4))
	c.must("find the key of a copy", err)
	c.equal("key of a copy", use, automation.EventKey{EventID: first.Event.ID, ContentHash: "h2"})
	use, err = find("sent", at(4))
	c.must("find a key that was taken", err)
	c.equal("a key that was taken", use.EventID, sent.Event.ID)
	again := keyed(c.event("ping", contact, at(5)), "copied", "h2")
	c.equal("receipt", c.append(again)[0], automation.EventReceipt{ID: first.Event.ID, Duplicate: true})
	_, err = c.store.AppendEvents(c.ctx, []automation.NewEvent{keyed(c.event("ping", contact, at(6)), "copied", "another")})
	c.refused("another content", err, automation.ErrConflict)
	c.project([]automation.ProjectedEvent{late})
	use, err = find("sent", at(25*3600+1))
	c.must("find a key that was used again", err)
	c.equal("a key that was used again", use.EventID, late.Event.ID)
}
