package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/internal/pgtest"
)

// onOne returns a store whose pool has one connection to a database with a table of notes.
func onOne(t *testing.T, configure func(c *pgxpool.Config)) *Store {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.URL(t))
	require.NoError(t, err)
	config.MaxConns = 1
	if configure != nil {
		configure(config)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s, err := New(pool, Options{})
	require.NoError(t, err)
	simply(t, s, `CREATE TABLE notes (note text NOT NULL UNIQUE)`)
	return s
}

// simply executes a statement on the store's connection by the simple protocol.
func simply(t *testing.T, s *Store, sql string) {
	t.Helper()
	_, err := s.pool.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
}

// query returns the texts that a query returns on the store's connection.
func query(t *testing.T, s *Store, sql string) []string {
	t.Helper()
	rows, err := s.pool.Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return texts
}

// deallocate makes the session lose the statement with a text.
func deallocate(t *testing.T, s *Store, sql string) {
	t.Helper()
	names := query(t, s, fmt.Sprintf(`SELECT name FROM pg_prepared_statements WHERE statement = '%s' AND name LIKE 'automation_%%'`, sql))
	require.Len(t, names, 1, sql)
	simply(t, s, `DEALLOCATE "`+names[0]+`"`)
}

const (
	addNote   = `INSERT INTO notes VALUES ($1::text)`
	findNotes = `SELECT note FROM notes ORDER BY 1`
	countThem = `SELECT count(*) FROM notes`
)

// write returns a function for transact that adds notes, one in each script, and counts them in
// a script of its own.
func write(ctx context.Context, attempts *int, notes ...string) func(tx *transaction) error {
	return func(tx *transaction) error {
		*attempts++
		for _, note := range notes {
			if err := tx.run(ctx, script{{sql: addNote, args: []any{note}}}); err != nil {
				return err
			}
		}
		if err := tx.run(ctx, script{{sql: countThem}}); err != nil {
			return err
		}
		return tx.commit(ctx, nil)
	}
}

func readNotes(ctx context.Context, s *Store) (notes []string, err error) {
	var sc script
	sc.query(func(scan scanFunc) error {
		var note string
		err := scan(&note)
		notes = append(notes, note)
		return err
	}, findNotes)
	return notes, implicit{s}.run(ctx, sc)
}

func TestWire_PreparesAgainWhatTheSessionHasLost(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	attempts := 0
	require.NoError(t, s.transact(t.Context(), write(t.Context(), &attempts, "a", "b")))
	for _, lose := range []string{`DISCARD ALL`, `DEALLOCATE ALL`} {
		simply(t, s, lose)
		notes, err := readNotes(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b"}, notes)
	}
	// Of the script that begins a transaction, the connection believes that it has prepared the
	// second statement only. The first one is prepared again, and executed.
	simply(t, s, `DISCARD ALL`)
	require.NoError(t, s.transact(t.Context(), write(t.Context(), &attempts, "c")))
	assert.Equal(t, 2, attempts, "the script that begins the transaction is sent again")
	simply(t, s, `DISCARD ALL`)
	require.Error(t, s.transact(t.Context(), write(t.Context(), &attempts, "d", "a")), "the transaction fails for another reason")
	notes, err := readNotes(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b", "c"}, notes)
}

func TestWire_RepeatsATransactionOfWhichTheSessionHasLostAStatement(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost     string
		attempts int
	}{"when it begins": {addNote, 1}, "after it began": {countThem, 2}, "at its end": {"commit", 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := onOne(t, nil)
			attempts := 0
			require.NoError(t, s.transact(t.Context(), write(t.Context(), &attempts, "a", "b")))
			deallocate(t, s, c.lost)
			attempts = 0
			require.NoError(t, s.transact(t.Context(), write(t.Context(), &attempts, "c", "d")))
			assert.Equal(t, c.attempts, attempts)
			assert.Equal(t, []string{"a", "b", "c", "d"}, query(t, s, findNotes))
		})
	}
}

// A caller has the rows of the first statement when the second one turns out to be gone.
func TestWire_DoesNotReturnRowsTwice(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	simply(t, s, `INSERT INTO notes VALUES ('a')`)
	var notes []string
	var counts []int
	var sc script
	sc.query(func(scan scanFunc) error {
		var note string
		err := scan(&note)
		notes = append(notes, note)
		return err
	}, findNotes)
	sc.query(func(scan scanFunc) error {
		var n int
		err := scan(&n)
		counts = append(counts, n)
		return err
	}, countThem)
	require.NoError(t, implicit{s}.run(t.Context(), sc))
	deallocate(t, s, countThem)
	err := implicit{s}.run(t.Context(), sc)
	assert.Equal(t, statementMissing, errorCode(err))
	assert.Equal(t, []string{"a", "a"}, notes, "once for each call")
	assert.Equal(t, []int{1}, counts)
	require.NoError(t, implicit{s}.run(t.Context(), sc))
	assert.Equal(t, []int{1, 1}, counts)
}

func TestWire_PreparesAgainAfterATableHasChanged(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	attempts := 0
	require.NoError(t, s.transact(t.Context(), write(t.Context(), &attempts, "a")))
	_, err := readNotes(t.Context(), s)
	require.NoError(t, err)
	simply(t, s, `ALTER TABLE notes ALTER COLUMN note TYPE varchar`)
	notes, err := readNotes(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, notes)

	simply(t, s, `ALTER TABLE notes ALTER COLUMN note TYPE text`)
	attempts = 0
	err = s.transact(t.Context(), func(tx *transaction) error {
		attempts++
		if err := tx.run(t.Context(), script{{sql: addNote, args: []any{"b"}}}); err != nil {
			return err
		}
		notes = nil
		var sc script
		sc.query(func(scan scanFunc) error {
			var note string
			err := scan(&note)
			notes = append(notes, note)
			return err
		}, findNotes)
		return tx.commit(t.Context(), sc)
	})
	require.NoError(t, err)
	assert.Equal(t, 2, attempts)
	assert.Equal(t, []string{"a", "b"}, notes)
}

func TestWire_PreparesOnceOnEachConnection(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	count := `SELECT count(*)::text FROM pg_prepared_statements WHERE name LIKE 'automation_%'`
	for range 3 {
		_, err := readNotes(t.Context(), s)
		require.NoError(t, err)
		assert.Equal(t, []string{"2"}, query(t, s, count), "byIndex and findNotes")
	}
	s.pool.Reset()
	assert.Equal(t, []string{"0"}, query(t, s, count), "another connection")
	_, err := readNotes(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"2"}, query(t, s, count))
}

// TestWire_OfAConnectionThatIsCut cuts the connection in the middle of a transaction, as a
// failover does.
func TestWire_OfAConnectionThatIsCut(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	killer, err := pgxpool.NewWithConfig(t.Context(), s.pool.Config())
	require.NoError(t, err)
	defer killer.Close()
	attempts := 0
	require.NoError(t, s.transact(t.Context(), write(t.Context(), &attempts, "a")))
	pid := query(t, s, `SELECT pg_backend_pid()::text`)
	err = s.transact(t.Context(), func(tx *transaction) error {
		if err := tx.run(t.Context(), script{{sql: addNote, args: []any{"b"}}}); err != nil {
			return err
		}
		// It returns once the server process has ended.
		_, err := killer.Exec(t.Context(), `SELECT pg_terminate_backend($1::text::int, 60000)`, pid[0])
		require.NoError(t, err)
		return tx.commit(t.Context(), nil)
	})
	require.Error(t, err)
	attempts = 0
	require.NoError(t, s.transact(t.Context(), write(t.Context(), &attempts, "c")))
	assert.Equal(t, 1, attempts)
	notes, err := readNotes(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "c"}, notes)
	assert.NotEqual(t, pid, query(t, s, `SELECT pg_backend_pid()::text`))
}

// TestWire_KeepsAsManyStatementsAsPgxWould executes many statements, and scripts with more
// statements than there is room for.
func TestWire_KeepsAsManyStatementsAsPgxWould(t *testing.T) {
	t.Parallel()
	s := onOne(t, func(c *pgxpool.Config) { c.ConnConfig.StatementCacheCapacity = 4 })
	for n := range 20 {
		var got []int
		var sc script
		for i := range n%8 + 1 {
			sc.query(func(scan scanFunc) error {
				var v int
				err := scan(&v)
				got = append(got, v)
				return err
			}, fmt.Sprintf("SELECT %d", n+i))
		}
		require.NoError(t, implicit{s}.run(t.Context(), sc))
		for i := range got {
			assert.Equal(t, n+i, got[i])
		}
		assert.Len(t, got, len(sc))
		kept := query(t, s, `SELECT name FROM pg_prepared_statements WHERE name LIKE 'automation_%'`)
		assert.LessOrEqual(t, len(kept), 1+8, "as many as the largest script has, with byIndex")
	}
}

func TestWire_IsForHostsThatLeaveExecutionToPgx(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		configure func(c *pgxpool.Config)
		want      bool
	}{
		"as it comes":         {nil, true},
		"with a tracer":       {func(c *pgxpool.Config) { c.ConnConfig.Tracer = tracer{} }, false},
		"without a cache":     {func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec }, false},
		"by descriptions":     {func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe }, false},
		"described each time": {func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec }, false},
		"simply":              {func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol }, false},
		"of some connections": {func(c *pgxpool.Config) {
			c.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
				c.Tracer = tracer{}
				return nil
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := onOne(t, c.configure)
			simply(t, s, `INSERT INTO notes VALUES ('a')`)
			for range 2 {
				notes, err := readNotes(t.Context(), s)
				require.NoError(t, err)
				assert.Equal(t, []string{"a"}, notes)
			}
			conn, err := s.pool.Acquire(t.Context())
			require.NoError(t, err)
			defer conn.Release()
			assert.Equal(t, c.want, s.wireOf(conn.Conn()) != nil)
		})
	}
}

// tracer is a tracer of a host.
type tracer struct{}

func (tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestWire_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	observer, err := pgxpool.NewWithConfig(t.Context(), s.pool.Config())
	require.NoError(t, err)
	defer observer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- implicit{s}.run(ctx, script{{sql: `SELECT pg_sleep(600)`}}) }()
	require.Eventually(t, func() bool {
		sleeping := 0
		err := observer.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`).Scan(&sleeping)
		return err == nil && sleeping == 1
	}, time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	_, err = readNotes(t.Context(), s)
	require.NoError(t, err, "the pool has replaced the connection")
	assert.Zero(t, s.pool.Stat().AcquiredConns())

	pid := query(t, s, `SELECT pg_backend_pid()::text`)
	_, err = readNotes(ctx, s)
	require.ErrorIs(t, err, context.Canceled)
	attempts := 0
	require.ErrorIs(t, s.transact(ctx, write(ctx, &attempts, "a")), context.Canceled)
	assert.Equal(t, pid, query(t, s, `SELECT pg_backend_pid()::text`), "nothing was sent, so the connection is as it was")
}

func TestWire_GoesOnAfterErrors(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	simply(t, s, `INSERT INTO notes VALUES ('a')`)
	pid := query(t, s, `SELECT pg_backend_pid()::text`)
	run := func(sql string, args ...any) error {
		return implicit{s}.run(t.Context(), script{{sql: sql, args: args}})
	}

	var pg *pgconn.PgError
	require.ErrorAs(t, run(addNote, "a"), &pg)
	assert.Equal(t, "notes_note_key", pg.ConstraintName)
	assert.Equal(t, "42P01", errorCode(run(`SELECT FROM nothing`)))
	assert.Equal(t, "22021", errorCode(run(addNote, "invalid \xff UTF-8")))
	require.ErrorContains(t, run(addNote, struct{}{}), "argument 1")
	require.ErrorContains(t, run(addNote), "0 arguments for 1 parameters")
	var sc script
	sc.query(func(scan scanFunc) error { return scan(new(time.Time)) }, findNotes)
	require.ErrorContains(t, implicit{s}.run(t.Context(), sc), `column "note"`)
	attempts := 0
	require.Error(t, s.transact(t.Context(), write(t.Context(), &attempts, "b", "a")))
	assert.Equal(t, 1, attempts)

	notes, err := readNotes(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, notes)
	assert.Equal(t, pid, query(t, s, `SELECT pg_backend_pid()::text`), "on the same connection")
}

// The server returns rows while it is still receiving the script. If the store read them only
// after it had sent all of it, both would wait for each other.
func TestWire_ReadsWhileItSends(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	sent, received := strings.Repeat("x", 1<<20), 0
	var sc script
	for range 32 {
		sc.query(func(scan scanFunc) error {
			var text string
			err := scan(&text)
			received += len(text)
			return err
		}, `SELECT $1::text`, sent)
	}
	require.NoError(t, implicit{s}.run(t.Context(), sc))
	assert.Equal(t, 32<<20, received)
}

func TestWire_NotSupportedStaysAnError(t *testing.T) {
	t.Parallel()
	s := onOne(t, nil)
	const attempt = `DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '0A000'; END $$`
	require.Equal(t, notSupported, errorCode(implicit{s}.run(t.Context(), script{{sql: attempt}})))
	attempts := 0
	err := s.transact(t.Context(), func(tx *transaction) error {
		attempts++
		if err := tx.run(t.Context(), nil); err != nil {
			return err
		}
		return tx.commit(t.Context(), script{{sql: attempt}})
	})
	require.Equal(t, notSupported, errorCode(err))
	assert.Equal(t, 2, attempts)
}
