package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/store/postgres"
)

// senders is how many goroutines of the host send events at once.
const senders = 64

// mailer counts emails, and says when there were enough.
type mailer struct {
	left atomic.Int64
	done chan struct{}
}

func newMailer(emails int) *mailer {
	m := &mailer{done: make(chan struct{})}
	m.left.Store(int64(emails))
	return m
}

func (m *mailer) SendEmail(context.Context, automation.Email) (string, error) {
	if m.left.Add(-1) == 0 {
		close(m.done)
	}
	return "sent", nil
}

func openForBench(b *testing.B) (*postgres.Store, *pgxpool.Pool) {
	pool := newPool(b, pgtest.URL(b), func(c *pgxpool.Config) { c.MaxConns = 16 })
	s, err := postgres.New(pool, postgres.Options{})
	require.NoError(b, err)
	require.NoError(b, s.Migrate(b.Context()))
	return s, pool
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

// benchContacts keeps n contacts and returns their ids.
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

// shortFlow is the work of a run that never sleeps: trigger, condition,
// contact_update, send_email.
func shortFlow() automation.Automation {
	return automation.Automation{
		ID: "short", Name: "Short", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "pro", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}},
			{Key: "update", Config: automation.ContactUpdate{FirstName: automation.Var("event.name")}},
			{Key: "welcome", Config: automation.SendEmail{Template: automation.TemplateRef{
				ID: "welcome", Variables: map[string]automation.Value{"NAME": automation.Var("contact.first_name")},
			}}},
		},
		Connections: []automation.Connection{
			{From: "start", To: "pro"},
			{From: "pro", To: "update", Type: automation.ConnectionConditionMet},
			{From: "update", To: "welcome"},
		},
	}
}

// BenchmarkThroughput sends events one by one, from many goroutines, for contacts
// that are known, and lets Run take the runs that they start to their end: one
// iteration is one complete run.
func BenchmarkThroughput(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	s, pool := openForBench(b)
	mailer := newMailer(b.N)
	r, err := automation.New(s, mailer, automation.Options{})
	require.NoError(b, err)
	_, err = r.CreateAutomation(ctx, shortFlow())
	require.NoError(b, err)
	contacts := benchContacts(b, pool, 20_000)
	payload := automation.Payload(map[string]any{"plan": "pro", "name": "Ada"})
	served := make(chan error, 1)
	b.ResetTimer()
	go func() { served <- r.Run(ctx) }()
	together(b, b.N, func(i int) error {
		_, err := r.Send(ctx, automation.Event{Name: "user.created", ContactID: contacts[i%len(contacts)], Payload: payload})
		return err
	})
	sent := b.Elapsed()
	<-mailer.done
	cancel()
	<-served // the last outcomes are written
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	b.ReportMetric(float64(b.N)/sent.Seconds(), "events/s")
	counts, err := s.CountRuns(b.Context(), "short")
	require.NoError(b, err)
	require.Equal(b, []automation.RunCount{{Version: 1, Step: "welcome", Status: automation.RunCompleted, Count: b.N}}, counts)
}

// BenchmarkAppendEvents sends single events from many goroutines: one iteration is
// one event.
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

// BenchmarkClaimAndCommit claims contacts with one event each, starts a run for it,
// and ends the run: one iteration is one contact, of which size are taken at a time.
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

// startAndEnd commits twice: a run for each contact, and its end.
func startAndEnd(b *testing.B, s *postgres.Store, works []automation.Work, first int, now time.Time) {
	ts := make([]automation.Transition, len(works))
	for i, w := range works {
		ts[i] = starting(w, first+i, "first")
		ts[i].Handled, ts[i].Release, ts[i].Extend = []string{w.Events[0].ID}, false, now.Add(time.Minute)
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
