package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

const automationColumns = `a.id, a.name, a.status, a.event_names, a.version, a.revision, a.created_at, a.updated_at, a.stopped_at, a.gathers`

// scanAutomation scans automationColumns, and the columns after them into more.
func scanAutomation(scan scanFunc, more ...any) (automation.AutomationRecord, error) {
	var a automation.AutomationRecord
	var created, updated, stopped pgtype.Timestamptz
	var names []string
	dest := []any{&a.ID, &a.Name, &a.Status, &names, &a.Version, &a.Revision, &created, &updated, &stopped, &a.Gathers}
	err := scan(append(dest, more...)...)
	record.SetTriggerNames(&a, names)
	a.CreatedAt, a.UpdatedAt, a.StoppedAt = timeOf(created), timeOf(updated), timeOf(stopped)
	return a, err
}

// Both rely on automations_id, and isUsed on places_key and the primary keys of versions and run_counts.
// Under the lock no transaction can project a run, which may be of a version that is not
// kept. isUsed is a statement of its own, because it must see what was written before the
// lock was free.
const (
	lockAutomation = `
SELECT no, version, deleted_at IS NOT NULL FROM automation.automations WHERE id = $1::text FOR UPDATE`

	isUsed = `
SELECT EXISTS (SELECT FROM automation.versions v WHERE v.automation_no = a.no)
	OR coalesce((SELECT sum(c.n) FROM automation.places p JOIN automation.run_counts c ON c.place_no = p.no WHERE p.automation_id = a.id), 0) > 0
FROM automation.automations a WHERE id = $1::text`
)

// storedAutomation is the row of an automation that may be deleted.
type storedAutomation struct {
	no      int64
	version int
	deleted bool
	used    bool // at least one of its versions or runs is kept
}

// lockAutomation locks and returns the row of an automation. Its number is 0 if there is
// none.
func (s *Store) lockAutomation(ctx context.Context, tx *transaction, id string) (row storedAutomation, err error) {
	var sc script
	sc.query(func(scan scanFunc) error {
		return scan(&row.no, &row.version, &row.deleted)
	}, lockAutomation, id)
	sc.query(func(scan scanFunc) error { return scan(&row.used) }, isUsed, id)
	return row, tx.run(ctx, sc)
}

const (
	forgetAutomation = `DELETE FROM automation.automations WHERE no = $1::bigint`

	insertAutomation = `
WITH a AS (
	INSERT INTO automation.automations (id, name, status, event_names, version, revision, created_at, updated_at, stopped_at, gathers)
	VALUES ($1::text, $2::text, $3::text, $4::text[], $5::int, $6::int, $7::timestamptz, $8::timestamptz, $10::timestamptz, $12::boolean)
	RETURNING no
), t AS (
	INSERT INTO automation.triggers (event_name, automation_no) SELECT unnest($4::text[]), no FROM a
)
INSERT INTO automation.versions (automation_no, version, definition, created_at, author)
SELECT no, $5::int, $9::bytea, $8::timestamptz, $11::text FROM a`
)

// InsertAutomation implements automation.AutomationStore.
func (s *Store) InsertAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	err := s.transact(ctx, func(tx *transaction) error {
		old, err := s.lockAutomation(ctx, tx, a.ID)
		switch {
		case err != nil:
			return err
		case old.no != 0 && !old.deleted:
			return record.AutomationExists(a.ID)
		case old.used:
			return record.AutomationHasRuns(a.ID)
		}
		var sc script
		sc.exec(forgetAutomation, old.no)
		sc.exec(insertAutomation, a.ID, a.Name, string(a.Status), a.TriggerNames(), old.version+1, a.Revision,
			timeOrNull(a.CreatedAt), timeOrNull(a.UpdatedAt), definitionOrEmpty(a), timeOrNull(a.StoppedAt), a.Author, a.Gathers)
		return tx.commit(ctx, sc)
	})
	if errorCode(err) == uniqueViolation {
		return record.AutomationExists(a.ID)
	}
	if err != nil {
		return fmt.Errorf("postgres store: insert automation: %w", err)
	}
	return nil
}

// definitionOrEmpty returns the definition for a column that is never NULL.
func definitionOrEmpty(a automation.AutomationRecord) []byte {
	if a.Definition == nil {
		return []byte{}
	}
	return a.Definition
}

// updateAutomation relies on automations_id.
const updateAutomation = `
WITH a AS (
	UPDATE automation.automations
	SET name = $2::text, status = $3::text, event_names = $4::text[], version = $5::int, revision = $6::int,
		created_at = $7::timestamptz, updated_at = $8::timestamptz, stopped_at = $10::timestamptz, gathers = $12::boolean
	WHERE id = $1::text AND revision = $6::int - 1 AND deleted_at IS NULL
	RETURNING no
), v AS (
	INSERT INTO automation.versions (automation_no, version, definition, created_at, author)
	SELECT no, $5::int, $9::bytea, $8::timestamptz, $11::text FROM a
	ON CONFLICT DO NOTHING
), gone AS (
	DELETE FROM automation.triggers t USING a WHERE t.automation_no = a.no AND t.event_name <> ALL ($4::text[])
), t AS (
	INSERT INTO automation.triggers (event_name, automation_no) SELECT unnest($4::text[]), no FROM a
	ON CONFLICT DO NOTHING
)
SELECT no FROM a`

// takeTurn waits for the commits in progress that share an automation, and makes later
// ones wait. Otherwise there could always be another commit that shares the row.
const takeTurn = `LOCK TABLE automation.automations IN EXCLUSIVE MODE`

// UpdateAutomation implements automation.AutomationStore.
func (s *Store) UpdateAutomation(ctx context.Context, a automation.AutomationRecord) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	var no int64
	var sc script
	sc.exec(takeTurn)
	sc.query(func(scan scanFunc) error { return scan(&no) }, updateAutomation, a.ID, a.Name, string(a.Status), a.TriggerNames(),
		a.Version, a.Revision, timeOrNull(a.CreatedAt), timeOrNull(a.UpdatedAt), definitionOrEmpty(a), timeOrNull(a.StoppedAt), a.Author, a.Gathers)
	if err := s.transact(ctx, func(tx *transaction) error { return tx.commit(ctx, sc) }); err != nil {
		return fmt.Errorf("postgres store: update automation %q: %w", a.ID, err)
	}
	if no != 0 {
		return nil
	}
	current, err := s.FindAutomation(ctx, a.ID)
	if err != nil {
		return err
	}
	return record.AutomationChanged(&a, current.Revision)
}

// findAutomation relies on automations_id and the primary key of versions.
const findAutomation = `
SELECT ` + automationColumns + `, a.deleted_at IS NOT NULL, v.definition
FROM automation.automations a LEFT JOIN automation.versions v ON v.automation_no = a.no AND v.version = a.version
WHERE a.id = $1::text`

// FindAutomation implements automation.AutomationStore.
func (s *Store) FindAutomation(ctx context.Context, id string) (automation.AutomationRecord, error) {
	var a automation.AutomationRecord
	if err := s.ready(ctx); err != nil {
		return a, err
	}
	found, deleted := false, false
	var sc script
	sc.query(func(scan scanFunc) (err error) {
		var definition []byte
		found = true
		a, err = scanAutomation(scan, &deleted, &definition)
		a.Definition = definition
		return err
	}, findAutomation, id)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return a, fmt.Errorf("postgres store: find automation %q: %w", id, err)
	}
	switch {
	case !found:
		return automation.AutomationRecord{}, record.NotFound("automation", id)
	case deleted:
		return automation.AutomationRecord{}, record.Deleted("automation", id)
	default:
		return a, nil
	}
}

// The lists rely on the primary key of automations.
const (
	findAutomationNo = `SELECT no FROM automation.automations WHERE id = $1::text AND deleted_at IS NULL`

	listAutomations = `
SELECT ` + automationColumns + ` FROM automation.automations a
WHERE a.deleted_at IS NULL AND ($3::text = '' OR a.status = $3::text) AND `
	olderAutomations = listAutomations + `a.no < $1::bigint ORDER BY a.no DESC LIMIT $2::int`
	newerAutomations = listAutomations + `a.no > $1::bigint ORDER BY a.no LIMIT $2::int`
)

// ListAutomations implements automation.AutomationStore.
func (s *Store) ListAutomations(ctx context.Context, q automation.AutomationQuery) (automation.Page[automation.AutomationRecord], error) {
	return lister[automation.AutomationRecord]{
		kind: "automation", number: findAutomationNo, older: olderAutomations, newer: newerAutomations,
		scan: func(scan scanFunc) (automation.AutomationRecord, error) { return scanAutomation(scan) },
	}.page(ctx, s, q.PageQuery, string(q.Status))
}

// These rely on primary keys. deleteTriggers reads all triggers, which are few. The number of a version's runs cannot grow while its
// automation is locked.
const (
	deleteTriggers = `DELETE FROM automation.triggers WHERE automation_no = $1::bigint`

	markDeleted  = `UPDATE automation.automations SET deleted_at = $2::timestamptz WHERE no = $1::bigint`
	deleteUnused = `
DELETE FROM automation.versions v
WHERE v.automation_no = $1::bigint AND coalesce((
	SELECT sum(c.n) FROM automation.places p JOIN automation.run_counts c ON c.place_no = p.no WHERE p.automation_id = $2::text AND p.version = v.version), 0) = 0`
)

// DeleteAutomation implements automation.AutomationStore. It records a cancel for most
// runs before the transaction that deletes the automation. If the process crashes in
// between, the call can be repeated.
func (s *Store) DeleteAutomation(ctx context.Context, id string, now time.Time) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if _, err := s.countRunning(ctx, id); err != nil {
		return err
	}
	if err := s.cancelMost(ctx, id, now); err != nil {
		return fmt.Errorf("postgres store: delete automation %q: %w", id, err)
	}
	err := s.transact(ctx, func(tx *transaction) error {
		row, err := s.lockAutomation(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.no == 0 || row.deleted {
			return record.NotFound("automation", id)
		}
		var sc script
		// A commit may hold these leases and wait for the automation. The server then
		// aborts one of the two transactions, which begins again.
		sc.exec(lockPlaces)
		sc.exec(parkOfAutomation, id)
		sc.exec(cancelRest, id, now)
		sc.exec(deleteUnused, row.no, id)
		sc.exec(deleteTriggers, row.no)
		sc.exec(deleteEntriesOf, row.no)
		sc.exec(markDeleted, row.no, now)
		s.notify(&sc)
		return tx.commit(ctx, sc)
	})
	if err != nil {
		return fmt.Errorf("postgres store: delete automation: %w", err)
	}
	return nil
}
