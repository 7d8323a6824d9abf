package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/batch"
)

// Store is an automation.Store in PostgreSQL. It is safe for concurrent use.
type Store struct {
	pool     *pgxpool.Pool
	schema   string
	wireKey  string // of the wire in the data of a connection
	pollOnly bool
	known    []Migration

	checked atomic.Bool     // checkVersion has succeeded
	open    context.Context // ends with Close
	close   context.CancelFunc
	turns   turns // of Commit
	appends *batch.Group[*appendCall]
	inLease inLeaseRuns
	listens knownNumbers[string]
	places  knownNumbers[place]
	recent  recentNames
	sent    sentOwners
	expiry  expirySchedule
}

var (
	_ automation.Store             = (*Store)(nil)
	_ automation.Watcher           = (*Store)(nil)
	_ automation.ParallelCommitter = (*Store)(nil)
	_ automation.Catalog           = (*Store)(nil)
	_ automation.BulkStarter       = (*Store)(nil)
)

// Options tune a Store. The zero value works.
type Options struct {
	// Schema is the name of the database schema with the tables, "automation" by default.
	// It has up to 63 lower-case letters, digits and underscores, and does not begin with
	// a digit.
	Schema string
	// PollOnly makes Watch unsupported, so that no connection listens for notifications.
	// Set it behind a pooler that shares sessions between transactions, which would lose
	// them. A Runner then finds work that other processes add within its PollInterval.
	PollOnly bool
}

// defaultSchema is the schema in the statements of this package.
const defaultSchema = "automation"

var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// New returns a Store that uses the pool. It does no I/O. If the database cannot be
// reached, or its tables are of another version, the first call fails. The pool stays
// the host's, which must close it after the Store. At least two of its connections
// should be free for the Store, and one more for Watch.
func New(pool *pgxpool.Pool, opts Options) (*Store, error) {
	if pool == nil {
		return nil, fmt.Errorf("postgres store: the pool is nil: make one with pgxpool.New: %w", automation.ErrInvalid)
	}
	if opts.Schema == "" {
		opts.Schema = defaultSchema
	}
	known, err := Migrations(opts.Schema)
	if err != nil {
		return nil, fmt.Errorf("postgres store: %w", err)
	}
	s := &Store{
		pool: pool, schema: opts.Schema, wireKey: "automation/store/postgres: " + opts.Schema, pollOnly: opts.PollOnly, known: known, turns: newTurns(),
	}
	s.open, s.close = context.WithCancel(context.Background())
	s.appends = batch.NewGroup(maxGrouped, s.appendAll)
	return s, nil
}

// maxGrouped is how many calls of AppendEvents share a transaction at most.
const maxGrouped = 1024

// Close makes every later call fail with an error that wraps automation.ErrClosed.
// The pool stays open.
func (s *Store) Close() error {
	s.close()
	return nil
}

// errClosed returns an error if the store was closed.
func (s *Store) errClosed() error {
	if s.open.Err() != nil {
		return fmt.Errorf("postgres store: %w", automation.ErrClosed)
	}
	return nil
}

// ready fails if ctx has ended, if the store was closed, or if the tables are of a
// version that this process cannot work with. Once the version check has succeeded it
// is not repeated. Without a call of Migrate every call fails with an error that names it.
func (s *Store) ready(ctx context.Context) error { return s.readyThrough(ctx, implicit{s}) }

// readyThrough is ready with a session for the version check.
func (s *Store) readyThrough(ctx context.Context, session session) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.errClosed(); err != nil {
		return err
	}
	if s.checked.Load() {
		return nil
	}
	return s.checkVersion(ctx, session)
}

// sql returns a statement of this package for the store's schema.
func (s *Store) sql(statement string) string { return inSchema(s.schema, statement) }

func inSchema(schema, statement string) string {
	if schema == defaultSchema {
		return statement
	}
	return strings.ReplaceAll(statement, defaultSchema+".", pgx.Identifier{schema}.Sanitize()+".")
}
