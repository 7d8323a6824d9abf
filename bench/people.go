package main

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
)

// people is the contact table of an engine without contacts: a table in the engine's
// database, whose rows the runs change.
type people interface {
	Populate(ctx context.Context, n int) error
	Changed(ctx context.Context) (int, error)
	// rename sets the first name of a contact, in a transaction of its own.
	rename(ctx context.Context, i int) error
}

// The statements are the same for both databases, except for a range of numbers.
const (
	createPeople   = "CREATE TABLE IF NOT EXISTS bench_contacts (id integer PRIMARY KEY, first_name text NOT NULL)"
	renamePerson   = "UPDATE bench_contacts SET first_name = $1 WHERE id = $2"
	countPeople    = "SELECT count(*) FROM bench_contacts WHERE first_name = 'Ada ' || id"
	peoplePgx      = "INSERT INTO bench_contacts SELECT i, '' FROM generate_series(0, $1::int - 1) i"
	peopleSQLite   = "WITH RECURSIVE r(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM r WHERE i < $1 - 1) INSERT INTO bench_contacts SELECT i, '' FROM r"
	sqliteTogether = "?_txlock=immediate&_pragma=busy_timeout(20000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"
)

// pgxPeople is the table on Postgres.
type pgxPeople struct{ pool *pgxpool.Pool }

// openPgxPeople opens a pool and makes the table.
func openPgxPeople(ctx context.Context, url string) (pgxPeople, error) {
	pool, err := openPool(ctx, url)
	if err != nil {
		return pgxPeople{}, err
	}
	if _, err = pool.Exec(ctx, createPeople); err != nil {
		pool.Close()
	}
	return pgxPeople{pool}, err
}

func (p pgxPeople) Populate(ctx context.Context, n int) error {
	_, err := p.pool.Exec(ctx, peoplePgx, n)
	return err
}

func (p pgxPeople) Changed(ctx context.Context) (n int, err error) {
	err = p.pool.QueryRow(ctx, countPeople).Scan(&n)
	return n, err
}

func (p pgxPeople) rename(ctx context.Context, i int) error {
	_, err := p.pool.Exec(ctx, renamePerson, firstName(i), i)
	return err
}

// sqlPeople is the table on SQLite.
type sqlPeople struct{ db *sql.DB }

// openSQLPeople opens a file with a driver, in WAL mode and with synchronous=FULL,
// and makes the table.
func openSQLPeople(ctx context.Context, driver, path string, connections int) (sqlPeople, error) {
	db, err := sql.Open(driver, "file:"+path+sqliteTogether)
	if err != nil {
		return sqlPeople{}, err
	}
	db.SetMaxOpenConns(connections)
	if _, err = db.ExecContext(ctx, createPeople); err != nil {
		err = errors.Join(err, db.Close())
	}
	return sqlPeople{db}, err
}

func (p sqlPeople) Populate(ctx context.Context, n int) error {
	_, err := p.db.ExecContext(ctx, peopleSQLite, n)
	return err
}

func (p sqlPeople) Changed(ctx context.Context) (int, error) { return count(ctx, p.db, countPeople) }

func (p sqlPeople) rename(ctx context.Context, i int) error {
	_, err := p.db.ExecContext(ctx, renamePerson, firstName(i), i)
	return err
}

// memoryPeople is in memory, for an engine whose database cannot be reached from outside.
type memoryPeople struct {
	mu    sync.Mutex
	names []string
}

func (p *memoryPeople) Populate(_ context.Context, n int) error {
	p.names = make([]string, n)
	return nil
}

func (p *memoryPeople) Changed(context.Context) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed := 0
	for i, name := range p.names {
		if name == firstName(i) {
			changed++
		}
	}
	return changed, nil
}

func (p *memoryPeople) rename(_ context.Context, i int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.names[i] = firstName(i)
	return nil
}
