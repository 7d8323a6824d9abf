// Package sqlitefile opens a SQLite file as a store, in one call, with a driver
// that needs no C compiler:
//
//	store, err := sqlitefile.Open(ctx, "automation.db")
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//
// The driver is github.com/ncruces/go-sqlite3, which registers the name "sqlite3"
// with database/sql. A program that links another driver of this name, such as
// github.com/mattn/go-sqlite3, would panic when it starts. Such a program opens the
// file with its own driver and calls sqlite.New.
package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"github.com/seed-b636437c/automation/store/sqlite"
)

// Store is a sqlite.Store with a database of its own.
type Store struct {
	*sqlite.Store
	db *sql.DB
}

// connections is how many connections the database has at most: one that writes, one
// that watches, and readers. They stay open, because a new one has to read the schema.
const connections = 8

// Open opens the file at path, creates it if there is none, and brings its tables
// to the version that this release needs. Every commit is synced to the disk.
// Several processes may have the file open, on one machine.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := driver.Open(name(path))
	if err != nil {
		return nil, fmt.Errorf("sqlite file %q: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	s := &Store{Store: sqlite.New(db), db: db}
	if err = writeAhead(ctx, db); err == nil {
		err = s.Migrate(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite file %q: %w", path, errors.Join(err, s.Close()))
	}
	return s, nil
}

// name returns the data source name of a file. SQLite's defaults are made for phones:
// here the cache is larger, and so is the log before SQLite copies it into the
// database.
func name(path string) string {
	query := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "synchronous(full)", "foreign_keys(1)", "cache_size(-16000)", "wal_autocheckpoint(4000)"},
	}
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}
	return u.String()
}

// patience is how long to wait for other processes that open the file for the first
// time too.
const patience = 5 * time.Second

// writeAhead puts a new file into WAL mode, in which the file stays. SQLite does not
// wait for other connections here, because they may be waiting for this one.
func writeAhead(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := db.ExecContext(ctx, "PRAGMA journal_mode = wal")
		if !errors.Is(err, sqlite3.BUSY) {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// DB returns the database. It is for queries, and for transactions that send events
// together with changes to the application's own tables. Close closes it.
func (s *Store) DB() *sql.DB { return s.db }

// Close closes the store, as sqlite.Store.Close does, and its database.
func (s *Store) Close() error { return errors.Join(s.Store.Close(), s.db.Close()) }
