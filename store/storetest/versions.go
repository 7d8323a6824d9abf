package storetest

import (
	"fmt"
	"strconv"

	"github.com/seed-b636437c/automation"
)

func versionChecks() []Check {
	return []Check{
		check("versions/have a time and an author, which no later update changes", versionAuthors),
		check("versions/are listed in pages", versionPages),
		check("versions/the current one is marked, none of a deleted automation", versionCurrent),
	}
}

func versionText(v automation.VersionRecord) string {
	return fmt.Sprintf("version{of=%s/%d name=%q created=%s author=%q current=%t}", v.AutomationID, v.Version, v.Name, stamp(v.CreatedAt), v.Author, v.Current)
}

// versions lists the numbers of an automation's versions.
func (f *fixture) versions(id string) pager {
	return func(q automation.PageQuery) (numbers []string, more bool, err error) {
		p, err := f.store.ListAutomationVersions(f.ctx, id, q)
		for _, v := range p.Data {
			numbers = append(numbers, strconv.Itoa(v.Version))
			f.equal("listed version", versionText(v), versionText(f.findVersion(v.VersionRef)))
			f.equal("listed definition", string(v.Definition), "")
		}
		return numbers, p.HasMore, err
	}
}

func versionAuthors(f *fixture) {
	a := f.record("welcome", "signup")
	a.Author, a.UpdatedAt = "Ädä \U0001F389 \"o'Hara\" <ada@acme.test>", at(10)
	f.must("insert", f.store.InsertAutomation(f.ctx, a))
	first, second := automation.VersionRef{AutomationID: "welcome", Version: 1}, automation.VersionRef{AutomationID: "welcome", Version: 2}
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Author, a.UpdatedAt, a.Name = "bob", at(20), "Renamed" })
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Author, a.UpdatedAt, a.Version = "", at(30), 2 })
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Author, a.UpdatedAt, a.Name = "eve", at(40), "Again" })
	f.equal("first version", versionText(f.findVersion(first)), versionText(automation.VersionRecord{VersionRef: first, Name: "Again", CreatedAt: at(10), Author: a.Author}))
	f.equal("second version", versionText(f.findVersion(second)), versionText(automation.VersionRecord{VersionRef: second, Name: "Again", CreatedAt: at(30), Current: true}))
	f.equal("author of the automation", f.findAutomation("welcome").Author, "")
}

func versionPages(f *fixture) {
	f.automation("other", "signup")
	f.automation("welcome", "signup")
	next := 1
	add := func() string {
		next++
		f.edit("welcome", func(a *automation.AutomationRecord) { a.Version, a.Author = next, fmt.Sprint("author ", next) })
		return strconv.Itoa(next)
	}
	newest := []string{"1"}
	for range 10 { // the tenth version comes after the ninth
		newest = append([]string{add()}, newest...)
	}
	f.pages(newest, f.versions("welcome"), add)
	f.shown(f.versions("other"), automation.PageQuery{Limit: 10}, []string{"1"}, false)
	for id, q := range map[string]automation.PageQuery{"": {Limit: 10}, "unknown": {Limit: 10, After: "3"}} {
		_, err := f.store.ListAutomationVersions(f.ctx, id, q)
		f.refused("versions of an automation that does not exist", err, automation.ErrNotFound)
	}
	for _, cursor := range []string{"0", "-1", "x", "99999999999"} {
		_, err := f.store.ListAutomationVersions(f.ctx, "welcome", automation.PageQuery{Limit: 10, After: cursor})
		f.refused("cursor "+cursor, err, automation.ErrNotFound)
	}
}

func versionCurrent(f *fixture) {
	first := f.automation("welcome", "signup")
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version = 2 })
	f.edit("welcome", func(a *automation.AutomationRecord) { a.Version = 3 })
	f.run(first, f.contact("ada@example.com"), ended(automation.RunCompleted, at(1)))
	for n := 1; n <= 3; n++ {
		v := automation.VersionRef{AutomationID: "welcome", Version: n}
		f.equal(fmt.Sprint("version ", n, " is current"), f.findVersion(v).Current, n == 3)
	}
	f.must("delete", f.store.DeleteAutomation(f.ctx, "welcome", at(2)))
	f.shown(f.versions("welcome"), automation.PageQuery{Limit: 10}, []string{"1"}, false)
	f.equal("a version of a deleted automation is current", f.findVersion(first).Current, false)
	f.equal("name of a deleted automation", f.findVersion(first).Name, "")
	f.prune(at(100), 100)
	_, err := f.store.ListAutomationVersions(f.ctx, "welcome", automation.PageQuery{Limit: 10})
	f.refused("versions after the last run was pruned", err, automation.ErrNotFound)
}
