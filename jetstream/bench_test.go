package jetstream_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/jetstream"
	"github.com/seed-b636437c/automation/jetstream/embedded"
	"github.com/seed-b636437c/automation/store/memory"
)

// measuring is a benchmark with a Runner: contacts are the ids of b.N contacts, and mailed receives a
// value for each email.
type measuring func(b *testing.B, r *automation.Runner, contacts []string, mailed <-chan struct{})

// benchmark calls measure on one server, and on three that keep all three times.
func benchmark(b *testing.B, measure measuring) {
	for _, n := range []int{1, 3} {
		b.Run(fmt.Sprintf("servers=%d", n), func(b *testing.B) { benchmarkOn(b, n, 4, measure) })
	}
}

// benchmarkOn calls measure on some servers, each of which keeps all.
func benchmarkOn(b *testing.B, n, partitions int, measure measuring) {
	servers := startServers(b, n)
	nc, err := servers[0].Connect()
	require.NoError(b, err)
	defer nc.Close()
	catalog := memory.New()
	contacts := fill(b, catalog)
	store, err := jetstream.New(b.Context(), nc, catalog, jetstream.Options{SyncedByHost: true, Partitions: partitions, Replicas: n})
	require.NoError(b, err)
	mailed := make(chan struct{}, b.N)
	runner, err := automation.New(store, mailerFunc(func(automation.Email) { mailed <- struct{}{} }), automation.Options{})
	require.NoError(b, err)
	_, err = runner.CreateAutomation(b.Context(), flow(email("hello")))
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- jetstream.NewWorker(store, runner, jetstream.WorkerOptions{Heartbeat: 200 * time.Millisecond}).Run(ctx)
	}()
	measure(b, runner, contacts, mailed)
	b.StopTimer()
	cancel()
	<-done
}

// fill makes b.N contacts in a catalog, and returns their ids.
func fill(b *testing.B, catalog automation.Store) (ids []string) {
	runner, err := automation.New(catalog, mailerFunc(func(automation.Email) {}), automation.Options{})
	require.NoError(b, err)
	for i := range b.N {
		c, err := runner.CreateContact(b.Context(), automation.Contact{Email: fmt.Sprintf("%d@example.com", i)})
		require.NoError(b, err)
		ids = append(ids, c.ID)
	}
	return ids
}

func startServers(tb testing.TB, n int) []*embedded.Server {
	if n > 1 {
		return startCluster(tb)
	}
	server, err := embedded.Start(embedded.Options{Dir: tb.TempDir()})
	require.NoError(tb, err)
	tb.Cleanup(server.Close)
	return []*embedded.Server{server}
}

// BenchmarkRun measures complete runs, from the event to the end, with one email each.
func BenchmarkRun(b *testing.B) {
	benchmark(b, func(b *testing.B, r *automation.Runner, contacts []string, _ <-chan struct{}) {
		complete(b, r, contacts)
	})
}

// BenchmarkPartitions measures complete runs on three servers, by the number of partitions.
func BenchmarkPartitions(b *testing.B) {
	for _, n := range []int{1, 2, 4, 8} {
		b.Run(fmt.Sprintf("partitions=%d", n), func(b *testing.B) {
			benchmarkOn(b, 3, n, func(b *testing.B, r *automation.Runner, contacts []string, _ <-chan struct{}) {
				complete(b, r, contacts)
			})
		})
	}
}

// BenchmarkHotContact measures complete runs of one contact.
func BenchmarkHotContact(b *testing.B) {
	benchmark(b, func(b *testing.B, r *automation.Runner, contacts []string, _ <-chan struct{}) {
		complete(b, r, slices.Repeat(contacts[:1], b.N))
	})
}

// complete sends an event to each contact, 100 with each call, and waits until all runs have ended.
func complete(b *testing.B, r *automation.Runner, contacts []string) {
	events := make([]automation.Event, len(contacts))
	for i, id := range contacts {
		events[i] = automation.Event{Name: "signup", ContactID: id}
	}
	b.ResetTimer()
	for batch := range slices.Chunk(events, 100) {
		_, err := r.Send(b.Context(), batch...)
		require.NoError(b, err)
	}
	for completed(b, r) < len(contacts) {
		time.Sleep(5 * time.Millisecond) // the real servers decide when
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
}

// BenchmarkFirstStep measures the time from a Send to the email, while nothing else happens.
func BenchmarkFirstStep(b *testing.B) {
	benchmark(b, func(b *testing.B, r *automation.Runner, contacts []string, mailed <-chan struct{}) {
		b.ResetTimer()
		for range b.N {
			_, err := r.Send(b.Context(), automation.Event{Name: "signup", ContactID: contacts[0]})
			require.NoError(b, err)
			<-mailed
		}
	})
}
