package main

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// database holds the users and the automations of the application.
type database struct {
	db    *sql.DB
	store automation.Store
	// events returns a writer of events in a transaction of the application.
	events func(tx *sql.Tx) automation.EventWriter
	close  func()
}

const createUsers = `CREATE TABLE IF NOT EXISTS users (email text PRIMARY KEY, plan text NOT NULL)`

// open opens the database, and creates missing tables.
func open(ctx context.Context, file, url string) (*database, error) {
	opener := openSQLite
	if url != "" {
		opener, file = openPostgres, url
	}
	d, err := opener(ctx, file)
	if err != nil {
		return nil, err
	}
	if _, err := d.db.ExecContext(ctx, createUsers); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func openSQLite(ctx context.Context, file string) (*database, error) {
	store, err := sqlitefile.Open(ctx, file)
	if err != nil {
		return nil, err
	}
	return &database{
		db:     store.DB(),
		store:  store,
		events: func(tx *sql.Tx) automation.EventWriter { return store.Tx(tx) },
		close:  func() { store.Close() },
	}, nil
}

// openPostgres uses the pool for the automations and, through pgx's adapter for
// database/sql, for the application. An application that uses pgx itself calls store.Tx(tx)
// with its pgx.Tx.
func openPostgres(ctx context.Context, url string) (*database, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, err
	}
	store, err := postgres.New(pool, postgres.Options{})
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	db := stdlib.OpenDBFromPool(pool)
	return &database{
		db:     db,
		store:  store,
		events: func(tx *sql.Tx) automation.EventWriter { return store.SQLTx(tx) },
		close: func() {
			db.Close()
			pool.Close()
		},
	}, nil
}
