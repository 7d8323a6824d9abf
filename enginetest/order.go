package enginetest

import (
	"fmt"

	"github.com/seed-b636437c/automation"
)

func orderChecks() []Check {
	return []Check{
		check("order/events of a contact are handled as they were accepted", orderOfEvents),
		check("order/a change to the contact is read by the runs of later events", orderOfChanges),
	}
}

// counting is a flow by which a contact keeps the number of its latest event. The output of
// the step "recall" has the number of the event before. The first event has none.
func counting() automation.Automation {
	a := flow("count", "tick",
		when("known", automation.Field("contact.properties.last").Exists()),
		set("recall", "previous", automation.Var("contact.properties.last")),
		set("keep", "last", automation.Var("event.n")), email("counted", "n", "event.n"))
	a.Connections = append(a.Connections, automation.Connection{From: "known", To: "keep", Type: automation.ConnectionConditionNotMet})
	return a
}

// counted ends the check unless the events with rising numbers were handled in their order.
func (f *fixture) counted(ids []string) {
	for i, id := range ids {
		run, want := f.ended(f.started(id), automation.RunCompleted), ""
		if i > 0 {
			want = fmt.Sprintf(`{"properties":{"previous":%d}}`, i-1)
		}
		f.equal(fmt.Sprintf("event before the event %d", i), string(stepOf(run, "recall").Output), want)
	}
}

// orderOfEvents gives one contact 100 events, one by one and then many at once. Runs of one
// turn perform their effects side by side, so the order of emails follows from nothing.
func orderOfEvents(f *fixture) {
	f.start(counting())
	f.contact("ada@example.com")
	const n = 100
	var ids []string
	for i := range n / 4 {
		ids = append(ids, f.send("tick", "ada@example.com", map[string]any{"n": i}))
	}
	var rest []automation.Event
	for i := n / 4; i < n; i++ {
		rest = append(rest, automation.Event{Name: "tick", ContactID: "ada", Payload: automation.Payload(map[string]any{"n": i})})
	}
	f.counted(append(ids, f.sendAll(rest...)...))
	numbers := map[string]int{}
	for _, e := range f.mailer.sent("counted") {
		numbers[fmt.Sprint(e.Variables["n"])]++
	}
	for i := range n {
		f.equal(fmt.Sprintf("emails of event %d", i), numbers[fmt.Sprint(i)], 1)
	}
}

// orderOfChanges sends an event that changes the contact, and at the same time one whose run
// reads the change. In the end, more runs read the last change, in turns of their own.
func orderOfChanges(f *fixture) {
	f.start(flow("changes", "change", set("change", "plan", automation.Var("event.plan"))),
		flow("reads", "read", set("copy", "seen", automation.Var("contact.properties.plan"))))
	const n = 30
	var all []automation.Event
	for i := range n {
		to := address(i % 3)
		all = append(all, event("change", to, map[string]any{"plan": i}), event("read", to, nil))
	}
	for i, id := range f.sendAll(all...) {
		if run := f.ended(f.started(id), automation.RunCompleted); run.AutomationID == "reads" {
			f.hasRead(run, i/2)
		}
	}
	for k := range 3 {
		f.hasRead(f.ended(f.begin("read", address(k), nil), automation.RunCompleted), n-3+k)
	}
}

// hasRead ends the check unless a run has read this plan.
func (f *fixture) hasRead(run automation.Run, plan int) {
	f.equal("plan that a run has read", string(stepOf(run, "copy").Output), fmt.Sprintf(`{"properties":{"seen":%d}}`, plan))
}
