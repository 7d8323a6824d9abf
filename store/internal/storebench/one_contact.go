package storebench

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// OneContact measures how fast the runs of a single contact start and wait, for each
// number of runs: all events are sent first, and then handled. The time for a run must
// not grow with the number. One iteration is all runs of one more contact on a store
// that open returns.
func OneContact(b *testing.B, open func(b *testing.B) automation.Store, sizes ...int) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("runs=%d", n), func(b *testing.B) {
			var sending, handling time.Duration
			for range b.N {
				r, err := automation.New(open(b), make(postbox, 1), automation.Options{Contacts: anyContact{}})
				require.NoError(b, err)
				_, err = r.Apply(b.Context(), waiting)
				require.NoError(b, err)
				began := time.Now()
				sendToOne(b, r, n)
				sent := time.Now()
				_, err = r.Drain(b.Context())
				require.NoError(b, err)
				sending, handling = sending+sent.Sub(began), handling+time.Since(sent)
				requireWaiting(b, r, n)
			}
			runs := float64(b.N * n)
			b.ReportMetric(float64(sending.Microseconds())/runs, "µs-sent/run")
			b.ReportMetric(float64(handling.Microseconds())/runs, "µs-handled/run")
			b.ReportMetric(0, "ns/op") // it would include opening the store
		})
	}
}

// sendToOne sends n events to one contact.
func sendToOne(b *testing.B, r *automation.Runner, n int) {
	const batch = 1000
	for at := 0; at < n; at += batch {
		events := make([]automation.Event, min(batch, n-at))
		for i := range events {
			events[i] = automation.Event{Name: "user.created", ContactID: contactID(0)}
		}
		_, err := r.Send(b.Context(), events...)
		require.NoError(b, err)
	}
}

// requireWaiting checks that n runs wait.
func requireWaiting(b *testing.B, r *automation.Runner, n int) {
	counts, err := r.CountRuns(b.Context(), waiting.ID)
	require.NoError(b, err)
	require.Len(b, counts, 1)
	require.Equal(b, automation.RunCount{AutomationID: waiting.ID, Version: 1, Step: "wait", Status: automation.RunRunning, Count: n}, counts[0])
}
