package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary keys of bulks and bulk_marks.
const (
	// beginBulk writes nothing if the store has the bulk and it is not expired. It locks that
	// bulk, so that findBulk finds what beginBulk has seen.
	beginBulk = `
INSERT INTO automation.bulks AS b (id, content_hash, begun_at, expires_at, step) VALUES ($1::text, $2::text, $3::timestamptz, $4::timestamptz, 0)
ON CONFLICT (id) DO UPDATE SET content_hash = excluded.content_hash, begun_at = excluded.begun_at, expires_at = excluded.expires_at, step = 0
WHERE b.expires_at <= excluded.begun_at`
	// clearBulk removes the marks of the bulk that has expired.
	clearBulk = `
DELETE FROM automation.bulk_marks WHERE bulk_id = $1::text
	AND EXISTS (SELECT FROM automation.bulks b WHERE b.id = $1::text AND b.step = 0)`
	findBulk  = `SELECT content_hash, begun_at, expires_at, step FROM automation.bulks WHERE id = $1::text`
	findMarks = `
SELECT step, marks FROM automation.bulk_marks WHERE bulk_id = $1::text AND step > $2::bigint ORDER BY step LIMIT $3::int`
	// nextStep locks the bulk until the commit.
	nextStep = `
UPDATE automation.bulks SET step = step + 1, expires_at = $4::timestamptz
WHERE id = $1::text AND step = $2::bigint AND begun_at = $3::timestamptz RETURNING step`
	insertMarks = `INSERT INTO automation.bulk_marks (bulk_id, step, marks) VALUES ($1::text, $2::bigint, $3::bytea)`
	// deleteExpiredBulks reads all bulks, of which there are as many as were called lately.
	deleteExpiredBulks = `
WITH expired AS (
	DELETE FROM automation.bulks WHERE expires_at <= $1::timestamptz RETURNING id
)
DELETE FROM automation.bulk_marks m USING expired WHERE m.bulk_id = ANY (ARRAY[expired.id])`
)

// BeginBulk implements automation.BulkStarter.
func (s *Store) BeginBulk(ctx context.Context, b automation.BulkRecord) (automation.BulkRecord, error) {
	if err := s.ready(ctx); err != nil {
		return automation.BulkRecord{}, err
	}
	kept := automation.BulkRecord{ID: b.ID}
	err := s.transact(ctx, func(tx *transaction) error {
		var sc script
		sc.exec(beginBulk, b.ID, b.ContentHash, b.BegunAt, b.ExpiresAt)
		sc.exec(clearBulk, b.ID)
		sc.query(func(scan scanFunc) error {
			err := scan(&kept.ContentHash, &kept.BegunAt, &kept.ExpiresAt, &kept.Step)
			kept.BegunAt, kept.ExpiresAt = kept.BegunAt.UTC(), kept.ExpiresAt.UTC()
			return err
		}, findBulk, b.ID)
		return tx.commit(ctx, sc)
	})
	switch {
	case err != nil:
		return automation.BulkRecord{}, fmt.Errorf("postgres store: begin bulk: %w", err)
	case kept.ContentHash != b.ContentHash:
		return automation.BulkRecord{}, record.BulkDiffers(b.ID)
	}
	return kept, nil
}

// ListBulkMarks implements automation.BulkStarter.
func (s *Store) ListBulkMarks(ctx context.Context, bulkID string, after int64) (marks []automation.BulkMark, last int64, err error) {
	if err := s.ready(ctx); err != nil {
		return nil, 0, err
	}
	var sc script
	last = after
	sc.query(func(scan scanFunc) error {
		var encoded []byte
		err := scan(&last, &encoded)
		marks = record.DecodeMarks(marks, encoded)
		return err
	}, findMarks, bulkID, after, record.MarkedSteps)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return nil, 0, fmt.Errorf("postgres store: list marks: %w", err)
	}
	return marks, last, nil
}

// ownersSince relies on the indexes of ownersEvents.
const ownersSince = `
SELECT DISTINCT e.owner FROM (` + ownersEvents + `) e WHERE e.accepted_at >= $2::timestamptz`

// ownerSet contains contacts, and emails that belong to none.
type ownerSet map[ownerKey]struct{}

// add scans an owner.
func (o ownerSet) add(scan scanFunc) error {
	var owner ownerKey
	err := scan(&owner)
	o[owner] = struct{}{}
	return err
}

// has reports whether the contact is among the owners, by its id or its email.
func (o ownerSet) has(ref automation.ContactRef) bool {
	if len(o) == 0 {
		return false
	}
	_, byID := o[ownerOf(automation.ContactRef{ID: ref.ID})]
	if byID || ref.Email == "" {
		return byID
	}
	_, byEmail := o[ownerOf(automation.ContactRef{Email: ref.Email})]
	return byEmail
}

// FindPending implements automation.BulkStarter.
func (s *Store) FindPending(ctx context.Context, contacts []automation.ContactRef) ([]bool, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	names := make(owners, 0, 2*len(contacts))
	for _, ref := range contacts {
		names = appendOwners(names, ref)
	}
	found := ownerSet{}
	var sc script
	sc.query(found.add, findPending, names)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return nil, fmt.Errorf("postgres store: find pending: %w", err)
	}
	pending := make([]bool, len(contacts))
	for i, ref := range contacts {
		pending[i] = found.has(ref)
	}
	return pending, nil
}

// appendOwners appends what the pending events of a contact may be under.
func appendOwners(names owners, ref automation.ContactRef) owners {
	names = append(names, ownerOf(automation.ContactRef{ID: ref.ID}))
	if ref.Email != "" {
		names = append(names, ownerOf(automation.ContactRef{Email: ref.Email}))
	}
	return names
}

// StartRuns implements automation.BulkStarter. It needs two round trips.
func (s *Store) StartRuns(ctx context.Context, step automation.BulkStep) ([]automation.StartOutcome, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	sets := map[string]struct{}{}
	var started [][]automation.RunChange
	for i := range step.Starts {
		if turn := step.Starts[i].Turn; turn != nil {
			listenedTo(sets, turn.Runs)
			started = append(started, turn.Runs)
		}
	}
	listens, err := s.numberListens(ctx, sets)
	if err != nil {
		return nil, fmt.Errorf("postgres store: start runs: %w", err)
	}
	places, err := s.numberPlaces(ctx, started...)
	if err != nil {
		return nil, fmt.Errorf("postgres store: start runs: %w", err)
	}
	turns, err := s.turns.take(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer s.turns.give(turns)
	var st *starter
	err = s.transact(ctx, func(tx *transaction) error {
		st = &starter{s: s, step: &step, listens: listens, places: places}
		if err := st.read(ctx, tx); err != nil {
			return err
		}
		return tx.commit(ctx, st.write(turns[0]))
	})
	if err != nil {
		return nil, fmt.Errorf("postgres store: start runs: %w", err)
	}
	return st.outcomes, nil
}

// starter writes a step of a bulk.
type starter struct {
	s        *Store
	step     *automation.BulkStep
	outcomes []automation.StartOutcome
	listens  listenNumbers
	places   placeNumbers

	definitions eventDefinitions
	version     int // of the automation, and whether it is enabled
	enabled     bool
	engine      string
	known       map[string]struct{} // ids of contacts
	listening   owners              // the owners of runs that listen to events
	held        ownerSet            // those of them that this transaction has leased
	pending     ownerSet
	since       ownerSet // those of runs that listen, with an event since the read
}

const (
	// shareVersion relies on automations_id.
	shareVersion = `
SELECT a.version, a.status = 'enabled' AND a.deleted_at IS NULL
FROM automation.automations a WHERE a.id = $1::text FOR SHARE OF a`

	// holdFree leases contacts until the end of the transaction: no claim can begin to work on
	// one before it can see the new run. It relies on the primary key of leases.
	holdFree = `
INSERT INTO automation.leases (owner, fence_no, until)
SELECT owner, 0, '-infinity'::timestamptz FROM (SELECT unnest($1::bytea[]) AS owner) u ORDER BY owner
ON CONFLICT DO NOTHING RETURNING owner`
	dropHeld = `DELETE FROM automation.leases WHERE owner = ANY ($1::bytea[]) AND fence_no = 0`

	// shareContacts keeps contacts from being deleted before the end of the transaction. It
	// relies on the primary key.
	shareContacts = `SELECT id FROM automation.contacts WHERE id = ANY ($1::text[]) AND deleted_at IS NULL ORDER BY id FOR SHARE`
)

// read moves the bulk on, locks what must not change, and reads what decides about each start.
func (st *starter) read(ctx context.Context, tx *transaction) error {
	s := st.step
	st.known, st.held, st.pending, st.since, st.definitions = map[string]struct{}{}, ownerSet{}, ownerSet{}, ownerSet{}, eventDefinitions{}
	var ids []string
	var contacts owners
	names := map[string]bool{}
	for i := range s.Starts {
		start := &s.Starts[i]
		e := &start.Event.Event
		names[e.Name] = true
		if !start.Event.HostContact {
			ids = append(ids, e.ContactID)
		}
		if start.Turn != nil {
			contacts = appendOwners(contacts, automation.ContactRef{ID: e.ContactID, Email: start.Email})
		}
		if start.Listens() {
			st.listening = append(st.listening, ownerOf(automation.ContactRef{ID: e.ContactID}))
		}
	}
	moved := false
	var sc script
	sc.query(func(scan scanFunc) error {
		moved = true
		return scan(new(int64))
	}, nextStep, s.BulkID, s.After, s.BegunAt, s.ExpiresAt)
	st.definitions.find(&sc, slices.Collect(maps.Keys(names)))
	sc.exec(shareClaims)
	sc.query(func(scan scanFunc) error { return scan(&st.engine) }, findEngine, record.EngineSource(""))
	sc.query(func(scan scanFunc) error {
		return scan(&st.version, &st.enabled)
	}, shareVersion, s.Version.AutomationID)
	if len(st.listening) > 0 {
		sc.query(st.held.add, holdFree, st.listening)
	}
	if len(ids) > 0 {
		sc.query(func(scan scanFunc) error {
			var id string
			err := scan(&id)
			st.known[id] = struct{}{}
			return err
		}, shareContacts, ids)
	}
	if len(contacts) > 0 {
		sc.query(st.pending.add, findPending, contacts)
	}
	if len(st.listening) > 0 {
		sc.query(st.since.add, ownersSince, st.listening, s.ReadAt)
	}
	if err := tx.run(ctx, sc); err != nil {
		return err
	}
	if !moved {
		return record.BulkMoved(s.BulkID)
	}
	for i := range s.Starts {
		n := &s.Starts[i].Event
		if !record.MatchesDefinition(n, st.definitions.byName(n.Event.Name)) {
			return fmt.Errorf("event %q: %w", n.Event.Name, automation.ErrDefinitionChanged)
		}
	}
	st.outcomes = record.SortStarts(s, st.exists, st.isBusy, st.enabled && st.version == s.Version.Version && st.engine == "")
	return nil
}

func (st *starter) exists(s *automation.RunStart) bool {
	_, ok := st.known[s.Event.Event.ContactID]
	return ok
}

// isBusy reports whether something may come before a start.
func (st *starter) isBusy(s *automation.RunStart) bool {
	ref := automation.ContactRef{ID: s.Event.Event.ContactID}
	if s.Listens() && (!st.held.has(ref) || st.since.has(ref)) {
		return true
	}
	ref.Email = s.Email
	return st.pending.has(ref)
}

// These insert rows of a call.
const (
	insertHandled = `
INSERT INTO automation.events (` + storedEvent + `) SELECT ` + storedEvent + ` FROM (SELECT ` + sentColumns + `) u`
	insertLoose = `
INSERT INTO automation.loose_events (handled_at, event_id, reason)
SELECT unnest($1::timestamptz[]), unnest($2::uuid[]), unnest($3::smallint[])`
)

// write returns the script that writes the step.
func (st *starter) write(slot int16) (sc script) {
	var handled, pending newEvents
	var decisions decisionColumns
	var active, ended newRuns
	var looseAt []time.Time
	var looseEvents uuids
	var looseReasons []int16
	tally := record.Tally[int32]{}
	for i := range st.step.Starts {
		start := &st.step.Starts[i]
		owner := ownerOf(automation.ContactRef{ID: start.Event.Event.ContactID})
		switch st.outcomes[i] {
		case automation.StartPending:
			pending.add(&start.Event, owner)
			continue
		case automation.StartNoContact:
			continue
		}
		turn := start.Turn
		h := &turn.Handled[0]
		own := ownRun(turn, h)
		if own == nil {
			handled.add(&start.Event, owner)
		}
		decisions.add(turn.Decisions, owner)
		if !record.OnlyStartsRuns(turn, h) {
			looseAt, looseEvents = append(looseAt, turn.Now), append(looseEvents, uuidOf(h.ID))
			looseReasons = append(looseReasons, record.ReasonCode(h.Reason))
		}
		for j := range turn.Runs {
			r := &turn.Runs[j]
			placeNo := st.places.of(&r.RunRecord)
			tally.Move(nil, &placeNo)
			runs := &ended
			if record.GoesOn(*r) {
				runs = &active
			}
			var event *runsEvent
			if r == own {
				event = runsEventOf(&start.Event.Event)
			}
			runs.append(&r.RunRecord, placeNo, r.DueAt, st.listens.of(r.Listens), owner, event)
		}
	}
	if len(handled.ids) > 0 {
		sc.exec(insertHandled, handled.args()...)
	}
	if len(pending.ids) > 0 {
		sc.exec(insertEvents, pending.args()...)
	}
	if len(looseEvents) > 0 {
		sc.exec(insertLoose, looseAt, looseEvents, looseReasons)
	}
	active.insertActive(&sc)
	ended.insertEnded(&sc)
	decisions.write(&sc) // after the runs, whose rows may have the events
	sc.exec(insertMarks, st.step.BulkID, st.step.After+1, record.EncodeMarks(st.step.Starts, st.outcomes))
	if len(st.listening) > 0 {
		sc.exec(dropHeld, st.listening)
	}
	st.s.notify(&sc)
	count(&sc, slot, tally) // last, because another process may wait for the same counters
	return sc
}

// pruneBulks removes the bulks that have expired.
func (s *Store) pruneBulks(ctx context.Context, p automation.PruneParams, _ *automation.PruneResult) error {
	var sc script
	sc.exec(deleteExpiredBulks, p.Now)
	return implicit{s}.run(ctx, sc)
}
