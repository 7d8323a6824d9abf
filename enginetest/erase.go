package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
)

func eraseChecks() []Check {
	return []Check{check("erasing/removes the data of a contact and cancels its runs", erased)}
}

// secret is what must be gone.
const secret = "the secret of Ada"

func erased(f *fixture) {
	f.start(flow("wait", "signup", set("keep", "secret", automation.Var("event.secret")), wait("first", "paid", 0), wait("second", "paid", 0)),
		flow("done", "signup", email("hello", "secret", "event.secret")))
	signup := f.handled(f.send("signup", "ada@example.com", map[string]any{"secret": secret}))
	bob := f.handled(f.send("signup", "bob@example.com", map[string]any{"secret": secret}))
	f.equal("number of runs", len(signup.Started), 2)
	for _, id := range signup.Started {
		f.reached(id, "end or wait", func(r automation.Run) bool { return r.Status == automation.RunCompleted || r.Step == "first" })
	}
	paid := f.send("paid", "ada@example.com", map[string]any{"secret": secret})
	f.equal("number of runs that the payment resumed", len(f.handled(paid).Resumed), 1)
	c := f.find("ada@example.com")
	f.until(func() string { // another process may work on the contact
		err := f.Runner.EraseContact(f.ctx, automation.ContactRef{ID: c.ID})
		if errors.Is(err, automation.ErrConflict) {
			return fmt.Sprintf("erase: %v", err)
		}
		f.must("erase", err)
		return ""
	})
	_, err := f.Runner.GetContact(f.ctx, automation.ContactRef{Email: "ada@example.com"})
	f.refused("get of the contact", err, automation.ErrNotFound)
	for _, id := range signup.Started {
		f.until(func() string { return f.traceOf(f.run(id)) })
		f.equal("the run still runs", f.run(id).Status == automation.RunRunning, false)
	}
	for _, id := range []string{signup.ID, paid} {
		f.until(func() string {
			e, err := f.Runner.GetEvent(f.ctx, id)
			f.must("get an event", err)
			return f.traceOf(e)
		})
	}
	e, err := f.Runner.GetEvent(f.ctx, bob.ID)
	f.must("get an event", err)
	f.equal("the payload of another contact stays", strings.Contains(string(e.Payload), secret), true)
}

// traceOf returns what a record still shows of the contact, or "".
func (f *fixture) traceOf(record any) string {
	text, err := json.Marshal(record)
	f.must("encode a record", err)
	if strings.Contains(string(text), secret) || strings.Contains(string(text), "ada@example.com") {
		return "after the erasure a record still shows the contact: " + shorten(string(text))
	}
	return ""
}
