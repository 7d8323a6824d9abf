package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// All of these rely on the unique index on the id of automations, and on the primary key of
// versions.
const (
	fromVersions = ` a.id, v.version, v.created_at, v.author, CASE WHEN a.deleted_at IS NULL THEN a.name ELSE '' END, v.version = a.version AND a.deleted_at IS NULL
FROM automation_automations a JOIN automation_versions v ON v.automation_no = a.no WHERE a.id = ?1 `

	findAutomationVersion = `SELECT v.definition,` + fromVersions + `AND v.version = ?2`
	olderVersions         = `SELECT NULL,` + fromVersions + `AND v.version < ?2 ORDER BY v.version DESC LIMIT 0 + ?3`
	newerVersions         = `SELECT NULL,` + fromVersions + `AND v.version > ?2 ORDER BY v.version LIMIT 0 + ?3`

	keepsVersions = `SELECT 1 FROM automation_automations a JOIN automation_versions v ON v.automation_no = a.no WHERE a.id = ? LIMIT 1`
)

func scanVersion(rows *sql.Rows) (v automation.VersionRecord, err error) {
	var created nullTime
	err = rows.Scan(&v.Definition, &v.AutomationID, &v.Version, &created, &v.Author, &v.Name, &v.Current)
	v.CreatedAt = created.Time
	return v, err
}

// FindAutomationVersion implements automation.AutomationStore.
func (s *Store) FindAutomationVersion(ctx context.Context, v automation.VersionRef) (rec automation.VersionRecord, err error) {
	err = s.read(ctx, func(q session) error {
		rec, err = findStoredVersion(ctx, q, v)
		return err
	})
	return rec, err
}

func findStoredVersion(ctx context.Context, q session, v automation.VersionRef) (automation.VersionRecord, error) {
	rec, found, err := one(ctx, q, scanVersion, findAutomationVersion, v.AutomationID, v.Version)
	if err == nil && !found {
		return rec, record.VersionNotFound(v)
	}
	return rec, failed("find version", err)
}

// ListAutomationVersions implements automation.AutomationStore.
func (s *Store) ListAutomationVersions(ctx context.Context, automationID string, q automation.PageQuery) (p automation.Page[automation.VersionRecord], err error) {
	err = s.read(ctx, func(r session) error {
		from, err := record.VersionCursor(q)
		if err != nil {
			return err
		}
		var some int
		found, err := first(ctx, r, keepsVersions, args(automationID), &some)
		if err == nil && !found {
			return record.NotFound("automation", automationID)
		}
		if err == nil {
			var rows []automation.VersionRecord
			rows, err = all(ctx, r, scanVersion, record.InDirection(q, olderVersions, newerVersions), automationID, from, q.Limit+1)
			p = record.PageOf(rows, q)
		}
		return failed("list versions", err)
	})
	return p, err
}
