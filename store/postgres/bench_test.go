package postgres_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/internal/storebench"
	"github.com/seed-b636437c/automation/store/postgres"
)

// senders is how many goroutines of the host send events at once.
const senders = 64

func openForBench(b *testing.B) (*postgres.Store, *pgxpool.Pool) {
	pool := newPool(b, pgtest.URL(b), func(c *pgxpool.Config) { c.MaxConns = 16 })
	s, err := postgres.New(pool, postgres.Options{})
	require.NoError(b, err)
	require.NoError(b, s.Migrate(b.Context()))
	return s, pool
}

func openStore(b *testing.B) automation.Store {
	s, _ := openForBench(b)
	return s
}

// together calls do n times, from as many goroutines as there are senders.
func together(tb testing.TB, n int, do func(i int) error) {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		require.NoError(tb, *err)
	}
}

// benchContacts inserts n contacts and returns their ids.
func benchContacts(b *testing.B, pool *pgxpool.Pool, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", i)
	}
	_, err := pool.Exec(b.Context(), `
INSERT INTO automation.contacts (id, email, email_key, first_name, last_name, unsubscribed, properties, segments, created_at)
SELECT id, id || '@example.com', id || '@example.com', '', '', false, '', '', now() FROM unnest($1::text[]) AS id`, ids)
	require.NoError(b, err)
	return ids
}

func BenchmarkThroughput(b *testing.B) {
	s, _ := openForBench(b)
	storebench.Throughput(b, s)
}

func BenchmarkFirstStep(b *testing.B) {
	s, _ := openForBench(b)
	storebench.FirstStep(b, s)
}

func BenchmarkWaiting(b *testing.B) {
	s, _ := openForBench(b)
	storebench.Waiting(b, s, 1_000, 1_000_000)
}

func BenchmarkWaitingWithExits(b *testing.B) {
	storebench.WaitingWithExits(b, openStore, 1_000, 1_000_000)
}

func BenchmarkProject(b *testing.B) {
	s, _ := openForBench(b)
	storebench.Project(b, s)
}

func BenchmarkSleeping(b *testing.B) {
	s, pool := openForBench(b)
	storebench.Sleeping(b, s, func() int64 { return size(b, pool) })
}

func BenchmarkSleepingWithExits(b *testing.B) {
	s, pool := openForBench(b)
	storebench.SleepingWithExits(b, s, func() int64 { return size(b, pool) })
}

// size returns the bytes of the tables and indexes after a vacuum.
func size(b *testing.B, pool *pgxpool.Pool) (bytes int64) {
	execute(b, pool, `VACUUM`)
	require.NoError(b, pool.QueryRow(b.Context(), `
SELECT sum(pg_total_relation_size(format('automation.%I', tablename)::regclass))::bigint FROM pg_tables WHERE schemaname = 'automation'`).Scan(&bytes))
	if testing.Verbose() {
		logSizes(b, pool)
	}
	return bytes
}

// logSizes logs the sizes of large tables and indexes.
func logSizes(b *testing.B, pool *pgxpool.Pool) {
	rows, err := pool.Query(b.Context(), `
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relnamespace = 'automation'::regnamespace AND relkind IN ('r', 'i') AND pg_relation_size(oid) > 100000 ORDER BY 2 DESC`)
	require.NoError(b, err)
	var name string
	var bytes int64
	_, err = pgx.ForEachRow(rows, []any{&name, &bytes}, func() error {
		b.Logf("%-30s %6.1f bytes/run", name, float64(bytes)/float64(b.N))
		return nil
	})
	require.NoError(b, err)
}

// BenchmarkAppendEvents sends single events from many goroutines. One iteration is one
// event.
func BenchmarkAppendEvents(b *testing.B) {
	s, pool := openForBench(b)
	contacts := benchContacts(b, pool, 20_000)
	b.ResetTimer()
	together(b, b.N, func(i int) error {
		_, err := s.AppendEvents(b.Context(), []automation.NewEvent{benchEvent(i, contacts[i%len(contacts)])})
		return err
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func benchEvent(i int, contact string) automation.NewEvent {
	e := order(i, "")
	e.Event.ContactID, e.Event.AcceptedAt = contact, noon.Add(time.Duration(i)*time.Microsecond)
	return e
}

// BenchmarkClaimAndCommit claims contacts with one event each, starts a run for the
// event, and ends the run. One iteration is one contact. Each claim takes size contacts.
func BenchmarkClaimAndCommit(b *testing.B) {
	for _, size := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("contacts=%d", size), func(b *testing.B) {
			s, pool := openForBench(b)
			require.NoError(b, s.InsertAutomation(b.Context(), automation.AutomationRecord{
				ID: "welcome", Status: automation.StatusEnabled, EventName: "order.placed", Revision: 1,
			}))
			contacts := benchContacts(b, pool, b.N)
			for i := 0; i < b.N; i += 1000 {
				var events []automation.NewEvent
				for j := i; j < min(i+1000, b.N); j++ {
					events = append(events, benchEvent(j, contacts[j]))
				}
				_, err := s.AppendEvents(b.Context(), events)
				require.NoError(b, err)
			}
			p := automation.ClaimParams{Now: noon.Add(time.Hour), Lease: time.Minute, Limit: size, Events: 100, Runs: 100}
			b.ResetTimer()
			for done := 0; done < b.N; {
				works, err := s.Claim(b.Context(), p)
				require.NoError(b, err)
				require.NotEmpty(b, works)
				startAndEnd(b, s, works, done, p.Now)
				done += len(works)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "contacts/s")
		})
	}
}

// startAndEnd commits twice: it starts a run of each contact, and ends the run.
func startAndEnd(b *testing.B, s *postgres.Store, works []automation.Work, first int, now time.Time) {
	ts := make([]automation.Transition, len(works))
	for i, w := range works {
		ts[i] = starting(w, first+i, "first")
		ts[i].Handled, ts[i].Release, ts[i].Extend = []automation.HandledEvent{{ID: w.Events[0].ID}}, false, now.Add(time.Minute)
		ts[i].Runs[0].EventID, ts[i].Runs[0].DueAt = w.Events[0].ID, now
	}
	for range 2 {
		results, err := s.Commit(b.Context(), ts)
		require.NoError(b, err)
		for i := range results {
			require.NoError(b, results[i].Err)
			r := &ts[i].Runs[0]
			r.New, r.Status, r.CompletedAt, ts[i].Handled, ts[i].Release = false, automation.RunCompleted, now, nil, true
		}
	}
}

func BenchmarkOneContact(b *testing.B) {
	storebench.OneContact(b, openStore, 2_500, 10_000, 40_000)
}

func BenchmarkLargeOutputs(b *testing.B) {
	s, _ := openForBench(b)
	storebench.LargeOutputs(b, s, 10, 40)
}

// manyRuns inserts a million runs of ten automations, of which 30,000 failed. The ten oldest
// of these have another code than the others.
const manyRuns = `
INSERT INTO automation.automations (id, name, status, event_names, version, revision) SELECT 'a' || i, 'a', 'enabled', '{e}', 1, 1 FROM generate_series(1, 10) i;
INSERT INTO automation.places (automation_id, version, status, step, event_name)
SELECT 'a' || i % 10 + 1, 1, i / 120 + 1, 's' || i / 10 % 12, 'e' FROM generate_series(0, 239) i;
INSERT INTO automation.ended_runs (id, place_no, owner, created_at, completed_at, error)
SELECT md5('r' || i)::uuid, i % 120 + CASE WHEN i > 970000 THEN 121 ELSE 1 END, convert_to('=c' || i, 'UTF8'),
	now() - i * interval '1 second', now() - i * interval '1 second',
	CASE WHEN i > 999990 THEN '{"code":"timed_out","message":"m"}' WHEN i > 970000 THEN '{"code":"effect_failed","message":"550 5.1.1 mailbox unavailable"}' END
FROM generate_series(1, 1000000) i;
INSERT INTO automation.run_counts (place_no, slot, n) SELECT place_no, 0, count(*) FROM automation.ended_runs GROUP BY 1;
ANALYZE`

func BenchmarkListByCode(b *testing.B) {
	s, pool := openForBench(b)
	_, err := pool.Exec(b.Context(), manyRuns, pgx.QueryExecModeSimpleProtocol)
	require.NoError(b, err)
	storebench.ListByCode(b, s)
}

// manyContacts inserts a million contacts, and segments with as many members as their names
// tell.
const manyContacts = `
INSERT INTO automation.contacts (id, email, email_key, first_name, last_name, unsubscribed, properties, segments, created_at)
SELECT 'c' || i, 'person' || i || '@example.com', 'person' || i || '@example.com', '', '', false, '', '', now() FROM generate_series(1, 1000000) i;
INSERT INTO automation.contact_segments
SELECT n::text, c.no FROM unnest(ARRAY[10, 2000, 6000]) n JOIN automation.contacts c ON c.no % (1000000 / n) = 0 AND c.no / (1000000 / n) <= n;
ANALYZE`

func BenchmarkSearchMembers(b *testing.B) {
	s, pool := openForBench(b)
	_, err := pool.Exec(b.Context(), manyContacts, pgx.QueryExecModeSimpleProtocol)
	require.NoError(b, err)
	storebench.SearchMembers(b, s)
}
