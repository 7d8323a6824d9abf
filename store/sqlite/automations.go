package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// storedAutomation is a row of automation_automations.
type storedAutomation struct {
	automation.AutomationRecord
	no      int64
	deleted nullTime
}

const selectAutomation = `
SELECT a.no, a.id, a.name, a.status, a.event_names, a.version, a.revision, a.created_at, a.updated_at, a.stopped_at, a.deleted_at, a.gathers
FROM automation_automations a`

func scanStoredAutomation(rows *sql.Rows) (a storedAutomation, err error) {
	var created, updated timestamp
	var stopped nullTime
	var names nullText
	err = rows.Scan(&a.no, &a.ID, &a.Name, &a.Status, &names, &a.Version, &a.Revision, &created, &updated, &stopped, &a.deleted, &a.Gathers)
	if err != nil {
		return a, err
	}
	a.CreatedAt, a.UpdatedAt, a.StoppedAt = created.Time, updated.Time, stopped.Time
	list, err := record.DecodeNames(string(names))
	record.SetTriggerNames(&a.AutomationRecord, list)
	return a, err
}

func scanAutomation(rows *sql.Rows) (automation.AutomationRecord, error) {
	a, err := scanStoredAutomation(rows)
	return a.AutomationRecord, err
}

// findAutomation relies on the unique index on id.
const findAutomation = selectAutomation + ` WHERE a.id = ?`

// findStoredAutomation returns an automation. A deleted one counts as not found.
func findStoredAutomation(ctx context.Context, q session, id string) (storedAutomation, error) {
	a, found, err := one(ctx, q, scanStoredAutomation, findAutomation, id)
	if err == nil && !found {
		return a, record.NotFound("automation", id)
	}
	if err == nil && !a.deleted.IsZero() {
		return a, record.Deleted("automation", id)
	}
	return a, failed("find automation", err)
}

const (
	insertAutomation = `
INSERT INTO automation_automations (id, name, status, event_names, version, revision, created_at, updated_at, stopped_at, gathers)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	forgetAutomation = `DELETE FROM automation_automations WHERE no = ?`
	// anyUse relies on the primary key of versions and the unique index of places. A run that
	// was projected may be of a version that is not kept.
	anyUse = `
SELECT 1 FROM automation_versions WHERE automation_no = ?1 UNION ALL
SELECT 1 FROM automation_places WHERE automation_no = ?1 AND n > 0 LIMIT 1`
)

// InsertAutomation implements automation.AutomationStore.
func (s *Store) InsertAutomation(ctx context.Context, a automation.AutomationRecord) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		old, found, err := one(ctx, tx, scanStoredAutomation, findAutomation, a.ID)
		if err != nil {
			return failed("insert automation", err)
		}
		if found {
			if err := tx.makeRoom(ctx, &old); err != nil {
				return err
			}
		}
		a.Version = old.Version + 1
		res, err := tx.exec(ctx, insertAutomation, a.ID, a.Name, string(a.Status), record.EncodeNames(a.TriggerNames()), a.Version, a.Revision,
			a.CreatedAt.UnixMicro(), a.UpdatedAt.UnixMicro(), timeOrNull(a.StoppedAt), a.Gathers)
		if err != nil {
			return failed("insert automation", err)
		}
		no, err := res.LastInsertId()
		if err != nil {
			return failed("insert automation", err)
		}
		if err := tx.insertTriggers(ctx, no, &a); err != nil {
			return err
		}
		return tx.define(ctx, no, &a)
	})
}

// makeRoom removes a deleted automation whose id a new one gets. It refuses to if the
// old one is not deleted, or if runs of it are kept.
func (tx *transaction) makeRoom(ctx context.Context, old *storedAutomation) error {
	if old.deleted.IsZero() {
		return record.AutomationExists(old.ID)
	}
	var some int
	kept, err := first(ctx, tx, anyUse, args(old.no), &some)
	if err == nil && kept {
		return record.AutomationHasRuns(old.ID)
	}
	if err == nil {
		_, err = tx.exec(ctx, forgetAutomation, old.no)
	}
	return failed("insert automation", err)
}

const insertVersion = `
INSERT INTO automation_versions (automation_no, version, definition, created_at, author) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

// define inserts a's version, if it is new.
func (tx *transaction) define(ctx context.Context, no int64, a *automation.AutomationRecord) error {
	definition := a.Definition
	if definition == nil {
		definition = []byte{}
	}
	_, err := tx.exec(ctx, insertVersion, no, a.Version, definition, timeOrNull(a.UpdatedAt), a.Author)
	return failed("define automation", err)
}

const updateAutomation = `
UPDATE automation_automations SET name = ?, status = ?, event_names = ?, version = ?, revision = ?, created_at = ?, updated_at = ?, stopped_at = ?, gathers = ?
WHERE no = ?`

// UpdateAutomation implements automation.AutomationStore.
func (s *Store) UpdateAutomation(ctx context.Context, a automation.AutomationRecord) error {
	return s.write(ctx, func(ctx context.Context, tx *transaction) error {
		old, err := findStoredAutomation(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		if old.Revision != a.Revision-1 {
			return record.AutomationChanged(&a, old.Revision)
		}
		if err := tx.deleteTriggers(ctx, old.no); err != nil {
			return err
		}
		_, err = tx.exec(ctx, updateAutomation, a.Name, string(a.Status), record.EncodeNames(a.TriggerNames()), a.Version, a.Revision,
			a.CreatedAt.UnixMicro(), a.UpdatedAt.UnixMicro(), timeOrNull(a.StoppedAt), a.Gathers, old.no)
		if err != nil {
			return failed("update automation", err)
		}
		if err := tx.insertTriggers(ctx, old.no, &a); err != nil {
			return err
		}
		return tx.define(ctx, old.no, &a)
	})
}

// FindAutomation implements automation.AutomationStore.
func (s *Store) FindAutomation(ctx context.Context, id string) (a automation.AutomationRecord, err error) {
	err = s.read(ctx, func(q session) error {
		stored, err := findStoredAutomation(ctx, q, id)
		if err != nil {
			return err
		}
		a = stored.AutomationRecord
		v, err := findStoredVersion(ctx, q, automation.VersionRef{AutomationID: id, Version: a.Version})
		a.Definition = v.Definition
		return err
	})
	return a, err
}

// The lists rely on the primary key, from the cursor on. They read past automations that
// do not match, because there are few automations. The plus keeps SQLite from another
// index.
const (
	olderAutomations = selectAutomation + ` WHERE +a.deleted_at IS NULL AND (?1 = '' OR a.status = ?1) AND a.no < ?2 ORDER BY a.no DESC LIMIT 0 + ?3`
	newerAutomations = selectAutomation + ` WHERE +a.deleted_at IS NULL AND (?1 = '' OR a.status = ?1) AND a.no > ?2 ORDER BY a.no LIMIT 0 + ?3`
	findAutomationNo = `SELECT no FROM automation_automations WHERE id = ? AND deleted_at IS NULL`
)

// ListAutomations implements automation.AutomationStore.
func (s *Store) ListAutomations(ctx context.Context, q automation.AutomationQuery) (automation.Page[automation.AutomationRecord], error) {
	list := lister[automation.AutomationRecord]{
		kind: "automation", number: findAutomationNo, scan: scanAutomation,
		older: olderAutomations, newer: newerAutomations,
	}
	return list.page(ctx, s, q.PageQuery, q.After+q.Before, string(q.Status))
}

const (
	markDeleted = `UPDATE automation_automations SET deleted_at = ?, updated_at = ? WHERE no = ?`
	// deleteUnused relies on the primary key and the unique index of places. A place can
	// be left with no runs.
	deleteUnused = `
DELETE FROM automation_versions WHERE automation_no = ?1 AND NOT EXISTS (
	SELECT 1 FROM automation_places WHERE automation_places.automation_no = ?1 AND automation_places.version = automation_versions.version AND n > 0)`
)

// DeleteAutomation implements automation.AutomationStore.
func (s *Store) DeleteAutomation(ctx context.Context, id string, now time.Time) error {
	anyway := func(context.Context, *transaction) error { return nil }
	_, err := s.cancelAll(ctx, id, now, anyway, func(ctx context.Context, tx *transaction, no int64) error {
		if _, err := tx.exec(ctx, markDeleted, now.UnixMicro(), now.UnixMicro(), no); err != nil {
			return failed("delete automation", err)
		}
		if err := tx.deleteTriggers(ctx, no); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, deleteEntriesOf, no); err != nil {
			return failed("delete automation", err)
		}
		_, err := tx.exec(ctx, deleteUnused, no)
		return failed("delete automation", err)
	})
	return err
}
