package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

func contactChecks() []Check {
	return []Check{
		check("contacts/are kept as they were given", contactKept),
		check("contacts/an email belongs to one contact", contactEmail),
		check("contacts/of inserts at once one succeeds", contactAtOnce),
		check("contacts/change field by field", contactChange),
		check("contacts/changes at once are all made", contactChangesAtOnce),
		check("contacts/are listed in pages", contactPages),
		check("contacts/are listed by segment", contactSegment),
		check("contacts/are found by their ids", contactIDs),
		check("contacts/are listed by the beginning of their emails", contactPrefix),
		check("contacts/are listed in pages by the beginning of their emails", contactPrefixPages),
	}
}

func goneChecks() []Check {
	return []Check{
		check("deleted contacts/are gone for good", goneContact),
		check("deleted contacts/their running runs get a request to cancel", goneRuns),
		check("deleted contacts/a run that is written afterwards is due", goneMeanwhile),
		check("deleted contacts/a new one with the same email is another", goneEmail),
		check("deleted contacts/their pending events are still handled", goneEvents),
	}
}

func contactKept(f *fixture) {
	full := automation.Contact{
		ID: "user 17/ä", Email: "Ada.Lovelace@Example.com", FirstName: "Ada \"the\" 1st", LastName: "Lovelace 日本", Unsubscribed: true,
		Properties: map[string]any{"plan": "pro", "seats": json.Number("9007199254740993"), "rate": json.Number("0.10"), "vip": false, "a.b": "", "": "empty"},
		Segments:   []string{"b", "a"}, CreatedAt: at(1),
	}
	plain := automation.Contact{ID: f.id(), Email: "bob@example.com", CreatedAt: at(2)}
	for _, c := range []automation.Contact{full, plain} {
		f.must("insert", f.store.InsertContact(f.ctx, c))
		for _, ref := range []automation.ContactRef{{ID: c.ID}, {Email: c.Email}, {Email: automation.EmailKey(c.Email)}} {
			f.equal("contact "+ref.String(), contactText(f.findContact(ref)), contactText(c))
		}
	}
	for _, ref := range []automation.ContactRef{{ID: missing}, {ID: "bob@example.com"}, {Email: "unknown@example.com"}, {Email: full.ID}} {
		_, err := f.store.FindContact(f.ctx, ref)
		f.refused("contact "+ref.String(), err, automation.ErrNotFound)
	}
}

func contactEmail(f *fixture) {
	ada, bob := f.contact("Ada@example.com"), f.contact("bob@example.com")
	for _, c := range []automation.Contact{{ID: f.id(), Email: "ada@EXAMPLE.com"}, {ID: ada, Email: "new@example.com"}} {
		f.refused("insert of "+c.Email, f.store.InsertContact(f.ctx, c), automation.ErrConflict)
	}
	_, err := f.store.FindContact(f.ctx, automation.ContactRef{Email: "new@example.com"})
	f.refused("contact that was refused", err, automation.ErrNotFound)

	taken, name := "ADA@example.com", "Bob"
	_, err = f.store.UpdateContact(f.ctx, bob, automation.ContactChange{Email: &taken, FirstName: &name})
	f.refused("change to an email that is taken", err, automation.ErrConflict)
	f.equal("contact after the conflict", f.findContact(automation.ContactRef{ID: bob}).FirstName, "")

	c, err := f.store.UpdateContact(f.ctx, ada, automation.ContactChange{Email: &taken})
	f.must("change of the case of one's own email", err)
	f.equal("email", c.Email, taken)
	moved := "ada@example.org"
	_, err = f.store.UpdateContact(f.ctx, ada, automation.ContactChange{Email: &moved})
	f.must("change of the email", err)
	f.equal("contact by its new email", f.findContact(automation.ContactRef{Email: moved}).ID, ada)
	_, err = f.store.UpdateContact(f.ctx, bob, automation.ContactChange{Email: &taken})
	f.must("change to an email that is free again", err)
	f.equal("contact by the old email", f.findContact(automation.ContactRef{Email: taken}).ID, bob)
}

func contactAtOnce(f *fixture) {
	const writers = 8
	contacts := make([]automation.Contact, writers)
	for i := range contacts {
		contacts[i] = automation.Contact{ID: f.id(), Email: "ada@example.com", CreatedAt: at(i)}
	}
	contacts[1].Email = "ADA@example.com"
	f.onlyOne("insert", atOnce(writers, func(i int) error { return f.handle(i).InsertContact(f.ctx, contacts[i]) }), automation.ErrConflict)
	ids, _ := f.page(f.contacts(""), automation.PageQuery{Limit: 10})
	f.equal("contacts", ids, []string{f.findContact(automation.ContactRef{Email: "ada@example.com"}).ID})
}

func contactChange(f *fixture) {
	id := f.contact("ada@example.com")
	want := f.findContact(automation.ContactRef{ID: id})
	text, none, yes, no := "Ada", "", true, false
	for _, change := range []automation.ContactChange{
		{FirstName: &text, LastName: &text},
		{LastName: &none, Unsubscribed: &yes},
		{Properties: map[string]any{"plan": "pro", "seats": json.Number("9007199254740993")}},
		{Properties: map[string]any{"plan": nil, "vip": true, "never set": nil}},
		{AddSegments: []string{"s1", "s2"}},
		{AddSegments: []string{"s2", "s3"}, Unsubscribed: &no},
		{},
	} {
		change.Apply(&want)
		got, err := f.store.UpdateContact(f.ctx, id, change)
		f.must("change", err)
		f.equal("contact that was returned", contactText(got), contactText(want))
		f.equal("contact", contactText(f.findContact(automation.ContactRef{ID: id})), contactText(want))
	}
	_, err := f.store.UpdateContact(f.ctx, missing, automation.ContactChange{FirstName: &text})
	f.refused("a contact that does not exist", err, automation.ErrNotFound)
}

func contactChangesAtOnce(f *fixture) {
	const writers = 8
	id := f.contact("ada@example.com")
	w := f.take(id, at(0))
	errs := atOnce(writers, func(i int) error {
		name := fmt.Sprintf("p%d", i)
		change := automation.ContactChange{Properties: map[string]any{name: "set"}, AddSegments: []string{name}}
		if i > 0 {
			_, err := f.handle(i).UpdateContact(f.ctx, id, change)
			return err
		}
		t := release(w, at(0))
		t.Change = &change
		results, err := f.store.Commit(f.ctx, []automation.Transition{t})
		if err != nil {
			return err
		}
		return results[0].Err
	})
	for _, err := range errs {
		f.must("change", err)
	}
	c := f.findContact(automation.ContactRef{ID: id})
	f.equal("how many properties are set", len(c.Properties), writers)
	f.equal("how many segments were joined", len(c.Segments), writers)
}

// contacts lists the ids of contacts.
func (f *fixture) contacts(segment string) pager { return f.contactsBy(segment, "") }

func (f *fixture) contactsBy(segment, prefix string) pager {
	return func(q automation.PageQuery) (ids []string, more bool, err error) {
		p, err := f.store.ListContacts(f.ctx, automation.ContactQuery{Segment: segment, EmailPrefix: prefix, PageQuery: q})
		for _, c := range p.Data {
			ids = append(ids, c.ID)
			f.equal("listed contact", contactText(c), contactText(f.findContact(automation.ContactRef{ID: c.ID})))
		}
		return ids, p.HasMore, err
	}
}

func contactPages(f *fixture) {
	var newest []string
	add := func() string { return f.contact(fmt.Sprintf("c%d@example.com", f.made)) }
	for i := range 8 {
		id := add()
		if i%3 == 1 {
			f.must("delete", f.store.DeleteContact(f.ctx, id, at(1)))
			continue
		}
		newest = append([]string{id}, newest...)
	}
	f.pages(newest, f.contacts(""), add)
}

func contactSegment(f *fixture) {
	var newest []string
	add := func() string {
		id := f.contact(fmt.Sprintf("c%d@example.com", f.made))
		f.contact(fmt.Sprintf("other%d@example.com", f.made))
		_, err := f.store.UpdateContact(f.ctx, id, automation.ContactChange{AddSegments: []string{"s0", "s1"}})
		f.must("change", err)
		return id
	}
	for range 5 {
		newest = append([]string{add()}, newest...)
	}
	f.pages(newest, f.contacts("s1"), add)
	f.shown(f.contacts("s"), automation.PageQuery{Limit: 10}, nil, false)
	// The cursor may be a contact outside of the segment.
	outside := f.contact("outside@example.com")
	last := add()
	f.shown(f.contacts("s1"), automation.PageQuery{Limit: 10, Before: outside}, []string{last}, false)
}

func contactIDs(f *fixture) {
	ada, bob, gone := f.contact("ada@example.com"), f.contact("bob@example.com"), f.contact("gone@example.com")
	other := automation.Contact{ID: "user 17/ä", Email: "c@example.com", CreatedAt: at(1)}
	f.must("insert", f.store.InsertContact(f.ctx, other))
	f.must("delete", f.store.DeleteContact(f.ctx, gone, at(1)))
	for _, tt := range []struct{ ids, want []string }{
		{nil, nil},
		{[]string{missing, "unknown"}, nil},
		{[]string{other.ID, missing, bob, gone, ada, bob, "ada@example.com"}, []string{other.ID, bob, ada}},
	} {
		found, err := f.store.FindContacts(f.ctx, tt.ids)
		f.must("find", err)
		var got, want []string
		for _, c := range found {
			got = append(got, contactText(c))
		}
		for _, id := range tt.want {
			want = append(want, contactText(f.findContact(automation.ContactRef{ID: id})))
		}
		slices.Sort(got)
		slices.Sort(want)
		f.equal(fmt.Sprintf("contacts %q", tt.ids), got, want)
	}
}

func contactPrefix(f *fixture) {
	emails := []string{
		"Ada@example.com", "ada.lovelace@example.com", "a_b@example.com", "axb@example.com", "a%b@example.com", `a\b@example.com`,
		"Ädam@example.com", "ädel@example.com", "шура@example.com", "שלום@example.com", "שלומית@example.com", "日本@example.com",
		"\uD7FFa@example.com", "\U0010FFFFa@example.com", "é@example.com", "e\u0301@example.com", "zoe@example.com",
	}
	for _, email := range emails {
		f.contact(email)
	}
	f.must("delete", f.store.DeleteContact(f.ctx, f.contact("ada.gone@example.com"), at(1)))
	for _, prefix := range []string{
		"a", "A", "ada", "ADA@EXAMPLE.COM", "ada@example.com.", "a_", "a%", `a\`, "_", "%", "%a", "Ä", "ä", "Ш", "ш", "ש", "שלום", "日", "\uD7FF",
		"\U0010FFFF", "\U0010FFFF\U0010FFFF", "é", "e", "e\u0301", "z", "zz", "'", `"`, "*", "?", "[a-z]", "a\U0010FFFF", " ", "@",
	} {
		var want []string
		for _, email := range emails {
			if strings.HasPrefix(automation.EmailKey(email), automation.EmailKey(prefix)) {
				want = append(want, email)
			}
		}
		slices.SortFunc(want, func(a, b string) int { return strings.Compare(automation.EmailKey(a), automation.EmailKey(b)) })
		p, err := f.store.ListContacts(f.ctx, automation.ContactQuery{EmailPrefix: prefix, PageQuery: automation.PageQuery{Limit: 100}})
		f.must("list", err)
		var got []string
		for _, c := range p.Data {
			got = append(got, c.Email)
		}
		f.equal(fmt.Sprintf("emails with %q", prefix), got, want)
	}
}

func contactPrefixPages(f *fixture) {
	var ids []string
	next := 9
	add := func() string { // each comes before the others
		next--
		id := f.contact(fmt.Sprintf("Page%d@example.com", next))
		_, err := f.store.UpdateContact(f.ctx, id, automation.ContactChange{AddSegments: []string{"s", "t"}})
		f.must("change", err)
		return id
	}
	before, behind := f.contact("pag@example.com"), f.contact("pagf@example.com")
	f.contact("page5@example.org")
	for range 5 {
		ids = append([]string{add()}, ids...)
	}
	f.pages(ids, f.contactsBy("s", "page"), add)
	all, _ := f.page(f.contactsBy("", "PAGE"), automation.PageQuery{Limit: 100})
	f.equal("contacts in and out of the segment", len(all), 7)
	f.pages(all, f.contactsBy("", "page"), add)
	f.shown(f.contactsBy("other", "page"), automation.PageQuery{Limit: 10}, nil, false)

	// The cursor may be a contact with another email.
	f.shown(f.contactsBy("", "page4"), automation.PageQuery{Limit: 10, After: before}, ids[:1], false)
	f.shown(f.contactsBy("", "page4"), automation.PageQuery{Limit: 10, After: behind}, nil, false)
	f.shown(f.contactsBy("", "page4"), automation.PageQuery{Limit: 10, Before: behind}, ids[:1], false)
	f.shown(f.contactsBy("", "page4"), automation.PageQuery{Limit: 10, Before: before}, nil, false)
	f.must("delete", f.store.DeleteContact(f.ctx, before, at(1)))
	_, _, err := f.contactsBy("", "page")(automation.PageQuery{Limit: 10, After: before})
	f.refused("a cursor that was deleted", err, automation.ErrNotFound)
}

func goneContact(f *fixture) {
	id := f.contact("ada@example.com")
	f.must("delete", f.store.DeleteContact(f.ctx, id, at(1)))
	for _, ref := range []automation.ContactRef{{ID: id}, {Email: "ada@example.com"}} {
		_, err := f.store.FindContact(f.ctx, ref)
		f.refused("find "+ref.String(), err, automation.ErrNotFound)
	}
	f.refused("delete again", f.store.DeleteContact(f.ctx, id, at(1)), automation.ErrNotFound)
	_, err := f.store.UpdateContact(f.ctx, id, automation.ContactChange{})
	f.refused("change", err, automation.ErrNotFound)
	_, err = f.store.AppendEvents(f.ctx, []automation.NewEvent{f.event("a", id, at(1))})
	f.refused("append", err, automation.ErrNotFound)
	again := automation.Contact{ID: id, Email: "new@example.com", CreatedAt: at(2)}
	f.refused("insert with an id that was used", f.store.InsertContact(f.ctx, again), automation.ErrConflict)
}

func goneRuns(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	waits, sleeps := f.run(v, contact, waiting("ping")), f.run(v, contact, asleep(at(1e6)))
	f.run(v, contact, ended(automation.RunFailed, at(1)))
	f.must("delete", f.store.DeleteContact(f.ctx, contact, at(5)))
	f.equal("next due", f.nextDue(), stamp(at(5)))
	w := f.claimOne(at(5))
	f.equal("contact", w.Key.ID, contact)
	f.equal("record is gone", w.Contact == nil, true)
	f.equal("runs", runsOf(w), []string{waits.ID, sleeps.ID})
	for _, r := range w.Runs {
		f.equal("request", r.Request, automation.RequestCancel)
	}
	f.equal("contact of a run", f.findRun(waits.ID).ContactID, contact)
}

// goneMeanwhile deletes a contact between a claim and its commit. The runs that the
// commit writes are due afterwards, so that the next claim brings them without their
// contact.
func goneMeanwhile(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	run := f.run(v, contact, asleep(at(1)))
	f.send("signup", contact, at(1))
	w := f.claimOne(at(1))
	f.must("delete", f.store.DeleteContact(f.ctx, contact, at(2)))

	run.DueAt, run.Listens = time.Time{}, []string{"ping"}
	name := "changed"
	started := f.started(v, contact, w.Events[0].Event)
	started.DueAt = at(1e6)
	t := done(w, at(3))
	t.Runs = []automation.RunChange{{RunRecord: run}, started}
	t.Change = &automation.ContactChange{FirstName: &name}
	requests := f.commit(t).Requests
	f.equal("request about a run that was running", requests[run.ID], automation.RequestCancel)
	_, err := f.store.FindContact(f.ctx, w.Key)
	f.refused("a change does not revive the contact", err, automation.ErrNotFound)
	w = f.claimOne(at(3))
	f.equal("record is gone", w.Contact == nil, true)
	f.equal("runs", runsOf(w), []string{run.ID, started.ID})
}

func goneEmail(f *fixture) {
	v := f.automation("welcome", "signup")
	old := f.contact("ada@example.com")
	run := f.run(v, old, waiting("ping"))
	f.must("delete", f.store.DeleteContact(f.ctx, old, at(1)))
	again := f.contact("Ada@example.com")
	f.append(f.mail("ping", "ada@example.com", at(2)))
	works := f.claim(at(3))
	f.equal("contacts", contactsOf(works), []string{old, again})
	f.equal("runs of the old contact", runsOf(works[0]), []string{run.ID})
	f.equal("events of the old contact", eventsOf(works[0]), []string{})
	f.equal("runs of the new contact", runsOf(works[1]), []string{})
}

func goneEvents(f *fixture) {
	f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	id := f.send("signup", contact, at(1))
	f.must("delete", f.store.DeleteContact(f.ctx, contact, at(2)))
	w := f.claimOne(at(2))
	f.equal("record is gone", w.Contact == nil, true)
	f.equal("events", eventsOf(w), []string{id})
	f.commit(done(w, at(3)))
	f.idle(at(1e6))
}
