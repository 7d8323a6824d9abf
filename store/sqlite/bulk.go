package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// These rely on the primary keys.
const (
	findBulk  = `SELECT content_hash, begun_at, expires_at, step FROM automation_bulks WHERE id = ?`
	beginBulk = `
INSERT INTO automation_bulks (id, content_hash, begun_at, expires_at, step) VALUES (?, ?, ?, ?, 0)
ON CONFLICT (id) DO UPDATE SET content_hash = excluded.content_hash, begun_at = excluded.begun_at, expires_at = excluded.expires_at, step = 0`
	deleteMarks = `DELETE FROM automation_bulk_marks WHERE bulk_id = ?`
	findMarks   = `SELECT step, marks FROM automation_bulk_marks WHERE bulk_id = ? AND step > ? ORDER BY step LIMIT 0 + ?`
	nextStep    = `UPDATE automation_bulks SET step = step + 1, expires_at = ? WHERE id = ? AND step = ? AND begun_at = ?`
	insertMarks = `INSERT INTO automation_bulk_marks (bulk_id, step, marks) VALUES (?, ?, ?)`
	// These scan the bulks, of which there are as many as were called lately.
	deleteExpiredMarks = `
DELETE FROM automation_bulk_marks WHERE bulk_id IN (SELECT id FROM automation_bulks WHERE expires_at <= ?)`
	deleteExpiredBulks = `DELETE FROM automation_bulks WHERE expires_at <= ?`
)

// BeginBulk implements automation.BulkStarter.
func (s *Store) BeginBulk(ctx context.Context, b automation.BulkRecord) (kept automation.BulkRecord, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *transaction) error {
		known := automation.BulkRecord{ID: b.ID}
		var begun, expires timestamp
		found, err := first(ctx, tx, findBulk, args(b.ID), &known.ContentHash, &begun, &expires, &known.Step)
		known.BegunAt, known.ExpiresAt = begun.Time, expires.Time
		switch {
		case err != nil:
			return failed("begin bulk", err)
		case found && known.ExpiresAt.After(b.BegunAt) && known.ContentHash != b.ContentHash:
			return record.BulkDiffers(b.ID)
		case found && known.ExpiresAt.After(b.BegunAt):
			kept = known
			return nil
		}
		if _, err := tx.exec(ctx, deleteMarks, b.ID); err != nil {
			return failed("begin bulk", err)
		}
		kept, kept.Step = b, 0
		_, err = tx.exec(ctx, beginBulk, b.ID, b.ContentHash, b.BegunAt.UnixMicro(), b.ExpiresAt.UnixMicro())
		return failed("begin bulk", err)
	})
	if err != nil {
		return automation.BulkRecord{}, err
	}
	return kept, nil
}

// ListBulkMarks implements automation.BulkStarter.
func (s *Store) ListBulkMarks(ctx context.Context, bulkID string, after int64) (marks []automation.BulkMark, last int64, err error) {
	last = after
	err = s.read(ctx, func(q session) error {
		scan := func(rows *sql.Rows) (encoded []byte, err error) {
			err = rows.Scan(&last, &encoded)
			return encoded, err
		}
		use := func(encoded []byte) { marks = record.DecodeMarks(marks, encoded) }
		return failed("list marks", each(ctx, q, scan, use, findMarks, bulkID, after, record.MarkedSteps))
	})
	if err != nil {
		return nil, 0, err
	}
	return marks, last, nil
}

const (
	havePending = `SELECT EXISTS (SELECT 1 FROM automation_pending)`
	// pendingOwners relies on the primary key.
	pendingOwners = forKeys + `
SELECT k FROM keys WHERE EXISTS (SELECT 1 FROM automation_pending p WHERE p.owner = k)`
	// knownOwners relies on the unique index on id.
	knownOwners = forKeys + `
SELECT c.id FROM keys CROSS JOIN automation_contacts c ON c.id = k WHERE c.deleted_at IS NULL`
	// ownersSince relies on automation_events_owner, the indexes on the owner of each table of runs,
	// and the primary key of leases. It leaves out what is pending, which pendingOwners finds.
	ownersSince = forKeys + `
SELECT k FROM keys WHERE EXISTS (SELECT 1 FROM automation_events e WHERE e.owner = k AND e.accepted_at >= ?33)
	OR EXISTS (SELECT 1 FROM automation_active_runs r WHERE r.owner = k AND r.created_at - r.event_age >= ?33)
	OR EXISTS (SELECT 1 FROM automation_ended_runs r WHERE r.owner = k AND r.created_at - r.event_age >= ?33)
	OR EXISTS (SELECT 1 FROM automation_begun_runs r WHERE r.owner = k AND r.created_at - r.event_age >= ?33)`
)

// FindPending implements automation.BulkStarter.
func (s *Store) FindPending(ctx context.Context, contacts []automation.ContactRef) ([]bool, error) {
	pending := make([]bool, len(contacts))
	err := s.read(ctx, func(q session) error {
		found, err := findPendingOf(ctx, q, contacts)
		for i, ref := range contacts {
			pending[i] = found.has(ref)
		}
		return failed("find pending", err)
	})
	if err != nil {
		return nil, err
	}
	return pending, nil
}

// owners are keys of contacts and of emails.
type owners map[key]struct{}

func (o owners) add(k key) { o[k] = struct{}{} }

// has reports whether the contact is among the owners, by its id or its email.
func (o owners) has(ref automation.ContactRef) bool {
	if len(o) == 0 {
		return false
	}
	_, byID := o[idKey(ref.ID)]
	if byID || ref.Email == "" {
		return byID
	}
	_, byEmail := o[ownerKey(automation.ContactRef{Email: ref.Email})]
	return byEmail
}

// findPendingOf returns those of the contacts and their emails that have pending events.
func findPendingOf(ctx context.Context, q session, contacts []automation.ContactRef) (owners, error) {
	found := owners{}
	var any bool
	if _, err := first(ctx, q, havePending, nil, &any); err != nil || !any {
		return found, err
	}
	keys := make([]key, 0, 2*len(contacts))
	for _, ref := range contacts {
		keys = append(keys, idKey(ref.ID))
		if ref.Email != "" {
			keys = append(keys, ownerKey(automation.ContactRef{Email: ref.Email}))
		}
	}
	return found, lookup(ctx, q, scanKey, pendingOwners, keys, found.add)
}

// StartRuns implements automation.BulkStarter.
func (s *Store) StartRuns(ctx context.Context, step automation.BulkStep) (outcomes []automation.StartOutcome, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *transaction) (err error) {
		outcomes, err = (&starter{committer: newCommitter(tx), step: &step}).write(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// starter writes a step of a bulk.
type starter struct {
	*committer
	step     *automation.BulkStep
	outcomes []automation.StartOutcome
	known    owners // contacts of this store
	pending  owners
	since    owners         // those of runs that listen, with a handled event since the read
	events   []startedEvent // of the starts
}

// startedEvent is where the event of a start is.
type startedEvent struct {
	no  sql.NullInt64 // of an event in a row of its own
	run runEvent      // of an event in the row of the run
}

func (st *starter) write(ctx context.Context) ([]automation.StartOutcome, error) {
	s := st.step
	for i := range s.Starts {
		n := &s.Starts[i].Event
		definition, err := definitionByName(ctx, st.tx, n.Event.Name)
		if err != nil {
			return nil, err
		}
		if !record.MatchesDefinition(n, definition) {
			return nil, fmt.Errorf("sqlite store: event %q: %w", n.Event.Name, automation.ErrDefinitionChanged)
		}
	}
	moved, err := changed(ctx, st.tx, nextStep, s.ExpiresAt.UnixMicro(), s.BulkID, s.After, s.BegunAt.UnixMicro())
	if err != nil {
		return nil, failed("start runs", err)
	}
	if moved == 0 {
		return nil, record.BulkMoved(s.BulkID)
	}
	for _, do := range []func(context.Context) error{st.sort, st.keepEvents, st.keepRuns} {
		if err := do(ctx); err != nil {
			return nil, failed("start runs", err)
		}
	}
	_, err = st.tx.exec(ctx, insertMarks, s.BulkID, s.After+1, record.EncodeMarks(s.Starts, st.outcomes))
	return st.outcomes, failed("start runs", err)
}

// newestVersion relies on the unique index on id.
const newestVersion = `SELECT version FROM automation_automations WHERE id = ? AND status = 'enabled' AND deleted_at IS NULL`

// isCurrent reports whether the turns of the step may be written.
func (st *starter) isCurrent(ctx context.Context) (bool, error) {
	var version int
	v := st.step.Version
	enabled, err := first(ctx, st.tx, newestVersion, args(v.AutomationID), &version)
	if err != nil || !enabled || version != v.Version {
		return false, err
	}
	err = checkEngine(ctx, st.tx, "")
	if errors.Is(err, automation.ErrCatalog) {
		return false, nil
	}
	return err == nil, err
}

// sort reads what decides about each start.
func (st *starter) sort(ctx context.Context) error {
	current, err := st.isCurrent(ctx)
	if err != nil {
		return err
	}
	st.known, st.since = owners{}, owners{}
	starts := st.step.Starts
	contacts, stored, listening := make([]automation.ContactRef, len(starts)), make([]key, 0, len(starts)), []key(nil)
	for i := range starts {
		s := &starts[i]
		k := idKey(s.Event.Event.ContactID)
		contacts[i] = automation.ContactRef{ID: s.Event.Event.ContactID, Email: s.Email}
		if !s.Event.HostContact {
			stored = append(stored, k)
		}
		if s.Listens() {
			listening = append(listening, k)
		}
	}
	if err := lookup(ctx, st.tx, scanKey, knownOwners, stored, st.known.add); err != nil {
		return err
	}
	if current {
		if st.pending, err = findPendingOf(ctx, st.tx, contacts); err == nil {
			err = lookup(ctx, st.tx, scanKey, ownersSince, listening, st.since.add, st.step.ReadAt.UnixMicro())
		}
	}
	st.outcomes = record.SortStarts(st.step,
		func(s *automation.RunStart) bool {
			_, ok := st.known[idKey(s.Event.Event.ContactID)]
			return ok
		},
		func(s *automation.RunStart) bool {
			ref := automation.ContactRef{ID: s.Event.Event.ContactID, Email: s.Email}
			return st.pending.has(ref) || s.Listens() && st.since.has(automation.ContactRef{ID: ref.ID})
		}, current)
	return err
}

// rowsAtOnce is how many rows of a bulk one statement inserts, which costs less than as many
// statements.
const rowsAtOnce = 25

// inserted returns an INSERT with n rows of columns.
func inserted(into string, columns, n int) string {
	row := "(" + strings.Repeat("?, ", columns-1) + "?)"
	return into + " VALUES " + strings.Repeat(row+", ", n-1) + row
}

var insertActiveRuns = inserted(`INSERT INTO automation_active_runs `+activeValues, 16, rowsAtOnce)

// insertRows executes many for as many rows as it has, and one for each of the rest.
func (tx *transaction) insertRows(ctx context.Context, one, many string, rows [][]any) error {
	for len(rows) >= rowsAtOnce {
		values := make([]any, 0, rowsAtOnce*len(rows[0]))
		for _, row := range rows[:rowsAtOnce] {
			values = append(values, row...)
		}
		if _, err := tx.exec(ctx, many, values...); err != nil {
			return err
		}
		rows = rows[rowsAtOnce:]
	}
	for _, row := range rows {
		if _, err := tx.exec(ctx, one, row...); err != nil {
			return err
		}
	}
	return nil
}

// keepEvents keeps the events that do not go into the row of a run, and what became of them.
func (st *starter) keepEvents(ctx context.Context) error {
	st.events = make([]startedEvent, len(st.step.Starts))
	alone := 0
	for i := range st.events {
		in, err := st.inRun(i)
		if err != nil {
			return err
		}
		if st.events[i].run = in; !in.age.Valid && st.outcomes[i] != automation.StartNoContact {
			alone++
		}
	}
	if alone == 0 {
		return nil
	}
	no, err := eventNumbers(ctx, st.tx, alone)
	if err != nil {
		return err
	}
	for i := range st.events {
		e := &st.events[i]
		if e.run.age.Valid || st.outcomes[i] == automation.StartNoContact {
			continue
		}
		e.no = sql.NullInt64{Int64: no, Valid: true}
		if err := st.keepEvent(ctx, i, no); err != nil {
			return err
		}
		no++
	}
	return nil
}

// inRun returns the event of a start for the row of its run. It has no age if it does not go there.
func (st *starter) inRun(i int) (in runEvent, err error) {
	s := &st.step.Starts[i]
	if st.outcomes[i] != automation.StartHandled {
		return in, nil
	}
	w := &transitionWrite{t: s.Turn, runs: make([]currentRun, len(s.Turn.Runs))}
	e := &storedEvent{Event: s.Event.Event, owner: idKey(s.Event.Event.ContactID)}
	at := soleRun(w, &s.Turn.Handled[0], e)
	if at < 0 {
		return in, nil
	}
	return e.inRun(s.Turn.Runs[at].CreatedAt)
}

// keepEvent keeps the event of a start in a row of its own: as a pending one that is left to a
// claim, or as a handled one with what became of it.
func (st *starter) keepEvent(ctx context.Context, i int, no int64) error {
	s := &st.step.Starts[i]
	owner := idKey(s.Event.Event.ContactID)
	if st.outcomes[i] == automation.StartPending {
		n, err := changed(ctx, st.tx, insertForOwner, pendingColumns(&s.Event, no, owner.column())...)
		if err == nil && n == 0 { // no refusal: that would keep what the step has written
			err = fmt.Errorf("event %q exists already", s.Event.Event.ID)
		}
		return err
	}
	e := &numberedEvent{storedEvent: storedEvent{Event: s.Event.Event, owner: owner}, no: no}
	if err := st.tx.insertHandled(ctx, e); err != nil {
		return err
	}
	if h := &s.Turn.Handled[0]; !record.OnlyStartsRuns(s.Turn, h) {
		_, err := st.tx.exec(ctx, insertLoose, s.Turn.Now.UnixMicro(), no, record.ReasonCode(h.Reason), nil)
		if err != nil {
			return err
		}
	}
	return st.decide(ctx, s.Turn.Decisions)
}

// keepRuns inserts the runs.
func (st *starter) keepRuns(ctx context.Context) error {
	var starting []int
	for i := range st.step.Starts {
		if st.outcomes[i] == automation.StartHandled && len(st.step.Starts[i].Turn.Runs) > 0 {
			starting = append(starting, i)
		}
	}
	if err := st.takeNumbers(ctx, len(starting)); err != nil {
		return err
	}
	active := make([][]any, 0, len(starting))
	for _, i := range starting {
		turn := st.step.Starts[i].Turn
		change := &turn.Runs[0]
		version, err := st.mayStart(ctx, change)
		if err != nil {
			return err
		}
		at, err := st.placeNumber(ctx, version.place(change))
		if err != nil {
			return err
		}
		r := runRow{table: endedRuns, due: change.DueAt}
		if record.GoesOn(*change) {
			r.table = activeRuns
		}
		if r.listens, err = st.tx.listenNumber(ctx, change.Listens); err != nil {
			return err
		}
		row := args(st.number, idKey(change.ContactID).column(), idKey(change.ID).column(), st.events[i].no, change.CreatedAt.UnixMicro())
		row = append(append(append(row, st.events[i].run.columns()...), at), r.columns(change)...)
		st.noteStarted(at)
		if r.table == activeRuns {
			active = append(active, row)
			continue
		}
		if _, err := st.tx.exec(ctx, insertEnded, row...); err != nil {
			return err
		}
	}
	if err := st.tx.insertRows(ctx, insertActive, insertActiveRuns, active); err != nil {
		return err
	}
	return st.tx.count(ctx, st.tally)
}
