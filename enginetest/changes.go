package enginetest

import (
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

func changeChecks() []Check {
	return []Check{
		check("changes/a run stays on its version, and later events start the new one", versionsStay),
		check("changes/no run starts after an automation was disabled", disabledStartsNothing),
		check("changes/a disabled automation finishes its runs and can be enabled again", disabledGoesOn),
		check("changes/the deletion of an automation cancels its runs", deletionCancels),
		check("changes/a new automation is started by the next event", createdStarts),
	}
}

// startsEventually sends events for new contacts until what they start fits. Unless changes may
// take effect late, the first one must fit.
func (f *fixture) startsEventually(name string, fits func(e automation.EventRecord) string) {
	n := 0
	try := func() string {
		n++
		return fits(f.handled(f.send(name, fmt.Sprintf("late%d@example.com", n), nil)))
	}
	if f.given.LateStop {
		f.until(try)
	}
	for range 3 {
		if flaw := try(); flaw != "" {
			f.failf("%s", flaw)
		}
	}
}

func versionsStay(f *fixture) {
	first := flow("welcome", "signup", pause("rest", time.Second), email("old"))
	second := flow("welcome", "signup", pause("rest", time.Second), email("new"))
	f.start(first)
	old := f.begin("signup", "ada@example.com", nil)
	version := f.run(old).Version
	a, err := f.Runner.UpdateAutomation(f.ctx, "welcome", automation.AutomationUpdate{Steps: second.Steps, Connections: second.Connections})
	f.must("update", err)
	f.equal("version after the update", a.Version > version, true)
	var latest string
	f.startsEventually("signup", func(e automation.EventRecord) string {
		f.equal("number of runs", len(e.Started), 1)
		latest = e.Started[0]
		return difference("version of a new run", f.run(latest).Version, a.Version)
	})
	f.equal("version of the old run", f.ended(old, automation.RunCompleted).Version, version)
	f.emails("ada@example.com", "old")
	f.equal("status of the email of the new version", stepOf(f.ended(latest, automation.RunCompleted), "new").Status, automation.StepCompleted)
}

// disabledStartsNothing disables an automation while many events wait to be handled.
func disabledStartsNothing(f *fixture) {
	f.start(flow("welcome", "signup", pause("rest", longTime)))
	const n = 200
	ids := f.sendAll(events("signup", n)...)
	f.handled(ids[0])
	f.status("welcome", automation.StatusDisabled)
	returned := time.Now()
	atReturn := 0
	if !f.given.LaggingLists && !f.given.LateStop {
		atReturn = len(f.list(automation.RunQuery{AutomationID: "welcome", PageQuery: automation.PageQuery{Limit: 100}}))
	}
	startedInAll := 0
	for _, id := range ids {
		e := f.handled(id)
		startedInAll += len(e.Started)
		if len(e.Started) == 0 {
			f.equal("reason of an event that started nothing", e.Reason, automation.ReasonDisabled)
			continue
		}
		if at := f.run(e.Started[0]).CreatedAt; !f.given.LateStop && at.After(returned) {
			f.failf("a run started %s after the automation was disabled", at.Sub(returned))
		}
	}
	if !f.given.LaggingLists && !f.given.LateStop {
		f.equal("runs when the automation was disabled, and in the end", atReturn, startedInAll)
	}
	f.startsEventually("signup", func(e automation.EventRecord) string {
		return difference("runs that a later event started", len(e.Started), 0)
	})
}

func disabledGoesOn(f *fixture) {
	f.start(flow("welcome", "signup", wait("wait", "paid", 0), email("thanks")))
	id := f.begin("signup", "ada@example.com", nil)
	f.waiting(id, "wait")
	f.status("welcome", automation.StatusDisabled)
	f.send("paid", "ada@example.com", nil)
	f.ended(id, automation.RunCompleted)
	f.emails("ada@example.com", "thanks")
	f.startsEventually("signup", func(e automation.EventRecord) string {
		return difference("runs of a disabled automation", len(e.Started), 0)
	})
	f.status("welcome", automation.StatusEnabled)
	f.startsEventually("signup", func(e automation.EventRecord) string {
		return difference("runs of an automation that was enabled again", len(e.Started), 1)
	})
}

func deletionCancels(f *fixture) {
	f.start(flow("rest", "signup", pause("rest", longTime)), flow("wait", "signup", wait("wait", "paid", 0)))
	var all [][]string
	for _, id := range f.sendAll(events("signup", 20)...) {
		all = append(all, f.handled(id).Started)
	}
	f.must("delete", f.Runner.DeleteAutomation(f.ctx, "rest"))
	for _, started := range all {
		f.equal("number of runs", len(started), 2)
		for _, id := range started {
			if f.run(id).AutomationID == "rest" {
				f.equal("error", code(f.ended(id, automation.RunCancelled)), automation.CancelledByRequest)
			}
		}
	}
	_, err := f.Runner.GetAutomation(f.ctx, "rest")
	f.refused("get of a deleted automation", err, automation.ErrDeleted)
	f.startsEventually("signup", func(e automation.EventRecord) string {
		return difference("runs after the deletion of one of two automations", len(e.Started), 1)
	})
}

func createdStarts(f *fixture) {
	f.start()
	e := f.handled(f.send("signup", "ada@example.com", nil))
	f.equal("reason of an event without an automation", e.Reason, automation.ReasonNoMatch)
	f.create(flow("welcome", "signup", email("hello")))
	f.ended(f.begin("signup", "ada@example.com", nil), automation.RunCompleted)
	f.emails("ada@example.com", "hello")
}
