package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/batch"
)

// Store is an automation.Store in SQLite. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	writes  *batch.Group[*writeCall]
	writing chan struct{} // contains a value while a goroutine writes
	checked atomic.Bool   // ready has succeeded
	listens listenSets

	using  sync.RWMutex // every call holds it for reading, Close for writing
	closed bool         // guarded by using

	mu         sync.Mutex
	statements map[string]*sql.Stmt // prepared, by their text
	wanted     []string             // statements to prepare when the Store holds no connection
}

var (
	_ automation.Store       = (*Store)(nil)
	_ automation.Watcher     = (*Store)(nil)
	_ automation.Catalog     = (*Store)(nil)
	_ automation.BulkStarter = (*Store)(nil)
)

// New returns a Store in db, which stays the application's: the Store never closes it,
// and restores the settings of its connections. New does no I/O. Until Migrate has been
// called once for a database, every method fails with automation.ErrSchema.
//
// Calls that write take turns, in one immediate transaction on one connection. They
// wait at least five seconds for other processes, and sync to the disk whatever the
// settings of the connection are.
func New(db *sql.DB) *Store {
	s := &Store{db: db, writing: make(chan struct{}, 1), statements: map[string]*sql.Stmt{}}
	s.writes = batch.NewGroup(maxWrites, s.writeAll)
	return s
}

// Close makes every later call fail with an error that wraps
// automation.ErrClosed, once the calls in progress have returned. It does not
// close the database. Closing twice is no error.
func (s *Store) Close() error {
	s.using.Lock()
	defer s.using.Unlock()
	s.closed = true
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, st := range s.statements {
		errs = append(errs, st.Close())
	}
	clear(s.statements)
	return errors.Join(errs...)
}

var errClosed = fmt.Errorf("sqlite store: %w", automation.ErrClosed)

// enter begins a call. It fails if ctx has ended, or if Close was called. At the end of the
// call its caller must call leave.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// A call in a transaction of the application must not wait for Close: Close may wait
	// for a call that waits for the connection of that transaction.
	if !s.using.TryRLock() {
		return nil, errClosed
	}
	if s.closed {
		s.using.RUnlock()
		return nil, errClosed
	}
	return s.using.RUnlock, nil
}

// prepared returns a statement that every connection of the pool can execute. The
// caller must not hold a connection, because it may be the only one.
func (s *Store) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := s.find(query); st != nil {
		return st, nil
	}
	st, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.statements[query]; other != nil {
		return other, st.Close()
	}
	s.statements[query] = st
	return st, nil
}

func (s *Store) find(query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.statements[query]
}
