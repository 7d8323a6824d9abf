package enginetest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

func scaleChecks() []Check {
	return []Check{
		check("scale/a thousand runs of one contact start and are resumed by one event", manyRuns),
		check("scale/large payloads and outputs stay whole", largeData),
	}
}

func manyRuns(f *fixture) {
	f.start(flow("wait", "signup", wait("wait", "paid", 0), set("pay", "paid", automation.Bool(true))))
	f.contact("ada@example.com")
	const n, batch = 1000, 100 // each batch is one Send
	for range n / batch {
		all := make([]automation.Event, batch)
		for i := range all {
			all[i] = automation.Event{Name: "signup", ContactID: "ada"}
		}
		f.sendAll(all...)
	}
	f.untilEqual("runs by status", func() any { return f.count("wait") }, map[automation.RunStatus]int{automation.RunRunning: n})
	e := f.handled(f.send("paid", "ada@example.com", nil))
	slices.Sort(e.Resumed)
	f.equal("number of runs that the event resumed", len(slices.Compact(e.Resumed)), n)
	f.untilEqual("runs by status in the end", func() any { return f.count("wait") }, map[automation.RunStatus]int{automation.RunCompleted: n})
}

func largeData(f *fixture) {
	f.steps["large"] = func(context.Context, automation.Call) (automation.Result, error) {
		return automation.Result{Output: map[string]any{"text": large("output")}}, nil
	}
	f.start(flow("large", "signup", do("large"), wait("wait", "paid", 0),
		email("hello", "first", "event.text", "second", "wait_events.paid.text")))
	id := f.begin("signup", "ada@example.com", map[string]any{"text": large("first")})
	f.waiting(id, "wait")
	paid := f.send("paid", "ada@example.com", map[string]any{"text": large("second")})
	run := f.ended(id, automation.RunCompleted)
	e := f.mailer.sent("hello")[0]
	for name, want := range map[string]string{"first": large("first"), "second": large("second")} {
		f.equal("variable "+name, fmt.Sprint(e.Variables[name]) == want, true)
	}
	for key, want := range map[string]string{"large": large("output"), "wait": large("second")} {
		f.equal("output of "+key, strings.Contains(string(stepOf(run, key).Output), want), true)
	}
	f.equal("payload", strings.Contains(string(f.handled(paid).Payload), large("second")), true)
}
