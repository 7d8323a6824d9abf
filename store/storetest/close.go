package storetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/seed-b636437c/automation"
)

func closeChecks() []Check {
	return []Check{
		check("closing/a context that has ended stops every method", ctxEnded),
		check("closing/every method of a closed store fails", closed),
		check("closing/data survives closing all handles", reopened),
		check("closing/handles see each other's work", handlesShare),
	}
}

// call is a call of one method of a store. Under normal conditions it succeeds and, if
// the method writes, changes what f.overview shows.
type call struct {
	name string
	do   func(ctx context.Context, s automation.Store) error
}

// calls returns a call of every method. The store must have a running run, whose contact
// is leased as w, of automation welcome, and a definition.
func (f *fixture) calls(run automation.RunRecord, w automation.Work, d automation.EventDefinition) []call {
	return slices.Concat(
		f.eventCalls(run), f.definitionCalls(d), f.automationCalls(), f.workCalls(run, w), f.runCalls(run), f.contactCalls(run),
		f.segmentCalls(), f.propertyCalls(),
		[]call{{"Prune", func(ctx context.Context, s automation.Store) error {
			return second(s.Prune(ctx, automation.PruneParams{Before: at(1000), Limit: 10, Now: at(1000)}))
		}}},
	)
}

// firstPage is the page that calls list.
var firstPage = automation.PageQuery{Limit: 10}

func (f *fixture) eventCalls(run automation.RunRecord) []call {
	event := f.event("a", run.ContactID, at(2))
	return []call{
		{"AppendEvents", func(ctx context.Context, s automation.Store) error {
			return second(s.AppendEvents(ctx, []automation.NewEvent{event}))
		}},
		{"FindEvent", func(ctx context.Context, s automation.Store) error { return second(s.FindEvent(ctx, run.EventID)) }},
		{"ListEvents", func(ctx context.Context, s automation.Store) error {
			return second(s.ListEvents(ctx, automation.EventQuery{PageQuery: firstPage}))
		}},
		{"ListContactEvents", func(ctx context.Context, s automation.Store) error {
			return second(s.ListContactEvents(ctx, run.ContactID, "a", at(0)))
		}},
	}
}

func (f *fixture) definitionCalls(d automation.EventDefinition) []call {
	inserted, updated := automation.EventDefinition{ID: f.id(), Name: "new"}, d
	updated.Schema = []byte(`{"changed":"string"}`)
	return []call{
		{"FindEventDefinition", func(ctx context.Context, s automation.Store) error { return second(s.FindEventDefinition(ctx, d.ID)) }},
		{"InsertEventDefinition", func(ctx context.Context, s automation.Store) error { return s.InsertEventDefinition(ctx, inserted) }},
		{"UpdateEventDefinition", func(ctx context.Context, s automation.Store) error { return s.UpdateEventDefinition(ctx, updated) }},
		{"DeleteEventDefinition", func(ctx context.Context, s automation.Store) error { return s.DeleteEventDefinition(ctx, d.ID) }},
		{"ListEventDefinitions", func(ctx context.Context, s automation.Store) error {
			return second(s.ListEventDefinitions(ctx, firstPage))
		}},
	}
}

func (f *fixture) automationCalls() []call {
	inserted, updated := f.record("new", "signup"), f.findAutomation("welcome")
	updated.Revision++
	updated.Name = "changed"
	return []call{
		{"InsertAutomation", func(ctx context.Context, s automation.Store) error { return s.InsertAutomation(ctx, inserted) }},
		{"UpdateAutomation", func(ctx context.Context, s automation.Store) error { return s.UpdateAutomation(ctx, updated) }},
		{"FindAutomation", func(ctx context.Context, s automation.Store) error { return second(s.FindAutomation(ctx, "welcome")) }},
		{"FindAutomationVersion", func(ctx context.Context, s automation.Store) error {
			return second(s.FindAutomationVersion(ctx, automation.VersionRef{AutomationID: "welcome", Version: 1}))
		}},
		{"ListAutomationVersions", func(ctx context.Context, s automation.Store) error {
			return second(s.ListAutomationVersions(ctx, "welcome", firstPage))
		}},
		{"ListAutomations", func(ctx context.Context, s automation.Store) error {
			return second(s.ListAutomations(ctx, automation.AutomationQuery{PageQuery: firstPage}))
		}},
		{"DeleteAutomation", func(ctx context.Context, s automation.Store) error { return s.DeleteAutomation(ctx, "welcome", at(3)) }},
	}
}

func (f *fixture) workCalls(run automation.RunRecord, w automation.Work) []call {
	name := "changed"
	t := done(w, at(3))
	t.Change = &automation.ContactChange{FirstName: &name}
	return []call{
		{"Claim", func(ctx context.Context, s automation.Store) error { return second(s.Claim(ctx, everything(at(1000)))) }},
		{"Commit", func(ctx context.Context, s automation.Store) error {
			return second(s.Commit(ctx, []automation.Transition{t}))
		}},
		{"NextDue", func(ctx context.Context, s automation.Store) error { return second(s.NextDue(ctx)) }},
		{"Stats", func(ctx context.Context, s automation.Store) error {
			return second(s.Stats(ctx, automation.StatsParams{Now: at(3), Limit: 10, SetAsideUntil: at(3)}))
		}},
		{"RecordRunRequest", func(ctx context.Context, s automation.Store) error {
			return second(s.RecordRunRequest(ctx, run.ID, automation.RequestCancel, at(3)))
		}},
		{"CancelRuns", func(ctx context.Context, s automation.Store) error {
			return second(s.CancelRuns(ctx, "welcome", at(3)))
		}},
	}
}

func (f *fixture) runCalls(run automation.RunRecord) []call {
	return []call{
		{"FindRun", func(ctx context.Context, s automation.Store) error { return second(s.FindRun(ctx, run.ID)) }},
		{"FindRuns", func(ctx context.Context, s automation.Store) error {
			return second(s.FindRuns(ctx, []string{run.ID}))
		}},
		{"FindEntries", func(ctx context.Context, s automation.Store) error {
			return second(s.FindEntries(ctx, run.ContactID, []automation.EntryRef{{AutomationID: "welcome"}}))
		}},
		{"ListDecisions", func(ctx context.Context, s automation.Store) error { return second(s.ListDecisions(ctx, run.EventID)) }},
		{"FindRunOutputs", func(ctx context.Context, s automation.Store) error { return second(s.FindRunOutputs(ctx, run.ID)) }},
		{"ListRuns", func(ctx context.Context, s automation.Store) error {
			return second(s.ListRuns(ctx, automation.RunQuery{PageQuery: firstPage}))
		}},
		{"CountRuns", func(ctx context.Context, s automation.Store) error { return second(s.CountRuns(ctx, "welcome")) }},
	}
}

func (f *fixture) contactCalls(run automation.RunRecord) []call {
	name := "changed"
	change := automation.ContactChange{FirstName: &name}
	inserted := automation.Contact{ID: f.id(), Email: "new@example.com"}
	return []call{
		{"FindContact", func(ctx context.Context, s automation.Store) error {
			return second(s.FindContact(ctx, automation.ContactRef{ID: run.ContactID}))
		}},
		{"FindContacts", func(ctx context.Context, s automation.Store) error {
			return second(s.FindContacts(ctx, []string{run.ContactID}))
		}},
		{"InsertContact", func(ctx context.Context, s automation.Store) error { return s.InsertContact(ctx, inserted) }},
		{"UpdateContact", func(ctx context.Context, s automation.Store) error {
			return second(s.UpdateContact(ctx, run.ContactID, change))
		}},
		{"DeleteContact", func(ctx context.Context, s automation.Store) error { return s.DeleteContact(ctx, run.ContactID, at(3)) }},
		{"ListContacts", func(ctx context.Context, s automation.Store) error {
			return second(s.ListContacts(ctx, automation.ContactQuery{PageQuery: firstPage}))
		}},
	}
}

func (f *fixture) segmentCalls() []call {
	inserted := automation.Segment{ID: f.id(), Name: "new"}
	return []call{
		{"FindSegment", func(ctx context.Context, s automation.Store) error { return second(s.FindSegment(ctx, "vip")) }},
		{"InsertSegment", func(ctx context.Context, s automation.Store) error { return s.InsertSegment(ctx, inserted) }},
		{"RenameSegment", func(ctx context.Context, s automation.Store) error {
			return second(s.RenameSegment(ctx, "vip", "changed"))
		}},
		{"DeleteSegment", func(ctx context.Context, s automation.Store) error { return s.DeleteSegment(ctx, "vip") }},
		{"ListSegments", func(ctx context.Context, s automation.Store) error { return second(s.ListSegments(ctx, firstPage)) }},
	}
}

func (f *fixture) propertyCalls() []call {
	inserted := automation.ContactProperty{ID: f.id(), Key: "new", Type: automation.PropertyString}
	updated := f.findProperty("plan")
	updated.Fallback = "changed"
	return []call{
		{"FindContactProperty", func(ctx context.Context, s automation.Store) error {
			return second(s.FindContactProperty(ctx, "plan"))
		}},
		{"InsertContactProperty", func(ctx context.Context, s automation.Store) error {
			return s.InsertContactProperty(ctx, inserted)
		}},
		{"UpdateContactProperty", func(ctx context.Context, s automation.Store) error { return s.UpdateContactProperty(ctx, updated) }},
		{"DeleteContactProperty", func(ctx context.Context, s automation.Store) error {
			return s.DeleteContactProperty(ctx, updated.ID)
		}},
		{"ListContactProperties", func(ctx context.Context, s automation.Store) error {
			return second(s.ListContactProperties(ctx, firstPage))
		}},
	}
}

func second[T any](_ T, err error) error { return err }

// populate makes one of everything.
func (f *fixture) populate() (automation.RunRecord, automation.Work, automation.EventDefinition) {
	v := f.automation("welcome", "signup")
	d := f.definition("user.created")
	f.segment("vip", "VIPs")
	f.property("plan", "free")
	contact := f.contact("ada@example.com")
	f.run(v, contact, ended(automation.RunCompleted, at(0)))
	run := f.run(v, contact, asleep(at(1)))
	f.keep(run, output(1, "one"))
	f.send("a", contact, at(1))
	return run, f.claimOne(at(2)), d
}

// overview shows everything that can be read.
func (f *fixture) overview(run automation.RunRecord) string {
	automations, _ := f.page(f.automations(""), automation.PageQuery{Limit: 10})
	contacts, _ := f.page(f.contacts(""), automation.PageQuery{Limit: 10})
	runs, _ := f.page(f.runs(automation.RunQuery{}), automation.PageQuery{Limit: 10})
	definitions, err := f.store.ListEventDefinitions(f.ctx, automation.PageQuery{Limit: 10})
	f.must("list definitions", err)
	events, err := f.store.ListContactEvents(f.ctx, run.ContactID, "a", at(0))
	f.must("contact events", err)
	segments, err := f.store.ListSegments(f.ctx, firstPage)
	f.must("list segments", err)
	return fmt.Sprintln(automations, contacts, runs, segments, f.properties(), len(definitions.Data), len(events), f.nextDue(),
		runText(f.findRun(run.ID)), f.outputs(run.ID), contactText(f.findContact(automation.ContactRef{ID: run.ContactID})),
		automationText(f.findAutomation("welcome")), definitionText(definitions.Data[0]))
}

func ctxEnded(f *fixture) {
	run, w, d := f.populate()
	before := f.overview(run)
	ended, cancel := context.WithCancel(f.ctx)
	cancel()
	for _, c := range f.calls(run, w, d) {
		if err := c.do(ended, f.store); err == nil {
			f.failf("%s succeeds with a context that has ended", c.name)
		}
		f.equal("the store after "+c.name+" with a context that has ended", f.overview(run), before)
	}
	f.commit(done(w, at(3))) // the lease is still the same
}

func closed(f *fixture) {
	run, w, d := f.populate()
	calls := f.calls(run, w, d)
	c, ok := f.store.(io.Closer)
	if !ok {
		f.fail(fmt.Errorf("%w: the store has no Close", ErrSkipped))
	}
	f.must("close", c.Close())
	for _, c := range calls {
		f.refused(c.name, c.do(f.ctx, f.store), automation.ErrClosed)
	}
}

func reopened(f *fixture) {
	if !f.target.Durable {
		f.fail(fmt.Errorf("%w: the store does not outlive its handles", ErrSkipped))
	}
	run, w, _ := f.populate()
	f.append(keyed(f.event("b", run.ContactID, at(1)), "key", "hash"))
	before := f.overview(run)
	for _, s := range []automation.Store{f.store, f.other} {
		if c, ok := s.(io.Closer); ok {
			f.must("close", c.Close())
		}
	}
	f.store, f.other = f.open(), f.open()
	f.equal("the store", f.overview(run), before)
	f.idle(at(2)) // the lease is still valid
	f.equal("duplicate", f.append(keyed(f.event("b", run.ContactID, at(3)), "key", "hash"))[0].Duplicate, true)
	f.commit(done(w, at(3)))
	again := f.take(run.ContactID, at(3))
	f.equal("how many events are pending", len(again.Events), 1)
	if again.Token <= w.Token {
		f.failf("token %d came after %d", again.Token, w.Token)
	}
}

func handlesShare(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	id := f.send("signup", contact, at(1))
	works, err := f.other.Claim(f.ctx, everything(at(1)))
	f.must("claim through the other handle", err)
	f.equal("claimed contacts", contactsOf(works), []string{contact})
	f.equal("events", eventsOf(works[0]), []string{id})
	f.equal("starts", works[0].Events[0].Starts, []automation.VersionRef{v})
	f.idle(at(1))
	f.commit(done(works[0], at(2)))
	results, err := f.other.Commit(f.ctx, []automation.Transition{release(works[0], at(3))})
	f.must("commit through the other handle", err)
	if !errors.Is(results[0].Err, automation.ErrLeaseLost) {
		f.failf("a lease that the other handle has released is still good: %v", results[0].Err)
	}
}
