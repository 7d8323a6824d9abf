package memory

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/seed-b636437c/automation"
)

// run is a RunRecord with pointers in place of ids and small integers in place
// of times and names: a million sleeping runs are held at a time.
type run struct {
	id         string
	seq        uint64
	automation *automationEntry
	desk       *desk
	event      *event
	version    int32
	setbacks   int16
	status     status
	control    control
	step       string
	waits      string
	due        micros
	created    micros
	completed  micros
	err        *automation.StepError
	state      []byte
}

// status is a RunStatus by its place in statuses.
type status uint8

const running status = 0

var statuses = [...]automation.RunStatus{automation.RunRunning, automation.RunCompleted, automation.RunFailed, automation.RunCancelled}

func toStatus(s automation.RunStatus) status { return status(slices.Index(statuses[:], s)) }

func (s status) String() string { return string(statuses[s]) }

// control is a Control by its place in controls.
type control uint8

const (
	noControl control = iota
	cancel
	retry
)

var controls = [...]automation.RunRequest{automation.RequestNone, automation.RequestCancel, automation.RequestRetry}

func toControl(c automation.RunRequest) control { return control(slices.Index(controls[:], c)) }

// record returns a copy of the run.
func (r *run) record() automation.RunRecord {
	rec := r.shared()
	rec.State = bytes.Clone(rec.State)
	return rec
}

// shared returns the run with the state that the store holds.
func (r *run) shared() automation.RunRecord {
	rec := automation.RunRecord{
		ID: r.id, AutomationID: r.automation.ID, Version: int(r.version), ContactID: r.desk.id,
		Status: statuses[r.status], Step: r.step, WaitEvent: r.waits,
		DueAt: r.due.time(), DecodeFailures: int(r.setbacks), State: r.state,
		CreatedAt: r.created.time(), CompletedAt: r.completed.time(),
	}
	if r.event != nil {
		rec.EventID, rec.EventName = r.event.id, r.event.name
	}
	rec.Error = cloneError(r.err)
	return rec
}

func cloneError(e *automation.StepError) *automation.StepError {
	if e == nil {
		return nil
	}
	c := *e
	return &c
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

// FindRun implements automation.RunReader.
func (s *Store) FindRun(ctx context.Context, id string) (automation.RunRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.RunRecord{}, err
	}
	defer s.mu.Unlock()
	r, ok := s.runs[id]
	if !ok {
		return automation.RunRecord{}, notFound("run", id)
	}
	return r.record(), nil
}

// ListRuns implements automation.RunReader.
func (s *Store) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	if err := s.lock(ctx); err != nil {
		return automation.Page[automation.RunRecord]{}, err
	}
	defer s.mu.Unlock()
	cursor := -1
	candidates := s.candidates(q)
	if id := q.After + q.Before; id != "" {
		at, ok := s.runs[id]
		if !ok {
			return automation.Page[automation.RunRecord]{}, notFound("run", id)
		}
		// The cursor itself need not match the query.
		cursor, _ = slices.BinarySearchFunc(candidates, at.seq, func(r *run, seq uint64) int { return cmp.Compare(r.seq, seq) })
		if q.After == "" && (cursor == len(candidates) || candidates[cursor] != at) {
			cursor--
		}
	}
	return pageFrom(candidates, q.PageQuery, cursor, func(r *run) bool { return r.matches(&q) }, (*run).record), nil
}

// candidates returns the smallest list, in order of creation, that holds all
// runs the query can match.
func (s *Store) candidates(q automation.RunQuery) []*run {
	if d := s.contacts[q.ContactID]; q.ContactID != "" {
		if d == nil {
			return nil
		}
		all := slices.Clone(d.running)
		if d.ended != nil {
			all = append(all, *d.ended...)
		}
		slices.SortFunc(all, func(a, b *run) int { return cmp.Compare(a.seq, b.seq) })
		return all
	}
	if a := s.automations[q.AutomationID]; a != nil {
		return a.runs
	}
	return s.history
}

func (r *run) matches(q *automation.RunQuery) bool {
	event := automation.Event{}
	if r.event != nil {
		event.ID, event.Name = r.event.id, r.event.name
	}
	return (q.AutomationID == "" || r.automation.ID == q.AutomationID) &&
		(q.Version == 0 || int(r.version) == q.Version) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, statuses[r.status])) &&
		(q.ContactID == "" || r.desk.id == q.ContactID) &&
		(q.EventID == "" || event.ID == q.EventID) &&
		(q.EventName == "" || event.Name == q.EventName) &&
		(q.Step == "" || r.step == q.Step) &&
		(q.CreatedFrom.IsZero() || r.created >= toMicros(q.CreatedFrom)) &&
		(q.CreatedUntil.IsZero() || r.created < toMicros(q.CreatedUntil))
}

// CountRuns implements automation.RunReader.
func (s *Store) CountRuns(ctx context.Context, automationID string) ([]automation.RunCount, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	a, ok := s.automations[automationID]
	if !ok {
		return nil, notFound("automation", automationID)
	}
	counts := map[automation.RunCount]int{}
	for _, r := range a.runs {
		counts[automation.RunCount{Version: int(r.version), Step: r.step, Status: statuses[r.status]}]++
	}
	out := make([]automation.RunCount, 0, len(counts))
	for c, n := range counts {
		c.Count = n
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b automation.RunCount) int {
		return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Status, b.Status))
	})
	return out, nil
}
