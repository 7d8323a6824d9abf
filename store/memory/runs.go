package memory

import (
	"bytes"
	"context"
	"slices"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// run is a RunRecord with pointers in place of ids, and small integers in place of
// times and names, because the store holds up to a million sleeping runs at a time.
type run struct {
	id             string
	seq            uint64
	automation     *automationEntry
	contact        *contactState
	event          *event
	version        int32
	decodeFailures int16
	status         status
	request        requestCode
	place          int32 // in the queue of the contact, while the run is active
	step           string
	listens        *listenSet // nil if it listens to nothing
	due            micros
	created        micros
	completed      micros
	over           *over // nil without an error and an exit
	state          []byte
}

// status is the index of a RunStatus in statuses.
type status uint8

const running status = 0

var statuses = [...]automation.RunStatus{automation.RunRunning, automation.RunCompleted, automation.RunFailed, automation.RunCancelled}

func toStatus(s automation.RunStatus) status { return status(slices.Index(statuses[:], s)) }

func (s status) String() string { return string(statuses[s]) }

// record returns a copy of the run.
func (r *run) record() automation.RunRecord {
	rec := r.shared()
	rec.State, rec.Listens = bytes.Clone(rec.State), slices.Clone(rec.Listens)
	return rec
}

// shared returns the run with the store's own State and Listens, which the caller must not
// change.
func (r *run) shared() automation.RunRecord {
	rec := automation.RunRecord{
		ID: r.id, AutomationID: r.automation.ID, Version: int(r.version), ContactID: r.contact.id,
		Status: statuses[r.status], Step: r.step, Listens: r.listens.list(),
		DueAt: r.due.time(), DecodeFailures: int(r.decodeFailures), State: r.state,
		CreatedAt: r.created.time(), CompletedAt: r.completed.time(),
	}
	if r.event != nil {
		rec.EventID, rec.EventName = r.event.id, r.event.name
	}
	rec.Error, rec.Exit = cloned(r.err()), cloned(r.exit())
	return rec
}

// over is why a run is over or goes on badly. Most runs have none.
type over struct {
	err  *automation.StepError
	exit *automation.RunExit
}

func (r *run) err() *automation.StepError {
	if r.over == nil {
		return nil
	}
	return r.over.err
}

func (r *run) exit() *automation.RunExit {
	if r.over == nil {
		return nil
	}
	return r.over.exit
}

// toOver returns copies of an error and an exit.
func toOver(err *automation.StepError, exit *automation.RunExit) *over {
	if err == nil && exit == nil {
		return nil
	}
	o := &over{err: cloned(err), exit: cloned(exit)}
	if exit != nil {
		o.exit.At = asKept(exit.At)
	}
	return o
}

func cloned[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// FindRun implements automation.RunReader.
func (s *Store) FindRun(ctx context.Context, id string) (automation.RunRecord, error) {
	if err := s.lock(ctx); err != nil {
		return automation.RunRecord{}, err
	}
	defer s.mu.Unlock()
	r, ok := s.runs[id]
	if !ok {
		return automation.RunRecord{}, record.NotFound("run", id)
	}
	return r.record(), nil
}

// FindRuns implements automation.RunReader.
func (s *Store) FindRuns(ctx context.Context, ids []string) ([]automation.RunRecord, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	found := make([]automation.RunRecord, 0, len(ids))
	for _, id := range ids {
		if r, ok := s.runs[id]; ok {
			found = append(found, r.record())
		}
	}
	return found, nil
}
