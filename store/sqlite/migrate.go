package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/seed-b636437c/automation/store/internal/migration"
)

// Migration is one step from one version of the tables to the next.
type Migration = migration.Migration

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations returns all migrations, in order, for applications that apply them
// with tools of their own. Each one's SQL notes that it was applied.
func Migrations() []Migration {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the name is valid
	}
	all, err := migration.Load(files, noted)
	if err != nil {
		panic(err) // the files are compiled in, and a test loads them
	}
	return all
}

// noted returns a migration's SQL with the statement that notes it.
func noted(m Migration) string {
	return fmt.Sprintf(`%s
INSERT INTO automation_migrations (number, name, floor, applied_at)
VALUES (%d, '%s', %d, CAST(strftime('%%s', 'now') AS INTEGER) * 1000000);
`, strings.TrimRight(m.SQL, "\n"), m.Number, m.Name, m.Floor)
}

// Migrate creates the tables, or brings them to the version that this release of
// the library needs: all of it or, when it fails, nothing. It may be called by any
// number of processes at once. It fails with automation.ErrSchema if the tables
// are of a newer version, which this release cannot work with.
func (s *Store) Migrate(ctx context.Context) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.checkJournal(ctx); err != nil {
		return err
	}
	return s.exclusive(ctx, migrate)
}

func migrate(ctx context.Context, conn *sql.Conn) (err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return failed("migrate", err)
	}
	defer func() {
		if err != nil {
			discardBroken(ctx, conn)
		}
	}()
	known := Migrations()
	have, floor, err := version(ctx, plain{conn})
	if err != nil {
		return failed("migrate", err)
	}
	for ; have < len(known); have++ {
		m := known[have]
		if _, err := conn.ExecContext(ctx, m.SQL); err != nil {
			return failed(fmt.Sprintf("migration %d", m.Number), err)
		}
		floor = max(floor, m.Floor)
	}
	if err := migration.Check(known, have, floor); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "COMMIT"); err != nil {
		return failed("migrate", err)
	}
	return nil
}

// The version of the tables is looked up in two steps, because the first thing
// that many databases lack is the table that tells.
const (
	findMigrations = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'automation_migrations'`
	findVersion    = `SELECT coalesce(max(number), 0), coalesce(max(floor), 0) FROM automation_migrations`
)

// version returns the number of the last migration that was applied, and the
// greatest floor of all.
func version(ctx context.Context, q session) (have, floor int, err error) {
	var one int
	if found, err := first(ctx, q, findMigrations, nil, &one); err != nil || !found {
		return 0, 0, err
	}
	_, err = first(ctx, q, findVersion, nil, &have, &floor)
	return have, floor, err
}

// check fails if the tables are of another version than this release can work
// with. When they were found to be good they are not looked at again.
func (s *Store) ready(ctx context.Context) error {
	if s.checked.Load() {
		return nil
	}
	if err := s.checkJournal(ctx); err != nil {
		return err
	}
	if err := checkVersion(ctx, plain{s.db}); err != nil {
		return err
	}
	s.checked.Store(true)
	return nil
}

func checkVersion(ctx context.Context, q session) error {
	have, floor, err := version(ctx, q)
	if err != nil {
		return failed("version", err)
	}
	if err := migration.Check(Migrations(), have, floor); err != nil {
		return fmt.Errorf("sqlite store: %w", err)
	}
	return nil
}

// checkJournal fails if the database has a rollback journal: readers and the
// writer would keep each other waiting.
func (s *Store) checkJournal(ctx context.Context) error {
	var mode string
	if err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return failed("journal mode", err)
	}
	if mode == "memory" { // as it always is, for a database that is not in a file
		var file string
		if err := s.db.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file); err != nil {
			return failed("journal mode", err)
		}
		if file == "" {
			return nil
		}
	}
	if mode != "wal" {
		return fmt.Errorf("sqlite store: the journal mode is %q: set it once for the database with PRAGMA journal_mode = wal", mode)
	}
	return nil
}
