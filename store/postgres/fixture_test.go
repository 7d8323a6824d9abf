package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/storetest"
)

// newPool returns a pool that is closed at the end of the test.
func newPool(tb testing.TB, url string, configure func(c *pgxpool.Config)) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(tb, err)
	config.MaxConns = 4
	if configure != nil {
		configure(config)
	}
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	require.NoError(tb, err)
	tb.Cleanup(pool.Close)
	return pool
}

func newStore(tb testing.TB, pool *pgxpool.Pool, opts postgres.Options) *postgres.Store {
	tb.Helper()
	s, err := postgres.New(pool, opts)
	require.NoError(tb, err)
	return s
}

func execute(tb testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	tb.Helper()
	_, err := pool.Exec(tb.Context(), sql, args...)
	require.NoError(tb, err)
}

// schemas lends empty schemas to tests. It reuses them, because creating a schema takes
// much longer than emptying it, and a suite needs a hundred.
type schemas struct {
	pool *pgxpool.Pool
	free chan string
	made chan int
}

func newSchemas(tb testing.TB, url string) *schemas {
	s := &schemas{pool: newPool(tb, url, nil), free: make(chan string, 1000), made: make(chan int, 1)}
	s.made <- 0
	return s
}

// emptySchema deletes all rows except those about migrations. It does not reset sequences.
const emptySchema = `
DO $$ DECLARE t text; BEGIN
	FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = '%[1]s' AND tablename <> 'migrations' LOOP
		EXECUTE format('DELETE FROM %[1]s.%%I', t);
	END LOOP;
END $$`

// take returns the name of a schema, which is free again after the test.
func (s *schemas) take(tb testing.TB) string {
	var name string
	select {
	case name = <-s.free:
	default:
		n := <-s.made
		s.made <- n + 1
		name = fmt.Sprintf("s%d", n)
	}
	tb.Cleanup(func() {
		_, err := s.pool.Exec(context.WithoutCancel(tb.Context()), fmt.Sprintf(emptySchema, name))
		if assert.NoError(tb, err) {
			s.free <- name
		}
	})
	return name
}

// target returns a Target with a schema of its own. Each of its handles has its own pool
// for the database at a URL.
func (s *schemas) target(tb testing.TB, url string, opts postgres.Options, configure func(c *pgxpool.Config)) storetest.Target {
	opts.Schema = s.take(tb)
	return storetest.Target{Durable: true, Open: func(ctx context.Context) (automation.Store, error) {
		store, err := postgres.New(newPool(tb, url, configure), opts)
		if err != nil {
			return nil, err
		}
		return store, store.Migrate(ctx)
	}, Dump: func(ctx context.Context) (string, error) { return dump(ctx, s.pool, opts.Schema) }}
}

// dump returns every column of every table of a schema as text.
func dump(ctx context.Context, pool *pgxpool.Pool, schema string) (string, error) {
	rows, err := pool.Query(ctx, `SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1`, schema)
	if err != nil {
		return "", err
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, table := range tables {
		rows, err := pool.Query(ctx, "SELECT * FROM "+pgx.Identifier{schema, table}.Sanitize())
		if err != nil {
			return "", err
		}
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&text, "%s: %q\n", table, values)
		}
		if err := rows.Err(); err != nil {
			return "", err
		}
	}
	return text.String(), nil
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// migrated returns a store with an enabled automation, and its pool.
func migrated(t *testing.T) (*postgres.Store, *pgxpool.Pool) {
	t.Helper()
	pool := newPool(t, pgtest.URL(t), nil)
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.InsertAutomation(t.Context(), automation.AutomationRecord{
		ID: "welcome", Status: automation.StatusEnabled, EventName: "order.placed", Revision: 1,
	}))
	return s, pool
}

// leased leases n contacts of the store.
func leased(t *testing.T, s *postgres.Store, n int) []automation.Work {
	t.Helper()
	var works []automation.Work
	for i := range n {
		id := fmt.Sprintf("c%d", i)
		require.NoError(t, s.InsertContact(t.Context(), automation.Contact{ID: id, Email: id + "@example.com"}))
		got, err := s.Claim(t.Context(), automation.ClaimParams{
			Now: noon, Lease: time.Minute, Limit: 1, Contact: automation.ContactRef{ID: id},
		})
		require.NoError(t, err)
		works = append(works, got...)
	}
	return works
}

// starting returns a transition that starts a run at a step.
func starting(w automation.Work, n int, step string) automation.Transition {
	return automation.Transition{
		Key: w.Key, Token: w.Token, Now: noon, Release: true,
		Runs: []automation.RunChange{{New: true, RunRecord: automation.RunRecord{
			ID: fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", n), AutomationID: "welcome", Version: 1,
			ContactID: w.Key.ID, Status: automation.RunRunning, Step: step, CreatedAt: noon,
		}}},
	}
}

func commitAll(t *testing.T, s *postgres.Store, ts []automation.Transition) {
	t.Helper()
	results, err := s.Commit(t.Context(), ts)
	require.NoError(t, err)
	for i := range results {
		require.NoError(t, results[i].Err)
	}
}

// order is an event of the host.
func order(n int, key string) automation.NewEvent {
	at := time.Date(2026, 3, 1, 12, 0, n, 0, time.UTC)
	return automation.NewEvent{
		Event: automation.Event{
			ID: fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", n), Name: "order.placed", ContactID: "ada",
			Payload: []byte(`{"n":1}`), IdempotencyKey: key, AcceptedAt: at, OccurredAt: at,
		},
		ContentHash: "hash", KeyExpiresAt: at.Add(time.Hour),
	}
}

// hosted returns an event of a contact that lives in a contact directory.
func hosted(n int, contact, name string) automation.NewEvent {
	e := order(n, "")
	e.Event.ContactID, e.Event.Name, e.HostContact = contact, name, true
	return e
}
