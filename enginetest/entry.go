package enginetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func entryChecks() []Check {
	return []Check{
		check("entry/a run of the same unit keeps another one from starting", entryIgnored),
		check("entry/a run replaces the running one of its unit", entryRestarts),
		check("entry/no more runs of a unit start than the limit allows", entryLimited),
		check("entry/only an event that passes the filters starts a run", entryFiltered),
		check("entry/each of several triggers starts runs", entryByTriggers),
	}
}

// entering returns the automation with rules of entry.
func entering(a automation.Automation, rules automation.Entry) automation.Automation {
	a.Entry = &rules
	return a
}

// perCart returns the rules of entry for which each cart is a unit.
func perCart(r automation.Reentry) automation.Entry {
	r.Key = "event.cart"
	return automation.Entry{Reentry: r}
}

// refuses ends the check unless the event starts nothing, because of a decision about the
// automation. It returns the evidence.
func (f *fixture) refuses(eventID, automationID string, code automation.DecisionCode) string {
	e := f.handled(eventID)
	f.equal("runs that a refused event started", len(e.Started), 0)
	f.equal("reason", e.Reason, automation.ReasonRefused)
	var got []automation.Decision
	f.listed("decisions", func() any {
		decisions, err := f.Runner.ListDecisions(f.ctx, eventID)
		f.must("list decisions", err)
		got = decisions
		var all []string
		for _, d := range decisions {
			all = append(all, fmt.Sprint(d.EventID, " ", d.AutomationID, " ", d.Code))
		}
		return all
	}, []string{fmt.Sprint(eventID, " ", automationID, " ", code)})
	return string(got[0].Evidence)
}

// entryIgnored lets an event end the run that is in the way of others.
func entryIgnored(f *fixture) {
	f.start(entering(flow("cart", "cart", wait("wait", "paid", 0), email("thanks")), perCart(automation.Reentry{WhileRunning: automation.ReentryIgnore})))
	const to = "ada@example.com"
	ids := f.sendAll(event("cart", to, cartOf(1)), event("cart", to, cartOf(1)), event("cart", to, cartOf("1")), event("cart", to, nil))
	run, other := f.started(ids[0]), f.started(ids[2])
	f.equal("evidence", f.refuses(ids[1], "cart", automation.DecisionRunning), `{"run_id":"`+run+`"}`)
	f.refuses(ids[3], "cart", automation.DecisionKeyMissing)
	f.waiting(run, "wait")
	f.refuses(f.send("cart", to, cartOf(1.0)), "cart", automation.DecisionRunning)
	f.send("paid", to, nil)
	f.ended(run, automation.RunCompleted)
	f.ended(other, automation.RunCompleted)
	f.waiting(f.begin("cart", to, cartOf(1)), "wait")
	f.emails(to, "thanks", "thanks")
}

// entryRestarts sends events of two carts at once, and one while the last run waits.
func entryRestarts(f *fixture) {
	f.start(entering(flow("cart", "cart", wait("wait", "paid", 0), email("thanks")), perCart(automation.Reentry{WhileRunning: automation.ReentryRestart})))
	const to, n = "ada@example.com", 10
	var all []automation.Event
	for range n {
		all = append(all, event("cart", to, cartOf(1)), event("cart", to, cartOf(2)))
	}
	ids := f.sendAll(all...)
	f.waiting(f.started(ids[2*n-2]), "wait")
	ids = append(ids, f.sendAll(event("cart", to, cartOf(1)))...)
	var last string
	for i, id := range ids {
		run := f.started(id)
		switch i {
		case 2*n - 1, 2 * n:
			f.waiting(run, "wait")
			last = run
		default:
			r := f.ended(run, automation.RunCancelled)
			f.equal("code of a run that was replaced", code(r), automation.CancelledReplaced)
		}
	}
	f.listed("runs", func() any { return f.count("cart") }, map[automation.RunStatus]int{automation.RunRunning: 2, automation.RunCancelled: 2*n - 1})
	f.send("paid", to, nil)
	f.ended(last, automation.RunCompleted)
	f.emails(to, "thanks", "thanks")
}

// entryLimited counts starts of runs that have ended, within one turn and over several. The limit
// of another automation is over when its period has passed.
func entryLimited(f *fixture) {
	const to, per = "ada@example.com", time.Second
	f.start(entering(flow("cart", "cart", email("hello")), perCart(automation.Reentry{Limit: 2, Per: automation.DurationOf(longTime)})),
		entering(flow("visit", "visit", email("welcome")), automation.Entry{Reentry: automation.Reentry{Limit: 1, Per: automation.DurationOf(per)}}))
	one, two := event("cart", to, cartOf(1)), event("cart", to, cartOf(2))
	for _, id := range f.sendAll(one, two) {
		f.ended(f.started(id), automation.RunCompleted)
	}
	ids := f.sendAll(one, two, one, two)
	for _, id := range ids[:2] {
		f.ended(f.started(id), automation.RunCompleted)
	}
	for _, id := range append(ids[2:], f.sendAll(one)...) {
		f.refuses(id, "cart", automation.DecisionLimit)
	}
	f.emails(to, "hello", "hello", "hello", "hello")
	visit := f.send("visit", to, nil)
	f.started(visit)
	f.passUntil(f.handled(visit).AcceptedAt.Add(per + 100*time.Millisecond))
	f.ended(f.begin("visit", to, nil), automation.RunCompleted)
}

// entryFiltered sends events before and after a contact becomes one of the audience.
func entryFiltered(f *fixture) {
	f.start(entering(flow("offer", "cart", email("offer")), automation.Entry{
		FilterRule: automation.Field("event.total").Gt(10), AudienceRule: automation.Field("contact.properties.vip").Eq(true),
	}), flow("join", "joined", set("set", "vip", automation.Bool(true))))
	const to = "ada@example.com"
	f.refuses(f.send("cart", "bob@example.com", map[string]any{"total": 20}), "offer", automation.DecisionAudience)
	_, err := f.Runner.GetContact(f.ctx, automation.ContactRef{Email: "bob@example.com"})
	f.refused("the contact of an event that was refused", err, automation.ErrNotFound)
	f.contact(to)
	ids := f.sendAll(event("cart", to, map[string]any{"total": 20}), event("joined", to, nil),
		event("cart", to, map[string]any{"total": 10}), event("cart", to, nil), event("cart", to, map[string]any{"total": 20}))
	f.refuses(ids[0], "offer", automation.DecisionAudience)
	f.refuses(ids[2], "offer", automation.DecisionTriggerFilter)
	f.refuses(ids[3], "offer", automation.DecisionTriggerFilter)
	f.ended(f.started(ids[4]), automation.RunCompleted)
	f.emails(to, "offer")
}

func entryByTriggers(f *fixture) {
	f.start(entering(flow("hello", "signup", email("hello", "trigger", "run.trigger")), automation.Entry{Triggers: []automation.EntryTrigger{
		{EventName: "imported"}, {EventName: "invited", FilterRule: automation.Field("event.n").Gt(1)},
	}}))
	for i, name := range []string{"signup", "imported", "invited"} {
		run := f.ended(f.begin(name, address(i), map[string]any{"n": i}), automation.RunCompleted)
		f.equal("name of the event that started the run", run.EventName, name)
		f.equal("number of emails", len(f.mailer.sentTo(address(i))), 1)
		f.equal("trigger", f.mailer.sent("hello")[i].Variables["trigger"], name)
	}
	f.refuses(f.send("invited", address(0), map[string]any{"n": 0}), "hello", automation.DecisionTriggerFilter)
}
