package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b636437c/automation"
)

// record is what the catalog needs to know of a turn.
type record struct {
	Format int                   `json:"format"`
	Key    automation.ContactRef `json:"key"`
	// Sequence is the number of the turn. The catalog has the turn before it.
	Sequence int64                       `json:"sequence"`
	Now      time.Time                   `json:"now"`
	Events   []automation.ProjectedEvent `json:"events,omitempty"`
	Runs     []automation.RunChange      `json:"runs,omitempty"`
	// Decisions are about Events, and Entries are counts of the contact's starts.
	Decisions []automation.Decision   `json:"decisions,omitempty"`
	Entries   []automation.EntryCount `json:"entries,omitempty"`
	// Change and Delete are what steps have done to the contact.
	Change *automation.ContactChange `json:"change,omitempty"`
	Delete bool                      `json:"delete,omitempty"`
}

// record returns what the catalog needs to know of the turn, or nil if that is nothing.
func (t *turnOf) record() *record {
	tr := &t.turn.Transition
	if len(tr.Handled)+len(tr.Runs) == 0 && tr.Change == nil && !tr.Delete {
		return nil
	}
	rec := &record{Format: format, Key: t.in.Key, Now: tr.Now, Runs: tr.Runs, Change: tr.Change, Delete: tr.Delete, Decisions: tr.Decisions, Entries: tr.Entries}
	for _, h := range tr.Handled {
		for i := range t.work.Events {
			if e := &t.work.Events[i]; e.ID == h.ID {
				rec.Events = append(rec.Events, automation.ProjectedEvent{Event: e.Event, HandledAt: tr.Now, HandledEvent: h})
			}
		}
	}
	return rec
}

// recordTurn is the activity that gives the record of a turn to the catalog.
func (w *Worker) recordTurn(ctx context.Context, packed []byte) error {
	return w.recordOnce(ctx, packed)
}

// recordOnce gives the record of a turn to the catalog, unless the catalog has it. The turn is in
// the history, so this is also the time to announce it.
func (w *Worker) recordOnce(ctx context.Context, packed []byte) error {
	if len(packed) == 0 {
		return nil
	}
	var rec record
	if err := unpack(packed, &rec); err != nil {
		return err
	}
	if err := checkFormat("the record of a turn", rec.Format); err != nil {
		return err
	}
	w.announcer.announce(w.names.workflow(rec.Key), rec.Sequence)
	source := w.sourceOf(rec.Key)
	if rec.Change != nil || rec.Delete {
		at, err := w.projector.ProjectedTo(ctx, source)
		if err != nil || at >= rec.Sequence {
			return err
		}
		if err := w.settle(ctx, &rec); err != nil {
			return err
		}
	}
	err := w.projector.Project(ctx, automation.Projection{
		Source: source, After: rec.Sequence - 1, Sequence: rec.Sequence, Events: rec.Events, Runs: rec.Runs,
		Decisions: rec.Decisions, Entries: rec.projectedEntries(),
	})
	if !errors.Is(err, automation.ErrConflict) {
		return err
	}
	at, err := w.projector.ProjectedTo(ctx, source)
	if err == nil && at < rec.Sequence {
		err = fmt.Errorf("temporal: the catalog has turn %d of %q, and lacks those up to %d: it was restored from a backup, or is not the one of these workflows", at, source, rec.Sequence-1)
	}
	return err
}

func (rec *record) projectedEntries() (entries []automation.ProjectedEntry) {
	for _, c := range rec.Entries {
		entries = append(entries, automation.ProjectedEntry{ContactID: rec.Key.ID, EntryCount: c})
	}
	return entries
}

// settle writes what steps have done to a contact to the catalog.
func (w *Worker) settle(ctx context.Context, rec *record) (err error) {
	if rec.Delete {
		err = w.catalog.DeleteContact(ctx, rec.Key.ID, rec.Now)
	} else {
		_, err = w.catalog.UpdateContact(ctx, rec.Key.ID, *rec.Change)
	}
	if errors.Is(err, automation.ErrNotFound) {
		return nil
	}
	return err
}

// sourceOf is the name under which the catalog keeps the sequence of a contact or of an email.
func (s *Store) sourceOf(key automation.ContactRef) string {
	if key.ID != "" {
		return s.source("contact/" + key.ID)
	}
	return s.source("email/" + digest(automation.EmailKey(key.Email)))
}

type planningKey struct{}

// withPlanning makes the reads of a turn see the events of the turn, which are not in the catalog
// yet.
func withPlanning(ctx context.Context, events []automation.PendingEvent) context.Context {
	return context.WithValue(ctx, planningKey{}, events)
}

// ListContactEvents implements automation.EventReader. For a turn that is being planned it
// includes the events of that turn.
func (s *Store) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]automation.Event, error) {
	events, err := s.catalog.ListContactEvents(ctx, contactID, name, since)
	if err != nil {
		return nil, err
	}
	planned, _ := ctx.Value(planningKey{}).([]automation.PendingEvent)
	for _, e := range planned {
		if e.Name == name && !e.AcceptedAt.Before(since) {
			events = append(events, e.Event)
		}
	}
	return events, nil
}
