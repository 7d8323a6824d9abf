package memory

import (
	"math"
	"slices"

	"github.com/seed-b636437c/automation"
)

// writeRun writes a run that a transition has started or changed.
func (s *Store) writeRun(cs *contactState, c *automation.RunChange, now micros, res *automation.CommitResult) {
	r := s.runs[c.ID]
	if r == nil {
		r = s.startRun(cs, c)
	}
	s.writeOutputs(c)
	r.apply(c, s.listenSet(c.Listens))
	r.request = toRequestCode(requests[r.request].Remaining(c))
	if r.status != running && r.request == noRequest {
		cs.endRun(r)
		return
	}
	// The holder of the lease may not have seen that the contact was deleted. The run is
	// due at once, so that the next claim brings it together with that fact.
	if r.request != noRequest || cs.deleted {
		r.dueBy(now)
	}
	cs.running.moved(r)
	if r.request == noRequest {
		return
	}
	if res.Requests == nil {
		res.Requests = map[string]automation.RunRequest{}
	}
	res.Requests[r.id] = requests[r.request]
}

// apply sets what a change of a run changes.
func (r *run) apply(c *automation.RunChange, listens *listenSet) {
	r.status, r.step, r.listens = toStatus(c.Status), c.Step, listens
	r.due, r.completed = toMicros(c.DueAt), toMicros(c.CompletedAt)
	r.decodeFailures, r.state = int16(min(c.DecodeFailures, math.MaxInt16)), c.State
	exit := c.Exit
	if r.status == running {
		exit = nil
	}
	r.over = toOver(c.Error, exit)
}

func (s *Store) startRun(cs *contactState, c *automation.RunChange) *run {
	r := s.newRun(cs, s.automations[c.AutomationID], c)
	s.history = merged(s.history, r)
	r.automation.runs = merged(r.automation.runs, r)
	return r
}

// newRun returns a run that is in none of the lists that are in order of creation.
func (s *Store) newRun(cs *contactState, a *automationEntry, c *automation.RunChange) *run {
	s.seq++
	r := &run{
		id: c.ID, seq: s.seq, automation: a, contact: cs,
		event: s.events[c.EventID], version: int32(c.Version), created: toMicros(c.CreatedAt),
	}
	if r.event != nil {
		r.event.references++
	}
	s.runs[r.id] = r
	s.countRun(r, 1)
	cs.running.add(r)
	return r
}

// dueBy makes the run due at now, unless it is due earlier.
func (r *run) dueBy(now micros) {
	if r.due == 0 || r.due > now {
		r.due = now
	}
}

// endRun moves a run that has ended out of the list that every claim reads.
func (cs *contactState) endRun(r *run) {
	if !cs.running.has(r) {
		return
	}
	cs.running.remove(r)
	if cs.ended == nil {
		cs.ended = &[]*run{}
	}
	*cs.ended = append(*cs.ended, r)
}

// reopenRun is the inverse of endRun.
func (cs *contactState) reopenRun(r *run) {
	if cs.ended == nil {
		return
	}
	if i := slices.Index(*cs.ended, r); i >= 0 {
		*cs.ended = slices.Delete(*cs.ended, i, i+1)
		cs.running.add(r)
	}
}
