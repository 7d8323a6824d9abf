package memory

import (
	"math"
	"slices"

	"github.com/seed-b636437c/automation"
)

// put writes what became of a run.
func (s *Store) put(d *desk, c *automation.RunChange, now micros, res *automation.CommitResult) {
	r := s.runs[c.ID]
	if r == nil {
		r = s.start(d, c)
	}
	r.status, r.step, r.waits = toStatus(c.Status), c.Step, c.WaitEvent
	r.due, r.completed = toMicros(c.DueAt), toMicros(c.CompletedAt)
	r.setbacks, r.err, r.state = int16(min(c.DecodeFailures, math.MaxInt16)), cloneError(c.Error), c.State
	if r.control == toControl(c.Served) || !r.heeds(r.control) {
		r.control = noControl
	}
	if r.status != running && r.control == noControl {
		d.close(r)
		return
	}
	// Whoever wrote a run of a deleted contact may not have known that it is.
	if r.control != noControl || d.deleted {
		r.hasten(now)
	}
	if r.control == noControl {
		return
	}
	if res.Requests == nil {
		res.Requests = map[string]automation.RunRequest{}
	}
	res.Requests[r.id] = controls[r.control]
}

func (s *Store) start(d *desk, c *automation.RunChange) *run {
	s.seq++
	r := &run{
		id: c.ID, seq: s.seq, automation: s.automations[c.AutomationID], desk: d,
		event: s.events[c.EventID], version: int32(c.Version), created: toMicros(c.CreatedAt),
	}
	if r.event != nil {
		r.event.references++
	}
	s.runs[r.id] = r
	s.history = append(s.history, r)
	r.automation.runs = append(r.automation.runs, r)
	s.definitions[automation.VersionRef{AutomationID: c.AutomationID, Version: c.Version}].runs++
	d.running = append(d.running, r)
	return r
}

// heeds reports whether a request means something to the run as it stands.
func (r *run) heeds(c control) bool {
	switch c {
	case cancel:
		return r.status == running
	case retry:
		return statuses[r.status] == automation.RunFailed
	default:
		return false
	}
}

// hasten makes the run due at now, unless it is due before.
func (r *run) hasten(now micros) {
	if r.due == 0 || r.due > now {
		r.due = now
	}
}

// close moves a run that has ended away from those that are looked at for
// every event.
func (d *desk) close(r *run) {
	i := slices.Index(d.running, r)
	if i < 0 {
		return
	}
	d.running = slices.Delete(d.running, i, i+1)
	if len(d.running) == 0 {
		d.running = nil
	}
	if d.ended == nil {
		d.ended = &[]*run{}
	}
	*d.ended = append(*d.ended, r)
}

// reopen is the opposite of close.
func (d *desk) reopen(r *run) {
	if d.ended == nil {
		return
	}
	if i := slices.Index(*d.ended, r); i >= 0 {
		*d.ended = slices.Delete(*d.ended, i, i+1)
		d.running = append(d.running, r)
	}
}
