package jetstream_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// BenchmarkRun measures complete runs, from the event to the end, with one email each.
func BenchmarkRun(b *testing.B) {
	server, err := embedded.Start(embedded.Options{Dir: b.TempDir()})
	require.NoError(b, err)
	defer server.Close()
	nc, err := server.Connect()
	require.NoError(b, err)
	defer nc.Close()
	store, err := jetstream.New(b.Context(), nc, memory.New(), jetstream.Options{SyncedByHost: true, Partitions: 4})
	require.NoError(b, err)
	mailer := capture.New()
	runner, err := automation.New(store, mailer, automation.Options{})
	require.NoError(b, err)
	_, err = runner.CreateAutomation(b.Context(), flow(email("hello")))
	require.NoError(b, err)
	events := make([]automation.Event, b.N)
	for i := range events {
		c, err := runner.CreateContact(b.Context(), automation.Contact{Email: fmt.Sprintf("%d@example.com", i)})
		require.NoError(b, err)
		events[i] = automation.Event{Name: "signup", ContactID: c.ID}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- jetstream.NewWorker(store, runner, jetstream.WorkerOptions{}).Run(ctx) }()
	b.ResetTimer()
	for from := 0; from < b.N; from += 100 {
		_, err := runner.Send(b.Context(), events[from:min(from+100, b.N)]...)
		require.NoError(b, err)
	}
	for completed(b, runner) < b.N {
		time.Sleep(5 * time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	cancel()
	<-done
}
