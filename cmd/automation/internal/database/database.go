// Package database opens the database of an application for the command line tool. It
// opens databases that exist, does not change their tables unless Migrate is called, and
// reads in SQL what the interface of a store does not return.
package database

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/postgres"
)

// Access is what the caller is going to do with a database.
type Access int

// The accesses. Read and Write create neither a file nor a table.
const (
	// Read writes nothing. A SQLite file is opened so that SQLite refuses to write.
	Read Access = iota
	// Write changes rows.
	Write
	// Create also creates the file of a SQLite database. It is for Migrate.
	Create
)

// Target names a database.
type Target struct {
	// URL is postgres://…, sqlite:FILE, or the path of a SQLite file.
	URL string
	// Schema is the schema of the tables in Postgres. Empty means "automation".
	Schema string
}

// Database is the database of an application. Its methods do not change it, except
// Migrate, and are safe for concurrent use.
type Database interface {
	// Store returns the store in the database. Its tables may be of another version than
	// this release needs; then its methods fail with automation.ErrSchema.
	Store() automation.Store
	// Migrations returns all migrations that this release knows, and when each of them
	// was applied to the database.
	Migrations(ctx context.Context) ([]Migration, error)
	// Migrate applies the missing migrations.
	Migrate(ctx context.Context) error
	// Now returns the time of the clock of the database's machine, and false if the
	// database has no clock of its own.
	Now(ctx context.Context) (time.Time, bool, error)
	// Prunable returns how many runs ended, and how many events that started no run
	// were handled, before a time.
	Prunable(ctx context.Context, before time.Time) (automation.PruneResult, error)
	// Examine checks the database itself: its clock, compared with now, its indexes, and
	// what else keeps a store from working well.
	Examine(ctx context.Context, now func() time.Time) ([]Finding, error)
	// Close closes the store and the database.
	Close() error
}

// Migration is a migration of the tables.
type Migration struct {
	Number int
	Name   string
	SQL    string
	// AppliedAt is when it was applied. It is zero for a migration that was not.
	AppliedAt time.Time
}

// ErrNoFile means that there is no SQLite file with the path.
var ErrNoFile = errors.New("there is no such file: name the file of the application, or create one with automation migrate")

// ErrTarget means that the URL of a database is not understood.
var ErrTarget = errors.New("give postgres://user@host/database, sqlite:FILE, or the path of a SQLite file")

// Open opens a database. The caller must close it.
func Open(ctx context.Context, t Target, access Access) (Database, error) {
	if t.IsPostgres() {
		return openPostgres(ctx, t)
	}
	path, err := t.file()
	if err != nil {
		return nil, err
	}
	return openSQLite(ctx, path, access)
}

// IsPostgres reports whether t is a Postgres database.
func (t Target) IsPostgres() bool {
	return strings.HasPrefix(t.URL, "postgres:") || strings.HasPrefix(t.URL, "postgresql:")
}

var schemeName = regexp.MustCompile(`^[a-z]{2,}$`)

// file returns the path of a SQLite file.
func (t Target) file() (string, error) {
	scheme, rest, found := strings.Cut(t.URL, ":")
	switch {
	case t.URL == "":
		return "", ErrTarget
	case !found || !schemeName.MatchString(scheme): // such as C:\automation.db
		return t.URL, nil
	case scheme == "sqlite" && strings.TrimPrefix(rest, "//") != "":
		return strings.TrimPrefix(rest, "//"), nil
	default:
		return "", fmt.Errorf("%q is no database that this tool knows: %w", scheme+":", ErrTarget)
	}
}

// Migrations returns the migrations for the kind of database that t names. It does not
// connect to it.
func Migrations(t Target) ([]Migration, error) {
	if t.IsPostgres() {
		return postgresMigrations(t.Schema)
	}
	if _, err := t.file(); err != nil {
		return nil, err
	}
	return sqliteMigrations(), nil
}

func postgresMigrations(schema string) ([]Migration, error) {
	known, err := postgres.Migrations(schema)
	if err != nil {
		return nil, err
	}
	return listed(known), nil
}

// listed returns migrations of a store.
func listed(known []postgres.Migration) []Migration {
	all := make([]Migration, len(known))
	for i, m := range known {
		all[i] = Migration{Number: m.Number, Name: m.Name, SQL: m.SQL}
	}
	return all
}

// mark sets when the migrations were applied. Migrations that this release does not know
// come at the end, without SQL.
func mark(all []Migration, applied []Migration) []Migration {
	for _, a := range applied {
		if a.Number <= len(all) {
			all[a.Number-1].AppliedAt = a.AppliedAt
		} else {
			all = append(all, a)
		}
	}
	return all
}
