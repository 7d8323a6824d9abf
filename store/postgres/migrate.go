package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/migration"
)

//go:embed migrations
var files embed.FS

// Migration is one step from one version of the tables to the next. Its SQL is
// complete: it can be applied by hand, or by a tool of the host, and it records that it
// was applied, for Migrate and the Store.
type Migration = migration.Migration

// Migrations returns all migrations for a schema, in order; "" is the default schema.
// Each should be applied in a transaction of its own. The error wraps
// automation.ErrInvalid if the name is not valid as Options.Schema.
func Migrations(schema string) ([]Migration, error) {
	if schema == "" {
		schema = defaultSchema
	}
	if !schemaName.MatchString(schema) {
		return nil, fmt.Errorf("schema %q: give up to 63 lower-case letters, digits and underscores: %w", schema, automation.ErrInvalid)
	}
	folder, err := fs.Sub(files, "migrations")
	if err != nil {
		return nil, err
	}
	return migration.Read(folder, func(m migration.Migration) string { return complete(schema, m) })
}

// complete puts the name of the schema into a migration, and adds the statement that
// records the migration. To the first migration it adds the creation of the schema.
func complete(schema string, m migration.Migration) string {
	note := fmt.Sprintf("\nINSERT INTO automation.migrations (number, name, floor) VALUES (%d, '%s', %d);\n", m.Number, m.Name, m.Floor)
	text := inSchema(schema, m.SQL+note)
	if m.Number == 1 {
		text = fmt.Sprintf(createSchema, pgx.Identifier{schema}.Sanitize()) + text
	}
	return text
}

// createSchema succeeds for a user without the right to create schemas if the schema
// exists, which CREATE SCHEMA IF NOT EXISTS does not.
const createSchema = `DO $$ BEGIN
    IF to_regnamespace('%[1]s') IS NULL THEN CREATE SCHEMA %[1]s; END IF;
END $$;

`

// Migrate creates the schema and its tables, or brings them to the version that
// this process needs. All processes may call it at once, each time they start. It
// applies the missing migrations in one transaction, and processes take turns. It does
// not change tables that are newer. If this process is too old for them, the error
// wraps automation.ErrSchema.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.errClosed(); err != nil {
		return err
	}
	err := s.transact(ctx, func(tx *transaction) error {
		// The lock is the schema's, and lasts to the end of the transaction.
		lock := script{{sql: `SELECT pg_advisory_xact_lock(hashtextextended('automation.migrations', 0))`}}
		if err := tx.run(ctx, lock); err != nil {
			return err
		}
		have, _, err := s.version(ctx, tx)
		if err != nil {
			return err
		}
		for _, m := range s.known[min(have, len(s.known)):] {
			if err := s.apply(ctx, tx, m); err != nil {
				return fmt.Errorf("migration %d, %s: %w", m.Number, m.Name, err)
			}
		}
		return tx.commit(ctx, nil)
	})
	if err != nil {
		return fmt.Errorf("postgres store: migrate: %w", err)
	}
	s.checked.Store(false)
	return s.ready(ctx)
}

// apply runs the statements of a migration by the simple protocol, which accepts several
// statements as one text.
func (s *Store) apply(ctx context.Context, tx *transaction, m Migration) error {
	_, err := tx.conn.Conn().PgConn().Exec(ctx, m.SQL).ReadAll()
	return err
}

// findMigrations is executed before findVersion, because a statement with a table that
// does not exist would make the transaction of a host fail.
const (
	findMigrations = `SELECT to_regclass('automation.migrations') IS NOT NULL`
	findVersion    = `SELECT coalesce(max(number), 0), coalesce(max(floor), 0) FROM automation.migrations`
)

// version returns the number of the last migration that was applied, and the highest
// floor. Both are 0 if there are no tables.
func (s *Store) version(ctx context.Context, in session) (have, floor int, err error) {
	var exists bool
	var sc script
	sc.query(func(scan scanFunc) error { return scan(&exists) }, findMigrations)
	if err := in.run(ctx, sc); err != nil || !exists {
		return 0, 0, err
	}
	sc = nil
	sc.query(func(scan scanFunc) error { return scan(&have, &floor) }, findVersion)
	return have, floor, in.run(ctx, sc)
}

// checkVersion fails if the tables are of a version that this process cannot work with.
func (s *Store) checkVersion(ctx context.Context, in session) error {
	have, floor, err := s.version(ctx, in)
	if err == nil {
		err = migration.Check(s.known, have, floor)
	}
	if err != nil {
		return fmt.Errorf("postgres store: schema %q: %w", s.schema, err)
	}
	s.checked.Store(true)
	return nil
}
