package jetstream

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// contact is a contact of a partition, or an email without a contact, as its owner knows it.
type contact struct {
	token string
	key   automation.ContactRef
	state contactState
	seq   uint64 // of the batch with the state; 0: there is none
	parts int    // of the state that was written last
	// timer is a time by which a timer was written that has not fired, zero if there is none.
	timer time.Time
	// inFlight are the attempts that may be in flight, by run. An attempt of an earlier
	// owner is nil.
	inFlight map[string]*attempt
	// adopted is whether the state has the runs that the catalog had before the engine.
	adopted bool
}

// contactState is what the stream keeps about a contact.
type contactState struct {
	Key encodedRef `json:"key"`
	// Runs are the runs in progress, and those that ended and are not in the catalog yet.
	Runs []storedRun `json:"runs,omitempty"`
	// Handled are events that were handled and are not in the catalog yet.
	Handled []handledEvent `json:"handled,omitempty"`
	// Entries are counts of the contact's starts that are not in the catalog yet, and Decisions
	// are decisions about its events.
	Entries   []entryCount   `json:"entries,omitempty"`
	Decisions []keptDecision `json:"decisions,omitempty"`
	// Backlog are entries of the log whose turn could not be planned, and events that steps
	// have sent. They come first in the next turn, which is due at RetryAt.
	Backlog []entry   `json:"backlog,omitempty"`
	RetryAt time.Time `json:"retry_at,omitzero"`
	// Unmoved is whether the runs of the contact are in the catalog only, because a process
	// that works on the catalog had a lease on the contact.
	Unmoved bool `json:"unmoved,omitempty"`
	// Change and Delete are what steps have done to the contact and the catalog may not have
	// yet. They count only for a contact that the checkpoint names.
	Change *automation.ContactChange `json:"change,omitempty"`
	Delete bool                      `json:"delete,omitempty"`
}

// isUnsettled reports whether the catalog may lack what steps have done to the contact.
func (s *contactState) isUnsettled() bool { return s.Change != nil || s.Delete }

// storedRun is a run with the data that advancing it needs.
type storedRun struct {
	automation.ClaimedRun
	// Outputs are large outputs that the catalog does not have yet.
	Outputs     []automation.StepOutput
	DropOutputs bool

	changed bool   // since the last state that was written
	seq     uint64 // of the state with the last change
}

// entryCount is a count of the contact's starts.
type entryCount struct {
	automation.EntryCount

	state uint64 // sequence of the first state that has it; 0: not written yet
}

// keptDecision is a decision about an event of the contact.
type keptDecision struct {
	automation.Decision

	state uint64 // sequence of the first state that has it; 0: not written yet
}

// handledEvent is what became of an event. Its id and its body are in the log, at Seq. If that is 0, it
// is the Event, which a step has sent, or the catalog has it as a pending event with the id.
type handledEvent struct {
	Seq       uint64                 `json:"seq"`
	ID        string                 `json:"id,omitempty"`
	HandledAt time.Time              `json:"at"`
	Resumed   []string               `json:"resumed,omitempty"`
	Ended     []string               `json:"ended,omitempty"`
	Reason    automation.EventReason `json:"reason,omitempty"`
	Event     *automation.Event      `json:"event,omitempty"`

	entry entry  // zero after a takeover
	state uint64 // the sequence of the first state with it
}

// id returns the id of the event, and nothing if only the log has it.
func (h *handledEvent) id() string {
	if h.entry.Event != nil {
		return h.entry.Event.ID
	}
	return h.ID
}

// run returns the run with an id, or nil.
func (s *contactState) run(id string) *storedRun {
	i := slices.IndexFunc(s.Runs, func(r storedRun) bool { return r.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Runs[i]
}

// isIdle reports whether nothing is left to do for the contact.
func (s *contactState) isIdle() bool {
	return len(s.Backlog) == 0 && s.RetryAt.IsZero() && !s.isUnsettled() && !slices.ContainsFunc(s.Runs, func(r storedRun) bool {
		return r.Status == automation.RunRunning
	})
}

// forget drops what is in the catalog by now: what was written up to a sequence.
func (s *contactState) forget(projected uint64) {
	s.Runs = slices.DeleteFunc(s.Runs, func(r storedRun) bool {
		return r.Status != automation.RunRunning && r.Request == automation.RequestNone && !r.changed && r.seq <= projected
	})
	s.Handled = slices.DeleteFunc(s.Handled, func(h handledEvent) bool { return h.state > 0 && h.state <= projected })
	s.Entries = slices.DeleteFunc(s.Entries, func(e entryCount) bool { return e.state > 0 && e.state <= projected })
	s.Decisions = slices.DeleteFunc(s.Decisions, func(d keptDecision) bool { return d.state > 0 && d.state <= projected })
	for i := range s.Runs {
		if r := &s.Runs[i]; !r.changed && r.seq <= projected {
			r.Outputs, r.DropOutputs = nil, false
		}
	}
}

// due returns when the contact needs a turn by time, apart from effects in flight, and when
// the outcome of the first of those counts as unknown. Both are zero if never.
func (c *contact) due() (next, deadline time.Time) {
	next = c.state.RetryAt
	for i := range c.state.Runs {
		r := &c.state.Runs[i]
		if r.Status != automation.RunRunning || r.DueAt.IsZero() {
			continue
		}
		if _, performs := c.inFlight[r.ID]; performs {
			deadline = earliest(deadline, r.DueAt)
		} else {
			next = earliest(next, r.DueAt)
		}
	}
	return next, deadline
}

// earliest returns the earlier of two times, of which zero means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (c *contact) decode(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber() // the numbers of properties are exact
	if err := decoder.Decode(&c.state); err != nil {
		return err
	}
	c.key = automation.ContactRef(c.state.Key)
	for i := range c.state.Runs {
		c.state.Runs[i].ContactID = c.key.ID
	}
	c.timer, _ = c.due() // a state is written with a timer
	c.written(c.seq)
	return nil
}

// written records that the state was written with a sequence.
func (c *contact) written(seq uint64) {
	c.seq = seq
	for i := range c.state.Runs {
		if r := &c.state.Runs[i]; r.changed || r.seq == 0 {
			r.seq, r.changed = seq, false
		}
	}
	for i := range c.state.Handled {
		if h := &c.state.Handled[i]; h.state == 0 {
			h.state = seq
		}
	}
	for i := range c.state.Entries {
		if e := &c.state.Entries[i]; e.state == 0 {
			e.state = seq
		}
	}
	for i := range c.state.Decisions {
		if d := &c.state.Decisions[i]; d.state == 0 {
			d.state = seq
		}
	}
}
