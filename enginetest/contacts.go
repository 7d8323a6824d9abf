package enginetest

import (
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

func contactChecks() []Check {
	return []Check{
		check("contacts/a new email makes one contact, however many events come at once", contactAtOnce),
		check("contacts/an event that starts nothing makes no contact", contactNotMade),
		check("contacts/events for a new email are handled as they were accepted", contactMoved),
		check("contacts/the deletion of one cancels its runs", contactDeleted),
		check("contacts/later steps see what a step changed", contactChanged),
		check("contacts/later steps see what the application changed", contactChangedOutside),
		check("contacts/an unsubscribed one gets no email", contactUnsubscribed),
		check("contacts/a step deletes one and ends all its runs", contactDeletedByStep),
	}
}

func contactAtOnce(f *fixture) {
	f.start(flow("welcome", "signup", email("hello")))
	other := f.Another().Runner
	const n = 20
	ids := make([]string, n)
	for _, err := range atOnce(n, func(i int) error {
		sender, to := f.Runner, "ada@example.com"
		if i%2 == 1 {
			sender, to = other, "Ada@Example.com" // the case does not matter
		}
		receipts, err := sender.Send(f.ctx, event("signup", to, nil))
		if err == nil {
			ids[i] = receipts[0].ID
		}
		return err
	}) {
		f.must("send", err)
	}
	contacts := map[string]int{}
	for _, id := range ids {
		contacts[f.ended(f.started(id), automation.RunCompleted).ContactID]++
	}
	f.equal("runs by contact", contacts, map[string]int{f.find("ada@example.com").ID: n})
	f.equal("number of emails", len(f.mailer.sentTo("ada@example.com")), n)
}

func contactNotMade(f *fixture) {
	f.start(flow("welcome", "signup", email("hello")))
	e := f.handled(f.send("other", "ada@example.com", nil))
	f.equal("reason", e.Reason, automation.ReasonNoMatch)
	_, err := f.Runner.GetContact(f.ctx, automation.ContactRef{Email: "ada@example.com"})
	f.refused("get of a contact that was not made", err, automation.ErrNotFound)
}

// contactMoved sends events for emails to which no contact belongs when the first ones are
// accepted.
func contactMoved(f *fixture) {
	f.start(counting())
	ids := make([][]string, 3)
	for i := range 20 {
		var ticks []automation.Event
		for k := range ids {
			ticks = append(ticks, event("tick", address(k), map[string]any{"n": i}))
		}
		for k, id := range f.sendAll(ticks...) {
			ids[k] = append(ids[k], id)
		}
	}
	for k := range ids {
		f.counted(ids[k])
	}
}

func contactDeleted(f *fixture) {
	f.start(flow("rest", "signup", pause("rest", longTime)), flow("wait", "signup", wait("wait", "paid", 0)))
	ids := f.handled(f.send("signup", "ada@example.com", nil)).Started
	f.equal("number of runs", len(ids), 2)
	c := f.find("ada@example.com")
	f.must("delete", f.Runner.DeleteContact(f.ctx, c.ID))
	for _, id := range ids {
		f.equal("error", code(f.ended(id, automation.RunCancelled)), automation.CancelledContactGone)
	}
	_, err := f.Runner.GetContact(f.ctx, automation.ContactRef{ID: c.ID})
	f.refused("get of a deleted contact", err, automation.ErrNotFound)
	_, err = f.Runner.Send(f.ctx, automation.Event{Name: "signup", ContactID: c.ID})
	f.refused("event for a deleted contact", err, automation.ErrNotFound)
	again := f.handled(f.send("signup", "ada@example.com", nil)).Started
	f.equal("number of runs of the contact that came after", len(again), 2)
	f.equal("the contact that came after is another one", f.run(again[0]).ContactID != c.ID, true)
}

func contactChanged(f *fixture) {
	steps := []automation.Step{
		email("first"),
		{Key: "name", Config: automation.ContactUpdate{FirstName: automation.Var("event.name"), Properties: map[string]automation.Value{"plan": automation.Var("event.plan")}}},
		{Key: "join", Config: automation.AddToSegment{SegmentID: "vip"}},
		{Key: "leave", Config: automation.RemoveFromSegment{SegmentID: "trial"}},
		{Key: "leave_none", Config: automation.RemoveFromSegment{SegmentID: "never joined"}},
		when("changed", automation.All(automation.Field("contact.first_name").Eq("Ada"), automation.Field("contact.properties.plan").Eq("pro"))),
		email("second", "plan", "contact.properties.plan"),
	}
	f.start(flow("welcome", "signup", steps...))
	for _, id := range []string{"vip", "trial"} {
		_, err := f.Runner.CreateSegment(f.ctx, segmentOf(id))
		f.must("create a segment", err)
	}
	_, err := f.Runner.CreateContact(f.ctx, automation.Contact{Email: "ada@example.com", Segments: []string{"trial"}})
	f.must("create a contact", err)
	f.ended(f.begin("signup", "ada@example.com", map[string]any{"name": "Ada", "plan": "pro"}), automation.RunCompleted)
	f.emails("ada@example.com", "first", "second")
	e := f.mailer.sent("second")[0]
	f.equal("name in the email", e.Contact.FirstName, "Ada")
	f.equal("segments in the email", e.Contact.Segments, []string{"vip"})
	f.equal("variable in the email", e.Variables["plan"], "pro")
	c := f.find("ada@example.com")
	f.equal("contact", fmt.Sprint(c.FirstName, c.Properties, c.Segments), fmt.Sprint("Ada", map[string]any{"plan": "pro"}, []string{"vip"}))
}

func segmentOf(id string) automation.Segment { return automation.Segment{ID: id, Name: id} }

func contactChangedOutside(f *fixture) {
	changed := when("changed", automation.Field("contact.properties.plan").Eq("pro"))
	f.start(fork(flow("welcome", "signup", wait("wait", "paid", 0), changed, email("pro")), "changed", automation.ConnectionConditionNotMet, email("free")))
	id := f.begin("signup", "ada@example.com", nil)
	f.waiting(id, "wait")
	name := "Ada"
	_, err := f.Runner.UpdateContact(f.ctx, f.find("ada@example.com").ID, automation.ContactChange{
		FirstName: &name, Properties: map[string]any{"plan": "pro"},
	})
	f.must("update the contact", err)
	f.send("paid", "ada@example.com", nil)
	f.ended(id, automation.RunCompleted)
	f.emails("ada@example.com", "pro")
	f.equal("name in the email", f.mailer.sent("pro")[0].Contact.FirstName, "Ada")
}

func contactUnsubscribed(f *fixture) {
	f.start(flow("welcome", "signup", email("hello"), automation.Step{Key: "out", Config: automation.ContactUpdate{Unsubscribed: automation.Bool(true)}}, email("tips")))
	run := f.ended(f.begin("signup", "ada@example.com", nil), automation.RunCompleted)
	f.equal("steps", statuses(run), "hello=completed out=completed start=completed tips=skipped")
	if output := string(stepOf(run, "tips").Output); !strings.Contains(output, automation.SkippedUnsubscribed) {
		f.failf("the output of the skipped email is %s", output)
	}
	f.equal("emails", f.mailer.sentTo("ada@example.com"), []string{"hello"})
}

func contactDeletedByStep(f *fixture) {
	f.start(flow("leave", "leave", email("bye"), automation.Step{Key: "delete", Config: automation.ContactDelete{}}, email("never")),
		flow("rest", "signup", pause("rest", longTime)))
	other := f.begin("signup", "ada@example.com", nil)
	run := f.ended(f.begin("leave", "ada@example.com", nil), automation.RunCompleted)
	f.equal("steps", statuses(run), "bye=completed delete=completed never=skipped start=completed")
	f.equal("error of another run", code(f.ended(other, automation.RunCancelled)), automation.CancelledContactGone)
	_, err := f.Runner.GetContact(f.ctx, automation.ContactRef{ID: run.ContactID})
	f.refused("get of the contact", err, automation.ErrNotFound)
	f.equal("emails", f.mailer.sentTo("ada@example.com"), []string{"bye"})
}
