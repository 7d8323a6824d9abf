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
// with tools of their own. The SQL of each one records that it was applied.
func Migrations() []Migration {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the name of the folder is valid
	}
	all, err := migration.Read(files, recorded)
	if err != nil {
		panic(err) // the files are compiled in, and tests load them
	}
	return all
}

// recorded returns a migration's SQL with the statement that records it.
func recorded(m Migration) string {
	return fmt.Sprintf(`%s
INSERT INTO automation_migrations (number, name, floor, applied_at)
VALUES (%d, '%s', %d, CAST(strftime('%%s', 'now') AS INTEGER) * 1000000);
`, strings.TrimRight(m.SQL, "\n"), m.Number, m.Name, m.Floor)
}

// Migrate creates the tables, or brings them to the version that this release of
// the library needs. If it fails, it has changed nothing. Any number of processes may
// call it at once. It fails with automation.ErrSchema if the tables are of a newer
// version that this release cannot work with.
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

// version finds the version of the tables in two steps, because a database without
// tables also lacks the table with the versions.
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

// ready fails if the tables are of a version that this release cannot work with. Once
// it has succeeded it does not check again.
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

// checkVersion fails if the tables are of a version that this release cannot work with.
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

// checkJournal fails if the database has a rollback journal, with which readers and the
// writer would wait for each other.
func (s *Store) checkJournal(ctx context.Context) error {
	var mode string
	if err := s.db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return failed("journal mode", err)
	}
	if mode == "memory" { // the only mode of a database that is not in a file
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
