package sqlite_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

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

// countingMailer counts down the emails and closes done after the last.
type countingMailer struct {
	left atomic.Int64
	done chan struct{}
}

func (m *countingMailer) SendEmail(context.Context, automation.Email) (string, error) {
	if m.left.Add(-1) == 0 {
		close(m.done)
	}
	return "sent", nil
}

// BenchmarkThroughput sends events for known contacts from 64 goroutines and lets
// Run take the runs that they start to their end: one iteration is one complete
// run. Every commit is synced to the disk.
func BenchmarkThroughput(b *testing.B) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	store, err := sqlitefile.Open(ctx, filepath.Join(b.TempDir(), "store.db"))
	require.NoError(b, err)
	defer store.Close()
	mailer := &countingMailer{done: make(chan struct{})}
	mailer.left.Store(int64(b.N))
	r, err := automation.New(store, mailer, automation.Options{})
	require.NoError(b, err)
	_, err = r.CreateAutomation(ctx, shortFlow())
	require.NoError(b, err)
	ids := insertContacts(b, store.DB(), b.N)

	served := make(chan error)
	b.ReportAllocs()
	b.ResetTimer()
	go func() { served <- r.Run(ctx) }()
	payload := automation.Payload(map[string]any{"plan": "pro", "name": "Ada"})
	var next atomic.Int64
	var senders sync.WaitGroup
	for range 64 {
		senders.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				if _, err := r.Send(ctx, automation.Event{Name: "user.created", ContactID: ids[i], Payload: payload}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	senders.Wait()
	<-mailer.done
	cancel()
	<-served // the last outcomes are written
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	counts, err := r.CountRuns(context.Background(), "short")
	require.NoError(b, err)
	require.Equal(b, []automation.RunCount{{Version: 1, Step: "welcome", Status: automation.RunCompleted, Count: b.N}}, counts)
}

