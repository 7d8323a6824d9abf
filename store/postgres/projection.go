package postgres

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary key. A projector that comes second waits for the one before,
// and then returns no row.
const (
	findSequence   = `SELECT sequence FROM automation.projections WHERE source = $1::text`
	insertSequence = `INSERT INTO automation.projections (source, sequence) VALUES ($1::text, $2::bigint) ON CONFLICT DO NOTHING RETURNING sequence`
	updateSequence = `UPDATE automation.projections SET sequence = $2::bigint WHERE source = $1::text AND sequence = $3::bigint RETURNING sequence`
)

// ProjectedTo implements automation.Projector.
func (s *Store) ProjectedTo(ctx context.Context, source string) (sequence int64, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&sequence) }, findSequence, source)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return 0, fmt.Errorf("postgres store: projected to: %w", err)
	}
	return sequence, nil
}

// Project implements automation.Projector. It needs three round trips, however large the
// projection is, and one more each for runs that
// listen to a set of names, or stand at a place, for the first time.
func (s *Store) Project(ctx context.Context, p automation.Projection) error {
	if err := record.CheckProjection(&p); err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	catalog, sets := record.CatalogOf(&p), map[string]struct{}{}
	listenedTo(sets, catalog.Runs)
	listens, err := s.numberListens(ctx, sets)
	if err != nil {
		return fmt.Errorf("postgres store: project: %w", err)
	}
	places, err := s.numberPlaces(ctx, catalog.Runs)
	if err != nil {
		return fmt.Errorf("postgres store: project: %w", err)
	}
	err = s.transact(ctx, func(tx *transaction) error {
		if err := advance(ctx, tx, &p); err != nil {
			return err
		}
		pr := projector{Catalog: &catalog, listens: listens, places: places, tally: record.Tally[int32]{}}
		if err := tx.run(ctx, pr.read()); err != nil {
			return err
		}
		sc := pr.write()
		enter(&sc, &p)
		count(&sc, int16(rand.IntN(slots)), pr.tally) // last, because another process may wait for the same counters
		return tx.commit(ctx, sc)
	})
	if err != nil {
		return fmt.Errorf("postgres store: project: %w", err)
	}
	return nil
}

// advance moves the source of a projection, or fails if the source is elsewhere.
func advance(ctx context.Context, tx *transaction, p *automation.Projection) error {
	moved := false
	row := func(scan scanFunc) error {
		moved = true
		return scan(new(int64))
	}
	var sc script
	if p.After == 0 {
		sc.query(row, insertSequence, p.Source, p.Sequence)
	} else {
		sc.query(row, updateSequence, p.Source, p.Sequence, p.After)
	}
	if err := tx.run(ctx, sc); err != nil {
		return err
	}
	if !moved {
		return record.SourceElsewhere(p)
	}
	return nil
}

// projector writes one projection.
type projector struct {
	*record.Catalog
	listens  listenNumbers
	places   placeNumbers
	inserted map[string]bool     // the events that the store did not have, by id
	tally    record.Tally[int32] // of places
}

const (
	// sharePruning lets no process remove runs meanwhile, with events that a run of the
	// projection names. Projectors do not wait for each other.
	sharePruning = `SELECT pg_advisory_xact_lock_shared(hashtextextended('automation.ended_runs', 0))`

	// These rely on automations_id. insertStrangers inserts automations that count as
	// deleted.
	insertStrangers = `
INSERT INTO automation.automations (id, name, status, event_names, version, revision, deleted_at)
SELECT u.id, '', 'disabled', '{}', u.version, 0, u.at
FROM (SELECT unnest($1::text[]) AS id, unnest($2::int[]) AS version, unnest($3::timestamptz[]) AS at) u
WHERE NOT EXISTS (SELECT FROM automation.automations a WHERE a.id = ANY (ARRAY[u.id]))
ON CONFLICT DO NOTHING`
	raiseVersions = `
UPDATE automation.automations a SET version = u.version
FROM (SELECT unnest($1::text[]) AS id, unnest($2::int[]) AS version) u
WHERE a.id = ANY (ARRAY[u.id]) AND a.deleted_at IS NOT NULL AND a.version < u.version`

	// parkProjected relies on the primary key of leases, which is empty unless a Runner has used the
	// store before.
	parkProjected = parkFrom + `run_id = ANY ($1::uuid[]) ORDER BY owner FOR UPDATE` + parkTo

	// keepRunEvents copies the events from the rows of runs that others replace. It relies on the
	// primary keys.
	keepRunEvents = `
INSERT INTO automation.events (` + storedEvent + `)
SELECT ` + eventColumns + ` FROM (
	SELECT ` + runEvent + ` FROM automation.active_runs r` + joinPlace + ` WHERE r.id = ANY ($1::uuid[]) AND r.event_at IS NOT NULL
	UNION ALL
	SELECT ` + runEvent + ` FROM automation.ended_runs r` + joinPlace + ` WHERE r.id = ANY ($1::uuid[]) AND r.event_at IS NOT NULL
) e ON CONFLICT (id) DO NOTHING`

	// projectEvents relies on the primary keys of all tables that have events.
	projectEvents = `
INSERT INTO automation.events (` + storedEvent + `)
SELECT ` + storedEvent + ` FROM (
	SELECT unnest($1::uuid[]) AS id, unnest($2::bytea[]) AS owner, unnest($3::text[]) AS email, unnest($4::text[]) AS name, unnest($5::text[]) AS payload,
		unnest($6::text[]) AS key, unnest($7::timestamptz[]) AS occurred_at, unnest($8::timestamptz[]) AS accepted_at, unnest($9::text[]) AS automation_id,
		unnest($10::text[]) AS cause
) u WHERE NOT ` + eventKnown + `
ON CONFLICT (id) DO NOTHING RETURNING id`

	// handleProjected handles events that are pending. It relies on the primary key of pending.
	handleProjected = `
WITH handled AS (
	DELETE FROM automation.pending e
	USING (
		SELECT unnest($1::uuid[]) AS id, unnest($2::timestamptz[]) AS at, unnest($3::boolean[]) AS loose,
			unnest($4::smallint[]) AS reason, unnest($5::text[]) AS resumed
	) p
	WHERE e.event_id = ANY (ARRAY[p.id])
	RETURNING e.*, p.at, p.loose, p.reason, p.resumed
` + keepHandled

	// These rely on the primary keys.
	removeActive = `DELETE FROM automation.active_runs WHERE id = ANY ($1::uuid[]) RETURNING place_no`
	removeEnded  = `DELETE FROM automation.ended_runs WHERE id = ANY ($1::uuid[]) RETURNING place_no`

	projectLoose = `
INSERT INTO automation.loose_events (handled_at, event_id, reason, resumed)
SELECT unnest($1::timestamptz[]), unnest($2::uuid[]), unnest($3::smallint[]), unnest($4::text[])`
)

// read returns the script that inserts events and automations, and removes the runs that
// others replace. The last script of the transaction needs its results.
func (p *projector) read() (sc script) {
	p.inserted = map[string]bool{}
	sc.exec(sharePruning)
	p.insertEvents(&sc)
	p.shareAutomations(&sc)
	p.removeRuns(&sc)
	return sc
}

// shareAutomations inserts the automations of the runs that the store does not have, and keeps
// other transactions from putting new automations in their places.
func (p *projector) shareAutomations(sc *script) {
	if len(p.Automations) == 0 {
		return
	}
	var ids []string
	var versions []int32
	var at []time.Time
	for _, a := range p.Automations {
		ids, versions, at = append(ids, a.ID), append(versions, int32(a.Version)), append(at, a.At)
	}
	sc.exec(insertStrangers, ids, versions, at)
	sc.exec(raiseVersions, ids, versions)
	sc.exec(shareAutomations, ids)
}

func (p *projector) insertEvents(sc *script) {
	var rows newEvents
	for i := range p.Events {
		e := automation.NewEvent{Event: p.Events[i].Event}
		rows.add(&e, ownerOf(automation.ContactRef{ID: e.Event.ContactID, Email: e.Event.Email}))
	}
	if len(rows.ids) == 0 {
		return
	}
	sc.query(func(scan scanFunc) error {
		var id string
		err := scan(&id)
		p.inserted[id] = true
		return err
	}, projectEvents, rows.ids, rows.owners, rows.emails.arg(), rows.names, rows.payloads.arg(), rows.keys.arg(), rows.occurred.arg(), rows.accepted,
		rows.automations.arg(), rows.causes.arg())
}

// removeRuns removes the runs that the store has, and counts them.
func (p *projector) removeRuns(sc *script) {
	if len(p.Runs) == 0 {
		return
	}
	ids := make(uuids, len(p.Runs))
	for i := range p.Runs {
		ids[i] = uuidOf(p.Runs[i].ID)
	}
	removed := func(scan scanFunc) error {
		var place int32
		err := scan(&place)
		p.tally.Move(&place, nil)
		return err
	}
	sc.exec(parkProjected, ids)
	sc.exec(keepRunEvents, ids)
	sc.query(removed, removeActive, ids)
	sc.query(removed, removeEnded, ids)
}

// enter writes the decisions of a projection, and its counts of starts.
func enter(sc *script, p *automation.Projection) {
	var decisions decisionColumns
	decisions.add(p.Decisions, "") // the runs are in no row of a lease: see parkProjected
	decisions.write(sc)
	var entries entryColumns
	for i := range p.Entries {
		e := &p.Entries[i]
		entries.add(ownerOf(automation.ContactRef{ID: e.ContactID}), []automation.EntryCount{e.EntryCount})
	}
	entries.write(sc)
}

// write returns the script that writes events, runs and outputs, but not the counters.
func (p *projector) write() (sc script) {
	p.noteLoose(&sc)
	p.handlePending(&sc)
	p.keepKeys(&sc)
	p.insertRuns(&sc)
	writeRunOutputs(&sc, p.Runs)
	return sc
}

// noteLoose notes what became of events.
func (p *projector) noteLoose(sc *script) {
	var at []time.Time
	var ids uuids
	var reasons []int16
	var resumed nullableTexts
	for i := range p.Events {
		if e := &p.Events[i]; e.Loose && p.inserted[e.Event.ID] {
			at, ids = append(at, e.HandledAt), append(ids, uuidOf(e.Event.ID))
			reasons, resumed = append(reasons, record.ReasonCode(e.Reason)), append(resumed, textOrNull(record.EncodeRuns(&e.HandledEvent)))
		}
	}
	if len(ids) > 0 {
		sc.exec(projectLoose, at, ids, reasons, resumed.arg())
	}
}

// handlePending handles those events that the store has and that are pending, whoever they belong
// to by then.
func (p *projector) handlePending(sc *script) {
	var ids uuids
	var at []time.Time
	var loose []bool
	var reasons []int16
	var resumed nullableTexts
	for i := range p.Events {
		if e := &p.Events[i]; !p.inserted[e.Event.ID] {
			ids, at, loose = append(ids, uuidOf(e.Event.ID)), append(at, e.HandledAt), append(loose, e.Loose)
			reasons, resumed = append(reasons, record.ReasonCode(e.Reason)), append(resumed, textOrNull(record.EncodeRuns(&e.HandledEvent)))
		}
	}
	if len(ids) > 0 {
		sc.exec(handleProjected, ids, at, loose, reasons, resumed.arg())
	}
}

// keepKeys keeps the idempotency keys of events that the store did not have.
func (p *projector) keepKeys(sc *script) {
	first := map[idempotencyKey]*record.CatalogEvent{}
	var order []idempotencyKey
	for i := range p.Events {
		e := &p.Events[i]
		k := idempotencyKey{e.Event.Name, e.Event.IdempotencyKey}
		if _, ok := record.KeyOf(&e.ProjectedEvent); ok && p.inserted[e.Event.ID] && first[k] == nil {
			first[k], order = e, append(order, k)
		}
	}
	if len(order) == 0 {
		return
	}
	slices.SortFunc(order, func(a, b idempotencyKey) int { return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.key, b.key)) })
	var names, keys, hashes []string
	var ids uuids
	var expires []time.Time
	accepted := first[order[0]].Event.AcceptedAt
	for _, k := range order {
		e := first[k]
		names, keys, hashes = append(names, k.name), append(keys, k.key), append(hashes, e.ContentHash)
		ids, expires = append(ids, uuidOf(e.Event.ID)), append(expires, e.KeyExpiresAt)
		if e.Event.AcceptedAt.Before(accepted) {
			accepted = e.Event.AcceptedAt
		}
	}
	sc.exec(takeKeys, names, keys, hashes, ids, expires, accepted)
}

func (p *projector) insertRuns(sc *script) {
	var active, ended newRuns
	for i := range p.Runs {
		r := &p.Runs[i]
		place := p.places.of(&r.RunRecord)
		p.tally.Move(nil, &place)
		runs := &ended
		if record.GoesOn(*r) {
			runs = &active
		}
		runs.append(&r.RunRecord, place, r.DueAt, p.listens.of(r.Listens), ownerOf(automation.ContactRef{ID: r.ContactID}), nil)
	}
	active.insertActive(sc)
	ended.insertEnded(sc)
}
