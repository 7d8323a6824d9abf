package enginetest

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/seed-b636437c/automation"
)

func customChecks() []Check {
	return []Check{
		check("custom steps/choose a branch and leave an output", customBranch),
		check("custom steps/that panic are tried again with the same key", customPanics),
		check("custom steps/get the contact as it is", customContact),
	}
}

func customBranch(f *fixture) {
	f.steps["choose"] = func(_ context.Context, c automation.Call) (automation.Result, error) {
		name, _ := c.Resolve(automation.Var("event.side"))
		return automation.Result{Branch: automation.ConnectionType(name.(string)), Output: map[string]any{"side": name, "to": c.Contact.Email}}, nil
	}
	a := fork(flow("choose", "signup", do("choose")), "choose", "left", email("left-email"))
	f.start(fork(a, "choose", "right", email("right-email")))
	for _, side := range []string{"left", "right"} {
		run := f.ended(f.begin("signup", side+"@example.com", map[string]any{"side": side}), automation.RunCompleted)
		f.equal("branch", stepOf(run, "choose").Branch, side)
		f.equal("output", string(stepOf(run, "choose").Output), `{"side":"`+side+`","to":"`+side+`@example.com"}`)
		f.emails(side+"@example.com", side+"-email")
	}
}

func customPanics(f *fixture) {
	var calls atomic.Int32
	keys := make(chan string, 10)
	f.steps["panic"] = func(_ context.Context, c automation.Call) (automation.Result, error) {
		keys <- c.IdempotencyKey
		if calls.Add(1) == 1 {
			panic("a bug of the application")
		}
		return automation.Result{}, nil
	}
	f.start(flow("panic", "signup", do("panic"), email("hello")))
	run := f.ended(f.begin("signup", "ada@example.com", nil), automation.RunCompleted)
	f.equal("failed attempts", len(stepOf(run, "panic").Attempts), 1)
	f.equal("calls", calls.Load(), 2)
	f.equal("key of the second call", <-keys, <-keys)
	f.emails("ada@example.com", "hello")
}

func customContact(f *fixture) {
	plans := make(chan any, 10)
	f.steps["read"] = func(_ context.Context, c automation.Call) (automation.Result, error) {
		plans <- c.Contact.Properties["plan"]
		return automation.Result{}, nil
	}
	f.start(flow("read", "signup", set("set", "plan", automation.String("pro")), do("read")))
	f.ended(f.begin("signup", "ada@example.com", nil), automation.RunCompleted)
	select {
	case plan := <-plans:
		f.equal("plan", plan, "pro")
	case <-time.After(f.given.Patience):
		f.failf("the step was not called")
	}
}
