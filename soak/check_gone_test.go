//go:build unix

package soak

import (
	"errors"

	"github.com/seed-b636437c/automation"
)

// readGone adds the contacts that were removed.
func (a *audit) readGone() error {
	for id, e := range a.ledger.left {
		_, err := a.runner.GetContact(a.ctx, automation.ContactRef{ID: id})
		if err == nil {
			a.problem("contact %s is still there after its %s", id, e.Removal)
		} else if !errors.Is(err, automation.ErrNotFound) {
			return err
		}
		a.people[id] = a.newRecord(e.Person, e.Life)
		a.people[id].gone = e
	}
	return nil
}

// goneOf returns the removal of the contact to which an event belongs, nil if the contact is there.
func (a *audit) goneOf(e *sent) *sent {
	for _, gone := range a.ledger.left {
		if gone.Person == e.Person && gone.Life == e.Life {
			return gone
		}
	}
	return nil
}

// gone checks a run of a contact that was removed. Either it ended by itself, or the removal ended
// it, at whatever step it was.
func (c *runCheck) gone() {
	run, gone := c.run, c.person.gone
	late := gone.acked.Add(10 * lease) // a node that stalls may have read the contact before
	switch {
	case run.Status == automation.RunRunning || run.CompletedAt.IsZero():
		c.problem("run %s is %s after the %s of its contact", run.ID, run.Status, gone.Removal)
	case run.CreatedAt.After(late):
		c.problem("run %s began at %s, long after the %s of its contact at %s", run.ID, run.CreatedAt, gone.Removal, gone.acked)
	case run.Status == automation.RunFailed:
		c.failed()
	case run.Status == automation.RunCancelled && !c.mayHave(run.Error):
		c.problem("run %s ended with %+v after the %s of its contact", run.ID, run.Error, gone.Removal)
	}
	for _, s := range run.Steps {
		if s.Type != automation.TypeSendEmail || s.Status != automation.StepCompleted {
			continue
		}
		if s.StartedAt.After(late) {
			c.problem("run %s sent %s, which began at %s, long after the %s of its contact at %s", run.ID, s.Key, s.StartedAt, gone.Removal, gone.acked)
		}
		c.arrived(s.Key)
	}
}

// mayHave reports whether a run of a contact that was removed may be cancelled for the reason. A
// run of cartFlow may have ended before.
func (c *runCheck) mayHave(reason *automation.StepError) bool {
	if reason == nil {
		return false
	}
	switch reason.Code {
	case automation.CancelledContactGone:
		return true
	case automation.CancelledByRequest, automation.CancelledReplaced:
		return c.run.AutomationID == cartFlow
	default:
		return false
	}
}

// checkGone checks that a removal leaves no count of starts, and that an erasure leaves nothing of
// what was sent and recorded.
func (a *audit) checkGone() {
	for id, gone := range a.ledger.left {
		if counts := a.gifts(id); len(counts) > 0 {
			a.problem("contact %s has counts of starts after its %s: %+v", id, gone.Removal, counts)
		}
		if gone.Removal != erasure {
			continue
		}
		for _, e := range a.people[id].events {
			rec, err := a.store.FindEvent(a.ctx, e.eventID)
			if err == nil && (len(rec.Payload) > 0 || rec.IdempotencyKey != "" || rec.Email != "") {
				a.problem("event %s has its payload, key or email after the erasure of contact %s: %+v", e.eventID, id, rec)
			}
		}
	}
	for _, run := range a.runs {
		p := a.people[run.ContactID]
		if !a.kept[run.ID] || p == nil || p.gone == nil || p.gone.Removal != erasure {
			continue
		}
		for _, s := range run.Steps {
			if len(s.Output) > 0 && s.Type != automation.TypeDelay { // that of a delay is not stored
				a.problem("run %s has the output of step %s after the erasure of its contact: %s", run.ID, s.Key, s.Output)
			}
		}
	}
}
