package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

func entryChecks() []Check {
	return []Check{
		check("entries/are kept for a contact an automation and a key", entriesKept),
		check("entries/are replaced as a whole", entriesReplaced),
		check("entries/a refused transition leaves none behind", entriesRefused),
		check("entries/survive the runs and events that they count", entriesSurvive),
		check("entries/go when they have expired", entriesExpire),
		check("entries/go with the contact", entriesOfContact),
		check("entries/of a contact that is gone are not kept", entriesOfGone),
		check("entries/go when the contact is erased", entriesErased),
		check("entries/go with the automation", entriesOfAutomation),
		check("entries/those that were returned may be changed", entriesReturned),
	}
}

// entry returns a count of starts at some seconds after the origin.
func entry(automationID, key string, seconds ...int) automation.EntryCount {
	c := automation.EntryCount{EntryRef: automation.EntryRef{AutomationID: automationID, Key: key}, Count: len(seconds)}
	for _, s := range seconds {
		c.Starts = append(c.Starts, at(s))
	}
	return c
}

func entriesText(counts ...automation.EntryCount) string {
	counts = slices.SortedFunc(slices.Values(counts), func(a, b automation.EntryCount) int {
		return cmp.Or(cmp.Compare(a.AutomationID, b.AutomationID), cmp.Compare(a.Key, b.Key))
	})
	var text strings.Builder
	for _, c := range counts {
		fmt.Fprintf(&text, "entry{of=%q key=%q count=%d expires=%s starts=", c.AutomationID, c.Key, c.Count, stamp(c.ExpiresAt))
		for _, s := range c.Starts {
			fmt.Fprintf(&text, " %s", stamp(s))
		}
		text.WriteString("}")
	}
	return text.String()
}

// enter writes counts of a contact's starts.
func (f *fixture) enter(contact string, counts ...automation.EntryCount) {
	t := release(f.take(contact, at(1)), at(1))
	t.Entries = counts
	f.commit(t)
}

// entered ends the check unless these are the counts of a contact's starts.
func (f *fixture) entered(what, contact string, want ...automation.EntryCount) {
	refs := []automation.EntryRef{{AutomationID: "unknown"}, {AutomationID: "welcome", Key: "unknown"}}
	for _, id := range []string{"welcome", "other"} {
		for _, key := range []string{"", "k1", "k2"} {
			refs = append(refs, automation.EntryRef{AutomationID: id, Key: key})
		}
	}
	got, err := f.other.FindEntries(f.ctx, contact, refs)
	f.must("find entries", err)
	f.equal(what, entriesText(got...), entriesText(want...))
}

func entriesKept(f *fixture) {
	f.automation("welcome", "signup")
	f.automation("other", "signup")
	contact, stranger := f.contact("ada@example.com"), f.contact("bob@example.com")
	f.entered("entries before", contact)
	whole, keyed, of := entry("welcome", "", 1, 2, 3), entry("welcome", "k1", 4), entry("other", "k1")
	of.Count, of.ExpiresAt = 7, at(100)
	for i := range automation.KeptStarts {
		of.Starts = append(of.Starts, at(i).Add(time.Microsecond))
	}
	f.enter(contact, whole, keyed)
	f.enter(contact, of)
	f.enter(stranger, entry("welcome", "", 9))
	f.entered("entries", contact, whole, keyed, of)
	f.entered("entries of another contact", stranger, entry("welcome", "", 9))
	f.entered("entries of a contact that does not exist", missing)
	got, err := f.store.FindEntries(f.ctx, contact, []automation.EntryRef{{AutomationID: "welcome", Key: "k1"}})
	f.must("find entries", err)
	f.equal("one entry", entriesText(got...), entriesText(keyed))
	got, err = f.store.FindEntries(f.ctx, contact, nil)
	f.must("find no entries", err)
	f.equal("entries without a reference", len(got), 0)
}

func entriesReplaced(f *fixture) {
	f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	first, other := entry("welcome", "k1", 1, 2), entry("welcome", "k2", 3)
	first.ExpiresAt = at(100)
	f.enter(contact, first, other)
	t := hold(f.take(contact, at(1)), at(1))
	second := entry("welcome", "k1", 2, 5)
	second.Count = 3
	t.Entries = []automation.EntryCount{second}
	f.commit(t)
	f.commit(t)
	f.entered("entries", contact, second, other)
}

func entriesRefused(f *fixture) {
	f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	t := release(f.take(contact, at(1)), at(1))
	t.Token, t.Entries = t.Token-1, []automation.EntryCount{entry("welcome", "", 1)}
	f.commitRefused("a stale token", t, automation.ErrLeaseLost)
	f.entered("entries of a refused transition", contact)
}

func entriesSurvive(f *fixture) {
	v := f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	f.run(v, contact, ended(automation.RunCompleted, at(1)))
	f.enter(contact, entry("welcome", "", 1))
	f.equal("pruned runs", f.prune(at(1000), 100).Runs, 1)
	f.entered("entries", contact, entry("welcome", "", 1))
}

func entriesExpire(f *fixture) {
	f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	forever, later, soon := entry("welcome", "", 1), entry("welcome", "k1", 1), entry("welcome", "k2", 1)
	later.ExpiresAt, soon.ExpiresAt = at(20), at(10)
	f.enter(contact, forever, later, soon)
	prune := func(now time.Time) {
		_, err := f.store.Prune(f.ctx, automation.PruneParams{Before: at(1), Now: now, Limit: 100})
		f.must("prune", err)
	}
	prune(at(10))
	f.entered("entries at the moment when one expires", contact, forever, later, soon)
	prune(at(20))
	f.entered("entries afterwards", contact, forever, later)
	prune(at(100_000_000))
	f.entered("entries years later", contact, forever)
}

func entriesOfContact(f *fixture) {
	f.automation("welcome", "signup")
	first, second, stranger := f.contact("ada@example.com"), f.contact("bob@example.com"), f.contact("eve@example.com")
	for _, contact := range []string{first, second, stranger, "of the host"} {
		f.enter(contact, entry("welcome", "", 1))
	}
	f.must("delete", f.store.DeleteContact(f.ctx, first, at(2)))
	for _, contact := range []string{second, "of the host"} {
		t := release(f.take(contact, at(2)), at(2))
		t.Delete = true
		f.commit(t)
	}
	f.entered("entries of a deleted contact", first)
	f.entered("entries of a contact that a transition deleted", second)
	f.entered("entries of a contact of the host", "of the host")
	f.entered("entries of another contact", stranger, entry("welcome", "", 1))
}

// entriesOfGone deletes a contact while a lease is held on it.
func entriesOfGone(f *fixture) {
	f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	t := release(f.take(contact, at(1)), at(1))
	f.must("delete", f.other.DeleteContact(f.ctx, contact, at(1)))
	t.Entries = []automation.EntryCount{entry("welcome", "", 1)}
	f.commit(t)
	f.entered("entries of a contact that was deleted before the commit", contact)
}

func entriesErased(f *fixture) {
	f.automation("welcome", "signup")
	contact, stranger := f.contact("ada@example.com"), f.contact("bob@example.com")
	for _, c := range []string{contact, stranger} {
		f.enter(c, entry("welcome", "k1", 1), entry("welcome", "", 1))
	}
	t := release(f.take(contact, at(2)), at(2))
	t.Erase, t.Entries = true, []automation.EntryCount{entry("welcome", "k2", 1)}
	f.commit(t)
	f.entered("entries of an erased contact", contact)
	f.entered("entries of another contact", stranger, entry("welcome", "k1", 1), entry("welcome", "", 1))
}

func entriesOfAutomation(f *fixture) {
	f.automation("welcome", "signup")
	f.automation("other", "signup")
	contact := f.contact("ada@example.com")
	f.enter(contact, entry("welcome", "", 1), entry("welcome", "k1", 1), entry("other", "", 1))
	f.must("delete", f.store.DeleteAutomation(f.ctx, "welcome", at(2)))
	f.entered("entries", contact, entry("other", "", 1))
	f.enter(contact, entry("welcome", "", 1), entry("never inserted", "", 1))
	f.entered("entries that come after the automation was deleted", contact, entry("other", "", 1))
	f.prune(at(1000), 100)
	f.automation("welcome", "signup")
	f.entered("entries of an automation that was inserted again", contact, entry("other", "", 1))
	f.enter(contact, entry("welcome", "", 5))
	f.entered("new entries of it", contact, entry("other", "", 1), entry("welcome", "", 5))
}

func entriesReturned(f *fixture) {
	f.automation("welcome", "signup")
	contact := f.contact("ada@example.com")
	given := entry("welcome", "", 1, 2)
	f.enter(contact, given)
	given.Starts[0] = at(99)
	got, err := f.store.FindEntries(f.ctx, contact, []automation.EntryRef{{AutomationID: "welcome"}})
	f.must("find entries", err)
	got[0].Starts[1] = at(99)
	f.entered("entries", contact, entry("welcome", "", 1, 2))
}
