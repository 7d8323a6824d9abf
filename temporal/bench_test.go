package temporal_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/temporal"
)

// benchmark calls measure with a Runner on a development server. mailed receives a value for each
// email.
func benchmark(b *testing.B, measure func(b *testing.B, r *automation.Runner, mailed <-chan struct{})) {
	server := startServer(b)
	store, err := temporal.New(b.Context(), server.connect(b), memory.New(), temporal.Options{Timeout: time.Minute})
	require.NoError(b, err)
	mailed := make(chan struct{}, b.N)
	runner, err := automation.New(store, mailerFunc(func(automation.Email) { mailed <- struct{}{} }), automation.Options{})
	require.NoError(b, err)
	_, err = runner.CreateAutomation(b.Context(), flow(email("hello")))
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- temporal.NewWorker(store, runner, temporal.WorkerOptions{}).Run(ctx) }()
	measure(b, runner, mailed)
	b.StopTimer()
	cancel()
	<-done
}

// mailerFunc is a mailer that accepts every email.
type mailerFunc func(e automation.Email)

func (f mailerFunc) SendEmail(_ context.Context, e automation.Email) (string, error) {
	f(e)
	return "id", nil
}

// BenchmarkRun measures complete runs, from the event to the end, with one email each.
func BenchmarkRun(b *testing.B) {
	benchmark(b, func(b *testing.B, r *automation.Runner, _ <-chan struct{}) {
		events := make([]automation.Event, b.N)
		for i := range events {
			c, err := r.CreateContact(b.Context(), automation.Contact{Email: fmt.Sprintf("%d@example.com", i)})
			require.NoError(b, err)
			events[i] = automation.Event{Name: "signup", ContactID: c.ID}
		}
		b.ResetTimer()
		for from := 0; from < b.N; from += 100 {
			_, err := r.Send(b.Context(), events[from:min(from+100, b.N)]...)
			require.NoError(b, err)
		}
		for completed(b, r) < b.N {
			time.Sleep(5 * time.Millisecond) // the real servers decide when
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
	})
}

// BenchmarkFirstStep measures the time from a Send to the email, while nothing else happens.
func BenchmarkFirstStep(b *testing.B) {
	benchmark(b, func(b *testing.B, r *automation.Runner, mailed <-chan struct{}) {
		c, err := r.CreateContact(b.Context(), automation.Contact{Email: "ada@example.com"})
		require.NoError(b, err)
		b.ResetTimer()
		for range b.N {
			_, err := r.Send(b.Context(), automation.Event{Name: "signup", ContactID: c.ID})
			require.NoError(b, err)
			<-mailed
		}
	})
}
