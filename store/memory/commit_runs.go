package memory

import (
	"math"
	"slices"

	"github.com/seed-b636437c/automation"
)

// put writes what became of a run.
func (s *Store) writeRun(cs *contactState, c *automation.RunChange, now micros, res *automation.CommitResult) {
	r := s.runs[c.ID]
	if r == nil {
		r = s.startRun(cs, c)
	}
	r.status, r.step, r.waits = toStatus(c.Status), c.Step, c.WaitEvent
	r.due, r.completed = toMicros(c.DueAt), toMicros(c.CompletedAt)
	r.decodeFailures, r.err, r.state = int16(min(c.DecodeFailures, math.MaxInt16)), cloneError(c.Error), c.State
	if r.request == toRequestCode(c.Served) || !r.heeds(r.request) {
		r.request = noRequest
	}
	if r.status != running && r.request == noRequest {
		cs.endRun(r)
		return
	}
	// Whoever wrote a run of a deleted contact may not have known that it is.
	if r.request != noRequest || cs.deleted {
		r.dueBy(now)
	}
	if r.request == noRequest {
		return
	}
	if res.Requests == nil {
		res.Requests = map[string]automation.RunRequest{}
	}
	res.Requests[r.id] = requests[r.request]
}

func (s *Store) startRun(cs *contactState, c *automation.RunChange) *run {
	s.seq++
	r := &run{
		id: c.ID, seq: s.seq, automation: s.automations[c.AutomationID], contact: cs,
		event: s.events[c.EventID], version: int32(c.Version), created: toMicros(c.CreatedAt),
	}
	if r.event != nil {
		r.event.references++
	}
	s.runs[r.id] = r
	s.history = append(s.history, r)
	r.automation.runs = append(r.automation.runs, r)
	s.versions[automation.VersionRef{AutomationID: c.AutomationID, Version: c.Version}].runs++
	cs.running = append(cs.running, r)
	return r
}

// heeds reports whether a request means something to the run as it stands.
func (r *run) heeds(c requestCode) bool {
	switch c {
	case cancelRequest:
		return r.status == running
	case retryRequest:
		return statuses[r.status] == automation.RunFailed
	default:
		return false
	}
}

// hasten makes the run due at now, unless it is due before.
func (r *run) dueBy(now micros) {
	if r.due == 0 || r.due > now {
		r.due = now
	}
}

// close moves a run that has ended away from those that are looked at for
// every event.
func (cs *contactState) endRun(r *run) {
	i := slices.Index(cs.running, r)
	if i < 0 {
		return
	}
	cs.running = slices.Delete(cs.running, i, i+1)
	if len(cs.running) == 0 {
		cs.running = nil
	}
	if cs.ended == nil {
		cs.ended = &[]*run{}
	}
	*cs.ended = append(*cs.ended, r)
}

// reopen is the opposite of close.
func (cs *contactState) reopenRun(r *run) {
	if cs.ended == nil {
		return
	}
	if i := slices.Index(*cs.ended, r); i >= 0 {
		*cs.ended = slices.Delete(*cs.ended, i, i+1)
		cs.running = append(cs.running, r)
	}
}
