package main

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/ncruces/go-sqlite3/driver"
)

// The stores. A condition needs none.
const (
	onNone     = "none"
	onMemory   = "memory"
	onSQLite   = "sqlite"
	onPostgres = "postgres"
)

// closedSize closes the engine and then returns the bytes of its tables or its file. The
// engine must be closed first, because two SQLite libraries must not open the same file in
// one process. An engine with servers returns the bytes of one replica itself.
func (b *bench) closedSize(ctx context.Context) (int64, error) {
	if s, ok := b.engine.(server); ok {
		return settledSize(ctx, s)
	}
	err := b.engine.Close()
	b.engine = nil
	if err != nil {
		return 0, err
	}
	switch b.cell.Store {
	case onPostgres:
		return tablesSize(ctx, b.cell.Postgres)
	case onSQLite:
		return fileSize(ctx, b.setting.File)
	default:
		return 0, nil
	}
}

// emptySize returns the size of the tables before they have rows.
func (b *bench) emptySize(ctx context.Context) (int64, error) {
	if b.cell.Store == onMemory {
		return 0, nil
	}
	size, err := b.closedSize(ctx)
	if _, ok := b.engine.(server); ok {
		return size, err
	}
	if err != nil {
		return 0, err
	}
	b.engine, err = b.contestant.Open(ctx, b.setting)
	return size, err
}

// tablesSize returns the size of all tables of a database with their indexes, after a vacuum,
// so that deleted rows do not count. The server itself begins a vacuum within a minute.
func tablesSize(ctx context.Context, url string) (size int64, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	if _, err = conn.Exec(ctx, "VACUUM"); err != nil {
		return 0, err
	}
	const query = `
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')`
	err = conn.QueryRow(ctx, query).Scan(&size)
	return size, err
}

// analyze makes Postgres gather statistics.
func (b *bench) analyze(ctx context.Context) error {
	if b.cell.Store != onPostgres {
		return nil
	}
	conn, err := pgx.Connect(ctx, b.cell.Postgres)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "ANALYZE")
	return err
}

// How often the size of servers is looked at, how long it must not shrink, and how long to wait for
// that: they remove what is of no use any more in the background.
const (
	lookAtSize  = time.Second
	steadyFor   = 10 * time.Second
	steadyLimit = 30 * time.Second
)

// settledSize returns the size of the servers' data once it does not shrink any more.
func settledSize(ctx context.Context, s server) (int64, error) {
	least, err := s.Size(ctx)
	for began, shrunk := time.Now(), time.Now(); err == nil && time.Since(shrunk) < steadyFor && time.Since(began) < steadyLimit; {
		select {
		case <-time.After(lookAtSize):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		var size int64
		if size, err = s.Size(ctx); size < least {
			least, shrunk = size, time.Now()
		}
	}
	return least, err
}

// fileSize returns the size of a SQLite file after a checkpoint.
func fileSize(ctx context.Context, path string) (int64, error) {
	db, err := driver.Open("file:" + path)
	if err != nil {
		return 0, err
	}
	if _, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return 0, errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// count returns the number that a query returns from a SQLite database.
func count(ctx context.Context, db *sql.DB, query string, args ...any) (n int, err error) {
	err = db.QueryRowContext(ctx, query, args...).Scan(&n)
	return n, err
}
