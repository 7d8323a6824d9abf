package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary key.
const (
	findSequence   = `SELECT sequence FROM automation_projections WHERE source = ?`
	insertSequence = `INSERT OR IGNORE INTO automation_projections (source, sequence) VALUES (?1, ?2)`
	updateSequence = `UPDATE automation_projections SET sequence = ?2 WHERE source = ?1 AND sequence = ?3`
)

// ProjectedTo implements automation.Projector.
func (s *Store) ProjectedTo(ctx context.Context, source string) (sequence int64, err error) {
	err = s.read(ctx, func(q session) error {
		_, err := first(ctx, q, findSequence, args(source), &sequence)
		return failed("projected to", err)
	})
	return sequence, err
}

// Project implements automation.Projector.
func (s *Store) Project(ctx context.Context, p automation.Projection) error {
	if err := record.CheckProjection(&p); err != nil {
		return err
	}
	catalog := record.CatalogOf(&p)
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		if err := tx.advance(ctx, &p); err != nil {
			return err
		}
		pr := newProjector(tx)
		if err := pr.project(ctx, &catalog); err != nil {
			return failed("project", err)
		}
		return failed("project", pr.enter(ctx, &p))
	})
}

// advance moves the source of a projection, or refuses to if the source is elsewhere.
func (tx *transaction) advance(ctx context.Context, p *automation.Projection) error {
	query, arguments := updateSequence, args(p.Source, p.Sequence, p.After)
	if p.After == 0 {
		query, arguments = insertSequence, arguments[:2]
	}
	n, err := changed(ctx, tx, query, arguments...)
	if err == nil && n == 0 {
		return record.SourceElsewhere(p)
	}
	return failed("project", err)
}

// projector writes one projection in a transaction.
type projector struct {
	*committer
	events      map[key]int64    // numbers, by id
	automations map[string]int64 // numbers, by id
}

func newProjector(tx *transaction) *projector {
	return &projector{committer: newCommitter(tx), events: map[key]int64{}, automations: map[string]int64{}}
}

func (p *projector) project(ctx context.Context, c *record.Catalog) error {
	if err := p.writeEvents(ctx, c.Events); err != nil {
		return err
	}
	for _, a := range c.Automations {
		if err := p.findAutomation(ctx, a); err != nil {
			return err
		}
	}
	if err := p.readRuns(ctx, c.Runs); err != nil {
		return err
	}
	for i := range c.Runs {
		if err := p.writeRun(ctx, &c.Runs[i]); err != nil {
			return err
		}
		if err := p.writeOutputs(ctx, &c.Runs[i]); err != nil {
			return err
		}
	}
	return p.tx.count(ctx, p.tally)
}

const (
	// These rely on the unique indexes on id.
	handledNumbers = forKeys + `SELECT e.id, e.no FROM keys CROSS JOIN automation_events e ON e.id = k`
	runsOfEvents   = forKeys + `
SELECT r.id, 0 FROM keys CROSS JOIN automation_active_runs r ON r.id = k AND r.event_age IS NOT NULL UNION ALL
SELECT r.id, 0 FROM keys CROSS JOIN automation_ended_runs r ON r.id = k AND r.event_age IS NOT NULL`
	// projectKey replaces a key that had expired when the event was accepted.
	projectKey = `
INSERT INTO automation_idempotency_keys AS k (name, key, hash, event_id, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (name, key) DO UPDATE SET hash = excluded.hash, event_id = excluded.event_id, expires_at = excluded.expires_at
WHERE k.expires_at <= ?6`
)

// numberedID is an id with the number of its row.
type numberedID struct {
	id key
	no int64
}

func scanNumberedID(rows *sql.Rows) (n numberedID, err error) {
	err = rows.Scan(&n.id, &n.no)
	return n, err
}

// findEvents notes the numbers of those events that the store has. It moves those in the rows of
// runs to events, because a projection may change these runs, and may start others.
func (p *projector) findEvents(ctx context.Context, events []key) error {
	runs := make([]key, len(events))
	for i, id := range events {
		runs[i] = id.twin()
	}
	if err := p.parkRuns(ctx, runs); err != nil {
		return err
	}
	note := func(n numberedID) { p.events[n.id] = n.no }
	if err := lookup(ctx, p.tx, scanNumberedID, handledNumbers, events, note); err != nil {
		return err
	}
	var held []key
	hold := func(n numberedID) { held = append(held, n.id.twin()) }
	if err := lookup(ctx, p.tx, scanNumberedID, runsOfEvents, runs, hold); err != nil {
		return err
	}
	for _, id := range held {
		no, err := p.tx.expose(ctx, id)
		if err != nil {
			return err
		}
		p.events[id] = no
	}
	return nil
}

// writeEvents inserts the events that the store does not have, and handles those that are pending.
func (p *projector) writeEvents(ctx context.Context, events []record.CatalogEvent) error {
	keys := make([]key, len(events))
	for i := range events {
		keys[i] = idKey(events[i].Event.ID)
	}
	if err := p.findEvents(ctx, keys); err != nil {
		return err
	}
	err := lookup(ctx, p.tx, scanNumberedEvent, pendingByID, keys, func(e numberedEvent) { p.pending[idKey(e.ID)] = &e })
	for i := range events {
		if err != nil {
			break
		}
		if pending := p.pending[keys[i]]; pending != nil {
			err = p.handlePending(ctx, pending, &events[i])
		} else if _, known := p.events[keys[i]]; !known {
			err = p.writeEvent(ctx, &events[i])
		}
	}
	return err
}

// handlePending handles a pending event.
func (p *projector) handlePending(ctx context.Context, pending *numberedEvent, e *record.CatalogEvent) error {
	p.events[idKey(pending.ID)] = pending.no
	_, err := p.tx.exec(ctx, deletePending, pending.owner.column(), pending.AcceptedAt.UnixMicro(), pending.no)
	if err == nil {
		err = p.tx.insertHandled(ctx, pending)
	}
	if err != nil || !e.Loose {
		return err
	}
	return p.keepLoose(ctx, pending.no, e)
}

// keepLoose keeps what became of an event beside it.
func (p *projector) keepLoose(ctx context.Context, no int64, e *record.CatalogEvent) error {
	_, err := p.tx.exec(ctx, insertLoose, e.HandledAt.UnixMicro(), no, record.ReasonCode(e.Reason), textOrNull(record.EncodeRuns(&e.HandledEvent)))
	return err
}

// writeEvent inserts an event as a handled one.
func (p *projector) writeEvent(ctx context.Context, e *record.CatalogEvent) (err error) {
	handled := numberedEvent{storedEvent: storedEvent{
		Event: e.Event, owner: ownerKey(automation.ContactRef{ID: e.Event.ContactID, Email: e.Event.Email}),
	}}
	if handled.no, err = eventNumbers(ctx, p.tx, 1); err != nil {
		return err
	}
	p.events[idKey(e.Event.ID)] = handled.no
	if err := p.tx.insertHandled(ctx, &handled); err != nil {
		return err
	}
	if use, ok := record.KeyOf(&e.ProjectedEvent); ok {
		_, err := p.tx.exec(ctx, projectKey, e.Event.Name, e.Event.IdempotencyKey, use.Hash, idKey(use.EventID).column(),
			e.KeyExpiresAt.UnixMicro(), e.Event.AcceptedAt.UnixMicro())
		if err != nil {
			return err
		}
	}
	if e.Loose {
		return p.keepLoose(ctx, handled.no, e)
	}
	return nil
}

const (
	// insertStranger inserts an automation that counts as deleted.
	insertStranger = `
INSERT INTO automation_automations (id, name, status, event_names, version, revision, created_at, updated_at, deleted_at)
VALUES (?1, '', 'disabled', '[]', ?2, 0, ?3, ?3, ?3)`
	raiseVersion = `UPDATE automation_automations SET version = ?2 WHERE no = ?1`
)

// findAutomation notes the number of an automation. One that the store does not have counts
// as deleted, so that a later one with its id gets a version that no run has.
func (p *projector) findAutomation(ctx context.Context, a record.CatalogAutomation) error {
	stored, found, err := one(ctx, p.tx, scanStoredAutomation, findAutomation, a.ID)
	switch {
	case err != nil:
		return err
	case !found:
		res, err := p.tx.exec(ctx, insertStranger, a.ID, a.Version, a.At.UnixMicro())
		if err != nil {
			return err
		}
		p.automations[a.ID], err = res.LastInsertId()
		return err
	case !stored.deleted.IsZero() && stored.Version < a.Version:
		_, err = p.tx.exec(ctx, raiseVersion, stored.no, a.Version)
	}
	p.automations[a.ID] = stored.no
	return err
}

const (
	// currentEnded relies on the unique index on the ids of ended runs.
	currentEnded = forKeys + selectCurrentRun + `r.control, 2
FROM keys CROSS JOIN automation_ended_runs r ON r.id = k CROSS JOIN automation_places p ON p.no = r.place_no`
	// ownersInLease scans the leases, of which there are as many as contacts with work in
	// progress. A catalog has none, unless a Runner has used it before.
	ownersInLease = `SELECT owner, run_id FROM automation_leases WHERE run_no IS NOT NULL`
)

// readRuns reads the runs that the store has, and reserves numbers for the others.
func (p *projector) readRuns(ctx context.Context, runs []automation.RunChange) error {
	keys := make([]key, len(runs))
	for i := range runs {
		keys[i] = idKey(runs[i].ID)
	}
	if err := p.parkRuns(ctx, keys); err != nil {
		return err
	}
	add := func(r currentRun) { p.current[r.id] = r }
	for _, query := range []string{currentActive, currentEnded} {
		if err := lookup(ctx, p.tx, scanCurrentRun, query, keys, add); err != nil {
			return err
		}
	}
	return p.takeNumbers(ctx, len(runs)-len(p.current))
}

// parkRuns moves those of the runs that are in the rows of leases to the active runs.
func (p *projector) parkRuns(ctx context.Context, runs []key) error {
	owners := map[key]key{} // by run
	use := func(o [2]key) { owners[o[1]] = o[0] }
	scan := func(rows *sql.Rows) (o [2]key, err error) {
		err = rows.Scan(&o[0], &o[1])
		return o, err
	}
	if err := each(ctx, p.tx, scan, use, ownersInLease); err != nil || len(owners) == 0 {
		return err
	}
	for _, run := range runs {
		if owner, ok := owners[run]; ok {
			if err := p.tx.park(ctx, owner.column()); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter writes the decisions of a projection, and its counts of starts.
func (p *projector) enter(ctx context.Context, pr *automation.Projection) error {
	var decided []key
	for i := range pr.Decisions {
		if id := idKey(pr.Decisions[i].EventID); p.events[id] == 0 {
			decided = append(decided, id)
		}
	}
	if err := p.findEvents(ctx, decided); err != nil {
		return err
	}
	if err := p.decide(ctx, pr.Decisions); err != nil {
		return err
	}
	for i := range pr.Entries {
		e := &pr.Entries[i]
		if err := p.writeEntries(ctx, idKey(e.ContactID).column(), []automation.EntryCount{e.EntryCount}); err != nil {
			return err
		}
	}
	return nil
}

// writeRun inserts a run, in the place of the one that has its id.
func (p *projector) writeRun(ctx context.Context, c *automation.RunChange) error {
	id := idKey(c.ID)
	v := startable{no: p.automations[c.AutomationID]}
	at, err := p.placeNumber(ctx, v.place(c))
	if err != nil {
		return err
	}
	no, current := p.number, p.current[id]
	if current.no == 0 {
		p.noteStarted(at)
	} else {
		no = current.no
		if current.event.age.Valid { // the projection has another event for the run, or none
			if _, err := p.tx.expose(ctx, id.twin()); err != nil {
				return err
			}
		}
		p.tally.Move(&current.placeNo, &at)
		query := [...]string{activeRuns: deleteActive, endedRuns: deleteEnded}[current.table]
		if _, err := p.tx.exec(ctx, query, no); err != nil {
			return err
		}
	}
	r := runRow{table: endedRuns, due: c.DueAt}
	if record.GoesOn(*c) {
		r.table = activeRuns
	}
	if r.listens, err = p.tx.listenNumber(ctx, c.Listens); err != nil {
		return err
	}
	values := append(args(no, idKey(c.ContactID).column(), id.column(), p.eventNumber(c.EventID), c.CreatedAt.UnixMicro()), new(runEvent).columns()...)
	values = append(values, at)
	query := [...]string{activeRuns: insertActive, endedRuns: insertEnded}[r.table]
	_, err = p.tx.exec(ctx, query, append(values, r.columns(c)...)...)
	return err
}

// eventNumber returns the number of an event for a column, NULL for a run without one.
func (p *projector) eventNumber(id string) any {
	if no, ok := p.events[idKey(id)]; ok {
		return no
	}
	return nil
}
