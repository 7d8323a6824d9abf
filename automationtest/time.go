package automationtest

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
)

// Send sends an event now and lets all happen that is due. payload is a map, a
// struct, or nil for none. The test fails at once if the event is refused; use
// Runner.Send to test that.
func (h *Harness) Send(name, email string, payload any) {
	h.t.Helper()
	if c, err := h.find(email); err == nil {
		h.meet(c)
	}
	_, err := h.Runner.Send(context.Background(), automation.Event{
		Name: name, Email: email, Payload: automation.Payload(payload),
	})
	h.must("send", err)
	h.drain()
}

// Advance moves the clock by d and lets all happen that becomes due, each thing
// at its own time, what is due now first. Afterwards the clock shows exactly d
// more than before.
func (h *Harness) Advance(d time.Duration) {
	h.t.Helper()
	if d < 0 {
		h.t.Fatalf("automationtest: advance: %s is negative", d)
	}
	end := h.Clock.Now().Add(d)
	h.drain()
	for h.jump(end) {
	}
	h.Clock.Set(end)
}

// What AdvanceToEnd takes for no end: more time than a run of the longest flow
// needs, or more jumps than there are delays, time-outs and retries in a test.
const (
	maxYears = 20
	maxJumps = 10_000
)

// AdvanceToEnd lets time pass until nothing is due any more. Runs that wait
// without timeout are left waiting. The test fails at once if there is no end
// within 20 years, because an effect is refused as too early again and again,
// say.
func (h *Harness) AdvanceToEnd() {
	h.t.Helper()
	h.drain()
	end := h.Clock.Now().AddDate(maxYears, 0, 0)
	for range maxJumps {
		if !h.jump(end) {
			break
		}
	}
	due, err := h.store.NextDue(context.Background())
	h.must("advance", err)
	if !due.IsZero() {
		h.t.Fatalf("automationtest: advance to end: there is no end by %s", h.Clock.Now())
	}
}

// jump moves the clock to when the next thing is due, unless that is after end,
// and lets it happen.
func (h *Harness) jump(end time.Time) bool {
	h.t.Helper()
	due, err := h.store.NextDue(context.Background())
	h.must("advance", err)
	if due.IsZero() || due.After(end) {
		return false
	}
	if due.After(h.Clock.Now()) {
		h.Clock.Set(due)
	}
	h.drain()
	return true
}

// drain lets everything happen that is due now.
func (h *Harness) drain() {
	h.t.Helper()
	_, err := h.Runner.Drain(context.Background())
	h.must("", err)
}
