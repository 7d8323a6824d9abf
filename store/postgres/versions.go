package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// All of these rely on automations_id and the primary key of versions.
const (
	fromVersions = ` a.id, v.version, v.created_at, v.author, CASE WHEN a.deleted_at IS NULL THEN a.name ELSE '' END, v.version = a.version AND a.deleted_at IS NULL
FROM automation.automations a JOIN automation.versions v ON v.automation_no = a.no WHERE a.id = $1::text `

	findAutomationVersion = `SELECT v.definition,` + fromVersions + `AND v.version = $2::int`
	olderVersions         = `SELECT NULL::bytea,` + fromVersions + `AND v.version < $2::int ORDER BY v.version DESC LIMIT $3::int`
	newerVersions         = `SELECT NULL::bytea,` + fromVersions + `AND v.version > $2::int ORDER BY v.version LIMIT $3::int`

	keepsVersions = `
SELECT true FROM automation.automations a JOIN automation.versions v ON v.automation_no = a.no WHERE a.id = $1::text LIMIT 1`
)

func scanVersion(scan scanFunc) (v automation.VersionRecord, err error) {
	var created pgtype.Timestamptz
	err = scan(&v.Definition, &v.AutomationID, &v.Version, &created, &v.Author, &v.Name, &v.Current)
	v.CreatedAt = timeOf(created)
	return v, err
}

// FindAutomationVersion implements automation.AutomationStore.
func (s *Store) FindAutomationVersion(ctx context.Context, v automation.VersionRef) (rec automation.VersionRecord, err error) {
	if err := s.ready(ctx); err != nil {
		return rec, err
	}
	found := false
	var sc script
	sc.query(func(scan scanFunc) (err error) {
		found = true
		rec, err = scanVersion(scan)
		return err
	}, findAutomationVersion, v.AutomationID, v.Version)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return rec, fmt.Errorf("postgres store: find version %d of automation %q: %w", v.Version, v.AutomationID, err)
	}
	if !found {
		return rec, record.VersionNotFound(v)
	}
	return rec, nil
}

// ListAutomationVersions implements automation.AutomationStore.
func (s *Store) ListAutomationVersions(ctx context.Context, automationID string, q automation.PageQuery) (p automation.Page[automation.VersionRecord], err error) {
	if err := s.ready(ctx); err != nil {
		return p, err
	}
	from, err := record.VersionCursor(q)
	if err != nil {
		return p, err
	}
	found := false
	var rows []automation.VersionRecord
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&found) }, keepsVersions, automationID)
	sc.query(func(scan scanFunc) error {
		v, err := scanVersion(scan)
		rows = append(rows, v)
		return err
	}, record.InDirection(q, olderVersions, newerVersions), automationID, from, q.Limit+1)
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return p, fmt.Errorf("postgres store: list versions of automation %q: %w", automationID, err)
	}
	if !found {
		return p, record.NotFound("automation", automationID)
	}
	return record.PageOf(rows, q), nil
}
