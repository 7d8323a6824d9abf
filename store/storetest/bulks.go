package storetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func bulkChecks() []Check {
	return []Check{
		bulkCheck("bulks/begin once and go on", bulkBegins),
		bulkCheck("bulks/begin anew when they have expired", bulkExpires),
		bulkCheck("bulks/a step writes runs and their events", bulkRuns),
		bulkCheck("bulks/a step writes what starts no run", bulkRefused),
		bulkCheck("bulks/only the next step is written", bulkNextStep),
		bulkCheck("bulks/of steps at once one is written", bulkAtOnce),
		bulkCheck("bulks/marks come in the order of the steps", bulkMarks),
		bulkCheck("bulks/what is pending comes first", bulkPending),
		bulkCheck("bulks/a run hears what came since the read", bulkSince),
		bulkCheck("bulks/only the newest version of an enabled automation starts", bulkVersion),
		bulkCheck("bulks/a catalog of an engine starts nothing", bulkEngaged),
		bulkCheck("bulks/contacts that do not exist are left out", bulkContacts),
		bulkCheck("bulks/a step for another definition is refused", bulkDefinition),
		bulkCheck("bulks/a run that starts under a lease is claimed after it", bulkLeased),
		bulkCheck("bulks/a run listens from its start", bulkListens),
		bulkCheck("bulks/a contact that is deleted cancels the run", bulkDeleted),
		bulkCheck("bulks/are pruned when they have expired", bulkPruned),
		bulkCheck("bulks/may be large", bulkMany),
	}
}

// bulkFixture is the fixture of a check about an automation.BulkStarter.
type bulkFixture struct {
	*fixture
	bulk automation.BulkRecord
	v    automation.VersionRef
}

// bulkCheck returns a check that is skipped if the store is no BulkStarter.
func bulkCheck(name string, body func(b *bulkFixture)) Check {
	return check(name, func(f *fixture) {
		if starterOf(f.store) == nil || starterOf(f.other) == nil {
			f.fail(fmt.Errorf("%w: the store is no BulkStarter", ErrSkipped))
		}
		b := &bulkFixture{fixture: f, v: f.automation("news", "told")}
		b.bulk = b.begin(f.store, "spring", "hash", at(0))
		body(b)
	})
}

// starterOf returns the BulkStarter of a store, or nil.
func starterOf(s automation.Store) automation.BulkStarter {
	b, _ := automation.StoreAs[automation.BulkStarter](s)
	return b
}

// begin begins a bulk that expires after an hour.
func (b *bulkFixture) begin(s automation.Store, id, hash string, now time.Time) automation.BulkRecord {
	r, err := starterOf(s).BeginBulk(b.ctx, automation.BulkRecord{ID: id, ContentHash: hash, BegunAt: now, ExpiresAt: now.Add(time.Hour)})
	b.must("begin bulk", err)
	return r
}

// markFor returns the mark of a number.
func markFor(n int) automation.BulkMark { return automation.BulkMark{0: byte(n >> 8), 11: byte(n)} }

// start returns the start of a run, which set sets the fields of. Without set a claim is to decide.
func (b *bulkFixture) start(contact string, set func(r *automation.RunRecord)) automation.RunStart {
	e := b.event("told", contact, at(10))
	e.Event.AutomationID = b.v.AutomationID
	s := automation.RunStart{Event: e, Mark: markFor(b.made)}
	if set != nil {
		change := b.started(b.v, contact, e.Event)
		change.CreatedAt = at(10)
		set(&change.RunRecord)
		s.Turn = &automation.Transition{
			Key: automation.ContactRef{ID: contact}, Now: at(10), Handled: handled(e.Event.ID), Runs: []automation.RunChange{change},
		}
	}
	return s
}

// step returns the next step of the bulk.
func (b *bulkFixture) step(starts ...automation.RunStart) automation.BulkStep {
	return automation.BulkStep{
		BulkID: b.bulk.ID, BegunAt: b.bulk.BegunAt, After: b.bulk.Step, ExpiresAt: at(10).Add(time.Hour), ReadAt: at(10),
		Version: b.v, Starts: starts,
	}
}

// write writes the next step of the bulk, with these outcomes.
func (b *bulkFixture) write(step automation.BulkStep, want ...automation.StartOutcome) {
	got, err := starterOf(b.store).StartRuns(b.ctx, step)
	b.must("start runs", err)
	b.equal("outcomes", got, want)
	b.bulk.Step++
}

// marks ends the check unless these are the marks after a step, through both handles.
func (b *bulkFixture) marks(what string, after int64, want ...automation.BulkMark) {
	for _, s := range []automation.Store{b.store, b.other} {
		var got []automation.BulkMark
		for {
			some, last, err := starterOf(s).ListBulkMarks(b.ctx, b.bulk.ID, after)
			b.must("list marks", err)
			got = append(got, some...)
			if last == after {
				break
			}
			if last < after {
				b.failf("%s: the last step is %d after %d", what, last, after)
			}
			after = last
		}
		b.equal(what+": marks", got, want)
		after = 0
	}
}

// absent ends the check if the store has the event or the run of a start.
func (b *bulkFixture) absent(what string, s *automation.RunStart) {
	_, err := b.other.FindEvent(b.ctx, s.Event.Event.ID)
	b.refused("event of "+what, err, automation.ErrNotFound)
	if s.Turn != nil {
		_, err = b.other.FindRun(b.ctx, s.Turn.Runs[0].ID)
		b.refused("run of "+what, err, automation.ErrNotFound)
	}
}

func bulkBegins(b *bulkFixture) {
	b.equal("first", b.bulk.Step, 0)
	b.write(b.step(b.start(b.contact("ada@example.com"), asleep(at(100)))), automation.StartHandled)
	again := b.begin(b.other, "spring", "hash", at(20))
	b.equal("step", again.Step, 1)
	b.equal("when it began", stamp(again.BegunAt), stamp(at(0)))
	b.equal("when it expires", stamp(again.ExpiresAt), stamp(at(10).Add(time.Hour)))
	_, err := starterOf(b.other).BeginBulk(b.ctx, automation.BulkRecord{ID: "spring", ContentHash: "other", BegunAt: at(20), ExpiresAt: at(30)})
	b.refused("another content", err, automation.ErrConflict)
	b.equal("another bulk", b.begin(b.other, "autumn", "other", at(20)).Step, 0)
}

func bulkExpires(b *bulkFixture) {
	b.write(b.step(b.start(b.contact("ada@example.com"), asleep(at(100)))), automation.StartHandled)
	b.equal("right before it expires", b.begin(b.other, "spring", "hash", at(10).Add(time.Hour-time.Microsecond)).Step, 1)
	stale := b.step(b.start(b.contact("bob@example.com"), asleep(at(100))))
	anew := b.begin(b.other, "spring", "other", at(10).Add(time.Hour))
	b.equal("step", anew.Step, 0)
	b.marks("anew", 0)
	stale.After = 0
	_, err := starterOf(b.store).StartRuns(b.ctx, stale)
	b.refused("a step of the bulk that has expired", err, automation.ErrConflict)
	b.absent("the stale step", &stale.Starts[0])
}

func bulkRuns(b *bulkFixture) {
	ada, bob, cal := b.contact("ada@example.com"), b.contact("bob@example.com"), b.contact("cal@example.com")
	sleeps, done, due := b.start(ada, asleep(at(100))), b.start(bob, ended(automation.RunCompleted, at(10))), b.start(cal, asleep(at(10)))
	b.write(b.step(sleeps, done, due), automation.StartHandled, automation.StartHandled, automation.StartHandled)
	for _, s := range []automation.RunStart{sleeps, done, due} {
		run := s.Turn.Runs[0].RunRecord
		b.equal("run", runText(b.findRun(run.ID)), runText(run))
		b.equal("event", eventText(b.findEvent(run.EventID)), eventText(s.Event.Event))
		b.became(run.EventID, at(10), []string{run.ID}, nil, "")
	}
	counts, err := b.other.CountRuns(b.ctx, b.v.AutomationID)
	b.must("count", err)
	b.equal("counts", counts, []automation.RunCount{
		{AutomationID: "news", Version: 1, Step: "first", Status: automation.RunCompleted, Count: 1},
		{AutomationID: "news", Version: 1, Step: "first", Status: automation.RunRunning, Count: 2},
	})
	page, err := b.other.ListRuns(b.ctx, automation.RunQuery{AutomationID: "news", PageQuery: automation.PageQuery{Limit: 10}})
	b.must("list", err)
	b.equal("how many runs are listed", len(page.Data), 3)
	w := b.claimOne(at(50))
	b.equal("runs that are due", runsOf(w), []string{due.Turn.Runs[0].ID})
	b.equal("payload", string(w.Runs[0].TriggerPayload), `{"plan":"pro"}`)
	b.commit(release(w, at(50)))
	b.request(due.Turn.Runs[0].ID, automation.RequestCancel, at(51))
	w = b.claimOne(at(52))
	b.equal("request", w.Runs[0].Request, automation.RequestCancel)
	run := w.Runs[0].RunRecord
	ended(automation.RunCancelled, at(52))(&run)
	run.DueAt = time.Time{}
	t := release(w, at(52))
	t.Runs = []automation.RunChange{{RunRecord: run, Served: automation.RequestCancel}}
	b.commit(t)
	b.equal("runs that are due later", runsOf(b.claimOne(at(100))), []string{sleeps.Turn.Runs[0].ID})
}

func bulkRefused(b *bulkFixture) {
	s := b.start(b.contact("ada@example.com"), asleep(at(100)))
	s.Turn.Runs = nil
	s.Turn.Handled[0].Reason = automation.ReasonRefused
	d := automation.Decision{EventID: s.Event.Event.ID, AutomationID: "news", Code: automation.DecisionAudience, At: at(10)}
	s.Turn.Decisions = []automation.Decision{d}
	b.write(b.step(s), automation.StartHandled)
	b.became(s.Event.Event.ID, at(10), nil, nil, automation.ReasonRefused)
	b.decided("refused", s.Event.Event.ID, d)
	b.marks("refused", 0, s.Mark)
	b.idle(at(200))
	b.equal("pruned", b.prune(at(20), 10), automation.PruneResult{Events: 1})
}

func bulkNextStep(b *bulkFixture) {
	first := b.start(b.contact("ada@example.com"), asleep(at(100)))
	b.write(b.step(first), automation.StartHandled)
	for what, change := range map[string]func(s *automation.BulkStep){
		"the step that was written":   func(s *automation.BulkStep) { s.After = 0 },
		"a step that is too far":      func(s *automation.BulkStep) { s.After = 2 },
		"a bulk that began otherwise": func(s *automation.BulkStep) { s.BegunAt = at(1) },
		"an unknown bulk":             func(s *automation.BulkStep) { s.BulkID = "autumn" },
	} {
		step := b.step(b.start(b.contact(what+"@example.com"), asleep(at(100))), b.start(b.contact("2"+what+"@example.com"), nil))
		change(&step)
		_, err := starterOf(b.other).StartRuns(b.ctx, step)
		b.refused(what, err, automation.ErrConflict)
		b.absent(what, &step.Starts[0])
		b.absent(what, &step.Starts[1])
	}
	b.marks("afterwards", 0, first.Mark)
	b.idle(at(50))
}

func bulkAtOnce(b *bulkFixture) {
	const callers = 6
	contact := b.contact("ada@example.com")
	steps := make([]automation.BulkStep, callers)
	for i := range steps {
		steps[i] = b.step(b.start(contact, asleep(at(100))))
	}
	b.onlyOne("start runs", atOnce(callers, func(i int) error {
		_, err := starterOf(b.handle(i)).StartRuns(b.ctx, steps[i])
		return err
	}), automation.ErrConflict)
	page, err := b.store.ListRuns(b.ctx, automation.RunQuery{ContactID: contact, PageQuery: automation.PageQuery{Limit: 10}})
	b.must("list", err)
	b.equal("runs", len(page.Data), 1)
	b.onlyOne("begin at once", atOnce(callers, func(i int) error {
		r, err := starterOf(b.handle(i)).BeginBulk(b.ctx, automation.BulkRecord{
			ID: "autumn", ContentHash: fmt.Sprint("hash ", i), BegunAt: at(20), ExpiresAt: at(30),
		})
		if err == nil && r.ContentHash != fmt.Sprint("hash ", i) {
			return fmt.Errorf("it has the content %q", r.ContentHash)
		}
		return err
	}), automation.ErrConflict)
}

func bulkMarks(b *bulkFixture) {
	b.marks("at first", 0)
	var marks []automation.BulkMark
	for i := range 3 {
		x, y := b.start(b.contact(fmt.Sprint("x", i, "@example.com")), asleep(at(100))), b.start(b.contact(fmt.Sprint("y", i, "@example.com")), nil)
		b.write(b.step(x, y), automation.StartHandled, automation.StartPending)
		marks = append(marks, x.Mark, y.Mark)
	}
	b.marks("all", 0, marks...)
	some, last, err := starterOf(b.other).ListBulkMarks(b.ctx, "spring", 2)
	b.must("list marks", err)
	b.equal("of the last step", some, marks[4:])
	b.equal("last step", last, 3)
	some, last, err = starterOf(b.other).ListBulkMarks(b.ctx, "spring", 3)
	b.must("list marks", err)
	b.equal("after the last step", fmt.Sprint(len(some), last), "0 3")
}

func bulkPending(b *bulkFixture) {
	ada, bob, cal := b.contact("ada@example.com"), b.contact("bob@example.com"), b.contact("cal@example.com")
	paid := b.send("paid", ada, at(5))
	early := b.mail("paid", "Dan@example.com", at(5)) // before the host knows the email
	early.HostContact = true
	b.append(early)
	pending, err := starterOf(b.other).FindPending(b.ctx, []automation.ContactRef{{ID: bob}, {ID: ada}, {ID: cal, Email: "cal@example.com"}, {ID: "host", Email: "dan@EXAMPLE.com"}})
	b.must("find pending", err)
	b.equal("pending", pending, []bool{false, true, false, true})
	one, two, three := b.start(ada, asleep(at(100))), b.start(bob, nil), b.start("host", asleep(at(100)))
	three.Email, three.Event.HostContact = "dan@EXAMPLE.com", true
	b.write(b.step(one, two, three), automation.StartPending, automation.StartPending, automation.StartPending)
	b.marks("pending", 0, one.Mark, two.Mark, three.Mark)
	byContact := map[string][]string{}
	for _, w := range b.claim(at(20)) {
		byContact[w.Key.ID] = eventsOf(w)
		for i := range w.Events {
			if w.Events[i].Name == "told" && len(w.Events[i].Starts) != 1 {
				b.failf("event %s starts %v", w.Events[i].ID, w.Events[i].Starts)
			}
		}
	}
	b.equal("events of the contact that had one", byContact[ada], []string{paid, one.Event.Event.ID})
	b.equal("events of the contact without a turn", byContact[bob], []string{two.Event.Event.ID})
	b.equal("events of the contact of the host", byContact["host"], []string{three.Event.Event.ID})
	_, err = b.store.FindRun(b.ctx, one.Turn.Runs[0].ID)
	b.refused("the run", err, automation.ErrNotFound)
}

func bulkSince(b *bulkFixture) {
	ada, bob, cal := b.contact("ada@example.com"), b.contact("bob@example.com"), b.contact("cal@example.com")
	b.send("paid", ada, at(10)) // at the time of the read, and handled before the step is written
	b.send("paid", bob, at(10))
	b.send("paid", cal, at(9))
	for _, w := range b.claim(at(11)) {
		b.commit(done(w, at(11)))
	}
	b.write(b.step(b.start(ada, waiting("paid")), b.start(bob, asleep(at(100))), b.start(cal, waiting("paid"))),
		automation.StartPending, automation.StartHandled, automation.StartHandled)
}

func bulkVersion(b *bulkFixture) {
	n := 0
	try := func(what string, want automation.StartOutcome) {
		n++
		s := b.start(b.contact(fmt.Sprint(n, "@example.com")), asleep(at(100)))
		b.write(b.step(s), want)
		_, err := b.store.FindRun(b.ctx, s.Turn.Runs[0].ID)
		b.equal(what, err == nil, want == automation.StartHandled)
	}
	b.disable("news")
	try("disabled", automation.StartPending)
	b.edit("news", func(a *automation.AutomationRecord) { a.Status, a.Version = automation.StatusEnabled, 2 })
	try("an older version", automation.StartPending)
	b.v.Version = 2
	try("the newest version", automation.StartHandled)
	b.must("delete", b.store.DeleteAutomation(b.ctx, "news", at(12)))
	try("deleted", automation.StartPending)
}

func bulkEngaged(b *bulkFixture) {
	catalog, ok := automation.StoreAs[automation.Catalog](b.store)
	if !ok {
		b.fail(fmt.Errorf("%w: the store is no Catalog", ErrSkipped))
	}
	b.must("engage", catalog.Engage(b.ctx, "engine"))
	s := b.start(b.contact("ada@example.com"), asleep(at(100)))
	b.write(b.step(s), automation.StartPending)
	b.must("disengage", catalog.Disengage(b.ctx, "engine"))
	b.equal("events", eventsOf(b.claimOne(at(20))), []string{s.Event.Event.ID})
}

func bulkContacts(b *bulkFixture) {
	deleted := b.contact("ada@example.com")
	b.must("delete", b.store.DeleteContact(b.ctx, deleted, at(5)))
	known := b.contact("bob@example.com")
	gone, unknown, there, host := b.start(deleted, asleep(at(100))), b.start(missing, nil), b.start(known, asleep(at(100))), b.start("host", asleep(at(100)))
	host.Event.HostContact = true
	b.write(b.step(gone, unknown, there, host),
		automation.StartNoContact, automation.StartNoContact, automation.StartHandled, automation.StartHandled)
	b.absent("a deleted contact", &gone)
	b.absent("an unknown contact", &unknown)
	b.equal("contact of the host", b.findRun(host.Turn.Runs[0].ID).ContactID, "host")
	b.marks("without the others", 0, there.Mark, host.Mark)
	b.idle(at(50))
}

func bulkDefinition(b *bulkFixture) {
	d := b.definition("told")
	ada, bob := b.start(b.contact("ada@example.com"), asleep(at(100))), b.start(b.contact("bob@example.com"), asleep(at(100)))
	ada.Event.Schema = string(d.Schema)
	_, err := starterOf(b.store).StartRuns(b.ctx, b.step(ada, bob))
	b.refused("another schema", err, automation.ErrDefinitionChanged)
	b.absent("the refused step", &ada)
	b.marks("refused", 0)
	bob.Event.Schema = string(d.Schema)
	b.write(b.step(ada, bob), automation.StartHandled, automation.StartHandled)
}

func bulkLeased(b *bulkFixture) {
	contact := b.contact("ada@example.com")
	w := b.take(contact, at(5))
	s := b.start(contact, asleep(at(10)))
	b.write(b.step(s), automation.StartHandled)
	b.idle(at(20))
	b.equal("next due", b.nextDue(), stamp(at(5).Add(lease)))
	b.commit(release(w, at(21)))
	b.equal("next due after the release", b.nextDue(), stamp(at(10)))
	b.equal("runs", runsOf(b.claimOne(at(22))), []string{s.Turn.Runs[0].ID})
}

func bulkListens(b *bulkFixture) {
	contact := b.contact("ada@example.com")
	s := b.start(contact, waiting("paid"))
	b.write(b.step(s), automation.StartHandled)
	b.send("opened", contact, at(20))
	w := b.claimOne(at(20))
	b.equal("runs with another event", runsOf(w), []string{})
	b.commit(done(w, at(20)))
	b.send("paid", contact, at(21))
	b.equal("runs with its event", runsOf(b.claimOne(at(21))), []string{s.Turn.Runs[0].ID})
}

func bulkDeleted(b *bulkFixture) {
	contact := b.contact("ada@example.com")
	s := b.start(contact, asleep(at(1000)))
	b.write(b.step(s), automation.StartHandled)
	b.must("delete", b.store.DeleteContact(b.ctx, contact, at(20)))
	w := b.claimOne(at(20))
	b.equal("contact", w.Contact == nil, true)
	b.equal("run", runsOf(w), []string{s.Turn.Runs[0].ID})
	b.equal("request", w.Runs[0].Request, automation.RequestCancel)
}

func bulkPruned(b *bulkFixture) {
	s := b.start(b.contact("ada@example.com"), ended(automation.RunCompleted, at(10)))
	b.write(b.step(s), automation.StartHandled)
	prune := func(now time.Time) {
		_, err := b.store.Prune(b.ctx, automation.PruneParams{Before: at(20), Limit: 10, Now: now})
		b.must("prune", err)
	}
	expires := at(10).Add(time.Hour)
	prune(expires.Add(-time.Microsecond))
	b.absent("what was pruned", &s)
	b.marks("before it expires", 0, s.Mark)
	prune(expires)
	b.marks("afterwards", 0)
	_, err := starterOf(b.store).StartRuns(b.ctx, b.step(b.start(b.contact("bob@example.com"), nil)))
	b.refused("a step afterwards", err, automation.ErrConflict)
	b.equal("it begins anew", b.begin(b.store, "spring", "other", at(11)).Step, 0)
}

func bulkMany(b *bulkFixture) {
	const size = 1000
	var starts []automation.RunStart
	var outcomes []automation.StartOutcome
	var marks []automation.BulkMark
	for i := range size {
		s := b.start(fmt.Sprint("host ", i), asleep(at(100+i)))
		s.Event.HostContact = true
		outcomes = append(outcomes, automation.StartHandled)
		if i%10 == 0 {
			s.Turn, outcomes[i] = nil, automation.StartPending
		}
		starts, marks = append(starts, s), append(marks, s.Mark)
	}
	b.write(b.step(starts...), outcomes...)
	b.marks("all", 0, marks...)
	counts, err := b.other.CountRuns(b.ctx, b.v.AutomationID)
	b.must("count", err)
	b.equal("runs", counts[0].Count, size-size/10)
	for _, i := range []int{1, 499, 999} {
		b.equal("run", runText(b.findRun(starts[i].Turn.Runs[0].ID)), runText(starts[i].Turn.Runs[0].RunRecord))
	}
}
