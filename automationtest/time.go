package automationtest

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
)

// Send sends an event now and performs all work that is due. payload is a map, a struct, or
// nil for none. The test fails at once if the event is refused. To test a refusal, call
// Runner.Send.
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

// Advance moves the clock by d and performs all work that becomes due, each at its own
// time, beginning with the work that is due now. Afterwards the clock shows exactly d more
// than before. The test fails at once if d is negative.
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

// The limits of AdvanceToEnd: more time than a run of the longest flow needs, and more
// jumps than a test has delays, time-outs and retries.
const (
	maxYears = 20
	maxJumps = 10_000
)

// AdvanceToEnd moves the clock until no work is due any more. Runs that wait without a
// timeout still wait afterwards. The test fails at once if there is no end within 20 years,
// for example because a mailer refuses an email with a rate limit again and again.
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

// jump moves the clock to the next due time and performs the work that is due then. It
// returns false without moving the clock if no work is due until end.
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

// drain performs all work that is due now, and reports the emails that were not rendered.
func (h *Harness) drain() {
	h.t.Helper()
	_, err := h.Runner.Drain(context.Background())
	h.must("", err)
	if h.rendering == nil {
		return
	}
	for _, failure := range h.rendering.takeFailures() {
		h.t.Errorf("%s", failure)
	}
}
