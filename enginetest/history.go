package enginetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

func historyChecks() []Check {
	return []Check{
		check("history/a run shows its steps", historyOfRun),
		check("history/runs are listed by what they are, newest first and page by page", historyOfRuns),
		check("history/events show what became of them", historyOfEvents),
	}
}

func historyOfRun(f *fixture) {
	a := flow("all", "signup", when("pro", automation.Field("event.plan").Eq("pro")), email("hello", "plan", "event.plan"),
		pause("rest", time.Second), wait("wait", "paid", 0), email("thanks"), pause("end", longTime), email("later"))
	f.start(fork(a, "pro", automation.ConnectionConditionNotMet, email("other")))
	signup := f.send("signup", "ada@example.com", map[string]any{"plan": "pro"})
	id := f.started(signup)
	run := f.waiting(id, "wait")
	f.equal("steps at the wait", statuses(run),
		"end=pending hello=completed later=pending other=skipped pro=completed/condition_met rest=completed start=completed thanks=pending wait=waiting")
	f.equal("events that the run waits for", run.Listens, []string{"paid"})
	paid := f.send("paid", "ada@example.com", map[string]any{"amount": 5})
	run = f.waiting(id, "end")
	f.equal("steps in the end", statuses(run),
		"end=waiting hello=completed later=pending other=skipped pro=completed/condition_met rest=completed start=completed thanks=completed wait=completed/event_received")
	f.equal("run", fmt.Sprint(run.AutomationID, run.EventID, run.EventName, run.ContactID),
		fmt.Sprint("all", signup, "signup", f.find("ada@example.com").ID))
	for key, want := range map[string]string{"hello": `"plan":"pro"`, "wait": `"event_id":"` + paid + `"`, "thanks": `"email_id":"email-`} {
		if output := string(stepOf(run, key).Output); !strings.Contains(output, want) {
			f.failf("the output of %s should contain %s; it is %s", key, want, output)
		}
	}
	before := run.StartedAt
	for _, key := range []string{"start", "pro", "hello", "rest", "wait", "thanks"} {
		s := stepOf(run, key)
		if s.StartedAt.Before(before) || s.CompletedAt.Before(s.StartedAt) && key != "start" {
			if key != "start" { // its start is when the event was accepted
				f.failf("the times of step %s are out of order: %s to %s after %s", key, s.StartedAt, s.CompletedAt, before)
			}
		}
		before = s.CompletedAt
	}
}

func historyOfRuns(f *fixture) {
	f.start(flow("welcome", "signup", email("hello")), flow("rest", "rest", pause("rest", longTime)))
	const n = 12
	var want []string
	for i := range n { // one after the other, so that their order is certain
		want = append(want, f.ended(f.begin("signup", "ada@example.com", map[string]any{"n": i}), automation.RunCompleted).ID)
	}
	resting := f.begin("rest", "ada@example.com", nil)
	slices.Reverse(want)
	ids := func(q automation.RunQuery) func() any {
		return func() any {
			var got []string
			for _, r := range f.list(q) {
				got = append(got, r.ID)
			}
			return got
		}
	}
	contact := f.find("ada@example.com").ID
	pages := automation.PageQuery{Limit: 5}
	f.listed("runs of the contact", ids(automation.RunQuery{ContactID: contact, PageQuery: pages}), append([]string{resting}, want...))
	f.listed("runs of the automation", ids(automation.RunQuery{AutomationID: "welcome", PageQuery: pages}), want)
	f.listed("running runs", ids(automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}}), []string{resting})
	f.listed("counts", func() any { return f.count("welcome") }, map[automation.RunStatus]int{automation.RunCompleted: n})
	f.listed("counts of a running run", func() any {
		counts, err := f.Runner.CountRuns(f.ctx, "rest")
		f.must("count runs", err)
		return counts
	}, []automation.RunCount{{AutomationID: "rest", Version: 1, Step: "rest", Status: automation.RunRunning, Count: 1}})
}

func historyOfEvents(f *fixture) {
	f.start(flow("welcome", "signup", wait("wait", "paid", 0)), flow("off", "disabled", email("never")))
	f.status("off", automation.StatusDisabled)
	f.startsEventually("disabled", func(e automation.EventRecord) string {
		return difference("runs of a disabled automation", len(e.Started), 0)
	})
	signup := f.send("signup", "ada@example.com", nil)
	run := f.started(signup)
	f.waiting(run, "wait")
	var want []string
	add := func(name string, started, resumed int, reason automation.EventReason, id string) {
		e := f.handled(id)
		text := eventText(e)
		f.equal("event", text, fmt.Sprintf("%s started %d resumed %d reason %q", name, started, resumed, reason))
		f.equal("handled after it was accepted", e.HandledAt.Before(e.AcceptedAt), false)
		want = append([]string{id + " " + text}, want...)
	}
	add("signup", 1, 0, "", signup)
	add("paid", 0, 1, "", f.send("paid", "ada@example.com", nil))
	add("paid", 0, 0, automation.ReasonNoMatch, f.send("paid", "ada@example.com", nil))
	add("disabled", 0, 0, automation.ReasonDisabled, f.send("disabled", "ada@example.com", nil))
	f.listed("events of the contact", func() any {
		page, err := f.Runner.ListEvents(f.ctx, automation.EventQuery{Contact: automation.ContactRef{ID: f.find("ada@example.com").ID}})
		f.must("list events", err)
		var got []string
		for _, e := range page.Data {
			got = append(got, e.ID+" "+eventText(e))
		}
		return got
	}, want)
}

func eventText(e automation.EventRecord) string {
	return fmt.Sprintf("%s started %d resumed %d reason %q", e.Name, len(e.Started), len(e.Resumed), e.Reason)
}
