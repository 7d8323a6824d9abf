package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"time"

	"github.com/ncruces/go-sqlite3/driver"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// sqliteDatabase is a SQLite file.
type sqliteDatabase struct {
	path  string
	db    *sql.DB
	store *sqlite.Store
	close func() error
}

func openSQLite(ctx context.Context, path string, access Access) (*sqliteDatabase, error) {
	if access == Create {
		return createSQLite(ctx, path)
	}
	if err := checkFile(path); err != nil {
		return nil, err
	}
	db, err := driver.Open(dataSource(path, access))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &sqliteDatabase{path: path, db: db, store: sqlite.New(db)}
	s.close = func() error { return errors.Join(s.store.Close(), db.Close()) }
	if _, err := db.ExecContext(ctx, "PRAGMA schema_version"); err != nil { // reads the file, which Ping does not
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, s.close()))
	}
	return s, nil
}

// checkFile returns an error that names the way out, which SQLite's own errors do not.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", path, ErrNoFile)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s: is a folder: name the file in it", path)
	default:
		return nil
	}
}

// createSQLite opens the file as an application does, which brings its tables to the
// version of this release.
func createSQLite(ctx context.Context, path string) (*sqliteDatabase, error) {
	s, err := sqlitefile.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return &sqliteDatabase{path: path, db: s.DB(), store: s.Store, close: s.Close}, nil
}

// dataSource returns the name of a file that exists. In mode ro SQLite refuses to write.
// It may still create the two files in which it coordinates processes beside the file.
func dataSource(path string, access Access) string {
	query := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)"}}
	if access != Read {
		query = url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_pragma": {"busy_timeout(5000)", "synchronous(full)", "foreign_keys(1)"}}
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}
	return u.String()
}

func (d *sqliteDatabase) Store() automation.Store { return d.store }

func (d *sqliteDatabase) Close() error { return d.close() }

func (d *sqliteDatabase) Migrate(ctx context.Context) error { return d.store.Migrate(ctx) }

func sqliteMigrations() []Migration { return listed(sqlite.Migrations()) }

func (d *sqliteDatabase) Migrations(ctx context.Context) ([]Migration, error) {
	var exists bool
	err := d.db.QueryRowContext(ctx, `SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = 'automation_migrations'`).Scan(&exists)
	if err != nil || !exists {
		return sqliteMigrations(), err
	}
	rows, err := d.db.QueryContext(ctx, `SELECT number, name, applied_at FROM automation_migrations ORDER BY number`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var applied []Migration
	for rows.Next() {
		var m Migration
		var at int64
		if err := rows.Scan(&m.Number, &m.Name, &at); err != nil {
			return nil, err
		}
		m.AppliedAt = time.UnixMicro(at).UTC()
		applied = append(applied, m)
	}
	return mark(sqliteMigrations(), applied), rows.Err()
}

func (d *sqliteDatabase) Now(context.Context) (now time.Time, own bool, err error) {
	return time.Time{}, false, nil
}

func (d *sqliteDatabase) Prunable(ctx context.Context, before time.Time) (res automation.PruneResult, err error) {
	const query = `SELECT (SELECT count(*) FROM automation_ended_runs WHERE completed_at < ?1), (SELECT count(*) FROM automation_loose_events WHERE handled_at < ?1)`
	err = d.db.QueryRowContext(ctx, query, before.UnixMicro()).Scan(&res.Runs, &res.Events)
	return res, err
}
