package postgres_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

// tripConn is a connection that counts round trips.
type tripConn struct {
	net.Conn
	trips *atomic.Int64
	wrote atomic.Bool
}

func (c *tripConn) Write(b []byte) (int, error) {
	c.wrote.Store(true)
	return c.Conn.Write(b)
}

func (c *tripConn) Read(b []byte) (int, error) {
	if c.wrote.Swap(false) {
		c.trips.Add(1)
	}
	return c.Conn.Read(b)
}

// countTrips makes the connections of a pool count round trips.
func countTrips(c *pgxpool.Config, n *atomic.Int64) {
	usual := c.ConnConfig.DialFunc
	c.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := usual(ctx, network, addr)
		return &tripConn{Conn: conn, trips: n}, err
	}
}

// foreseen claims due work of a clock that is an hour ahead of noon.
var foreseen = automation.ClaimParams{Now: noon.Add(time.Hour), Lease: time.Minute, Limit: 10, Events: 2, Runs: 10}

// Four round trips are between an event and the first effect of the run that it starts, on an idle
// engine whose process has sent the event. Three of them wait for the disk.
func TestRoundTrips_OfAnIdleEngine(t *testing.T) {
	t.Parallel()
	var trips atomic.Int64
	pool := newPool(t, pgtest.URL(t), func(c *pgxpool.Config) {
		c.MaxConns = 1
		countTrips(c, &trips)
	})
	s := newStore(t, pool, postgres.Options{})
	require.NoError(t, s.Migrate(t.Context()))
	require.NoError(t, s.InsertAutomation(t.Context(), automation.AutomationRecord{
		ID: "welcome", Status: automation.StatusEnabled, EventName: "order.placed", Revision: 1,
	}))
	require.NoError(t, s.InsertContact(t.Context(), automation.Contact{ID: "ada", Email: "ada@example.com"}))
	p := foreseen
	for i := range 3 { // the first time it prepares statements
		before := trips.Load()
		_, err := s.AppendEvents(t.Context(), []automation.NewEvent{order(i, "")})
		require.NoError(t, err)
		sent := trips.Load()
		p.Now = p.Now.Add(time.Nanosecond)
		works, err := s.Claim(t.Context(), p)
		require.NoError(t, err)
		require.Len(t, works, 1)
		require.Len(t, works[0].Events, 1)
		claimed := trips.Load()
		start := starting(works[0], i, "first")
		start.Handled = []automation.HandledEvent{{ID: works[0].Events[0].ID}}
		commitAll(t, s, []automation.Transition{start})
		if i == 2 {
			assert.EqualValues(t, 1, sent-before, "append")
			assert.EqualValues(t, 1, claimed-sent, "claim")
			assert.EqualValues(t, 2, trips.Load()-claimed, "commit")
		}
	}
}

// Another transaction holds the row of the lease when a claim foresees the contact. The claim
// brings what that transaction has written.
func TestForesight_SeesWhatTheHolderBeforeHasWritten(t *testing.T) {
	t.Parallel()
	s, pool := migrated(t)
	require.NoError(t, s.InsertContact(t.Context(), automation.Contact{ID: "ada", Email: "ada@example.com", FirstName: "Ada"}))
	_, err := s.AppendEvents(t.Context(), []automation.NewEvent{order(1, ""), order(2, "")})
	require.NoError(t, err)
	works, err := s.Claim(t.Context(), foreseen)
	require.NoError(t, err)
	require.Len(t, works, 1)
	other := newStore(t, pool, postgres.Options{})
	_, err = other.AppendEvents(t.Context(), []automation.NewEvent{order(3, "")})
	require.NoError(t, err)

	holder, err := pool.Begin(t.Context())
	require.NoError(t, err)
	for _, sql := range []string{
		`DELETE FROM automation.leases`,
		`DELETE FROM automation.pending WHERE event_id <> '0195a3c0-7d00-7000-8000-000000000003'`,
		`UPDATE automation.contacts SET first_name = 'Countess'`,
	} {
		_, err := holder.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	p := foreseen
	p.Contact = automation.ContactRef{ID: "ada"}
	p.Now = p.Now.Add(time.Hour) // the lease that the holder ends has expired
	claimed := make(chan []automation.Work, 1)
	go func() {
		works, err := other.Claim(t.Context(), p)
		assert.NoError(t, err)
		claimed <- works
	}()
	awaitLock(t, pool, "transactionid")
	require.NoError(t, holder.Commit(t.Context()))
	works = <-claimed
	require.Len(t, works, 1)
	require.Len(t, works[0].Events, 1)
	assert.Equal(t, order(3, "").Event.ID, works[0].Events[0].ID)
	assert.Equal(t, "Countess", works[0].Contact.FirstName)
}

// awaitLock returns when a session of the database waits for a lock of this kind.
func awaitLock(t *testing.T, pool *pgxpool.Pool, kind string) {
	t.Helper()
	require.Eventually(t, func() bool {
		waiting := false
		err := pool.QueryRow(t.Context(), `
SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND l.locktype = $1 AND a.datname = current_database())`, kind).Scan(&waiting)
		return err == nil && waiting
	}, time.Minute, time.Millisecond, "a session waits")
}

// After a foresight has read the first events of a contact, and before it looks for the runs that
// listen to them, older events arrive, and become the first ones. The claim must bring the run that
// listens to an event together with the event.
func TestForesight_BringsTheRunThatListensToAnEvent(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	pool := newPool(t, url, nil)
	other := newStore(t, pool, postgres.Options{})
	require.NoError(t, other.Migrate(t.Context()))
	require.NoError(t, other.InsertAutomation(t.Context(), automation.AutomationRecord{
		ID: "welcome", Status: automation.StatusEnabled, EventName: "order.placed", Revision: 1,
	}))
	s := newStore(t, newPool(t, url, func(c *pgxpool.Config) { c.MaxConns = 1 }), postgres.Options{})
	ctx, awaited := t.Context(), hosted(1, "ada", "awaited")
	_, err := s.AppendEvents(ctx, []automation.NewEvent{hosted(0, "ada", "order.placed")})
	require.NoError(t, err)
	works, err := s.Claim(ctx, foreseen) // also prepares the statements
	require.NoError(t, err)
	require.Len(t, works, 1)
	start := starting(works[0], 1, "wait")
	start.Handled = []automation.HandledEvent{{ID: works[0].Events[0].ID}}
	start.Runs[0].Listens, start.Runs[0].DueAt = []string{"awaited"}, noon.Add(24*time.Hour)
	commitAll(t, s, []automation.Transition{start})
	_, err = s.AppendEvents(ctx, []automation.NewEvent{awaited})
	require.NoError(t, err)

	lock, err := pool.Begin(ctx)
	require.NoError(t, err)
	_, err = lock.Exec(ctx, "LOCK TABLE automation.listens IN ACCESS EXCLUSIVE MODE") // which only the look for runs reads
	require.NoError(t, err)
	claimed := make(chan []automation.Work, 1)
	go func() {
		works, err := s.Claim(ctx, foreseen)
		assert.NoError(t, err)
		claimed <- works
	}()
	awaitLock(t, pool, "relation")
	var older []automation.NewEvent
	for i := range foreseen.Events {
		e := hosted(2+i, "ada", "order.placed")
		e.Event.AcceptedAt = noon.Add(-time.Hour)
		older = append(older, e)
	}
	_, err = other.AppendEvents(ctx, older)
	require.NoError(t, err)
	require.NoError(t, lock.Commit(ctx))
	works = <-claimed
	require.Len(t, works, 1)
	var brought []string
	for _, e := range works[0].Events {
		brought = append(brought, e.ID)
		if e.Name == "awaited" {
			assert.Len(t, works[0].Runs, 1, "the run listens to one of the events")
		}
	}
	assert.Equal(t, []string{older[0].Event.ID, older[1].Event.ID}, brought)
}
