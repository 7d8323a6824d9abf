package storebench

import (
	"fmt"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// OneContactEnds measures how fast all runs of a single contact go on, for each number of runs:
// by the event that they wait for, after which Run sends an email for each; and, with Drain, by
// their timeouts, because they are cancelled, and because their contact is deleted. The time
// for a run must not grow with the number. One iteration is all runs of one contact on a store
// that open returns.
func OneContactEnds(b *testing.B, open func(b *testing.B) automation.Store, sizes ...int) {
	for _, end := range []struct {
		name string
		do   func(b *testing.B, r *automation.Runner, mock *clock.Mock, box postbox)
	}{
		{"event", endByEvent}, {"timeout", endByTimeout}, {"cancel", endByCancel}, {"delete", endByDelete},
	} {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/runs=%d", end.name, n), func(b *testing.B) {
				var took time.Duration
				for range b.N {
					mock, box := clock.NewMock(), make(postbox, n)
					r, err := automation.New(open(b), box, automation.Options{Clock: mock})
					require.NoError(b, err)
					_, err = r.Apply(b.Context(), waiting)
					require.NoError(b, err)
					_, err = r.CreateContact(b.Context(), automation.Contact{ID: contactID(0), Email: "ada@example.com"})
					require.NoError(b, err)
					sendToOne(b, r, n)
					_, err = r.Drain(b.Context())
					require.NoError(b, err)
					requireWaiting(b, r, n)
					mock.Add(time.Second)
					began := time.Now()
					end.do(b, r, mock, box)
					took += time.Since(began)
					requireEnded(b, r, n)
				}
				b.ReportMetric(float64(took.Microseconds())/float64(b.N*n), "µs/run")
				b.ReportMetric(0, "ns/op") // it would include the start of the runs
			})
		}
	}
}

func endByEvent(b *testing.B, r *automation.Runner, _ *clock.Mock, box postbox) {
	_, err := r.Send(b.Context(), automation.Event{Name: "user.active", ContactID: contactID(0)})
	require.NoError(b, err)
	stop := serve(b, r)
	for range cap(box) {
		<-box
	}
	stop() // Run has written the last outcomes
}

func endByTimeout(b *testing.B, r *automation.Runner, mock *clock.Mock, _ postbox) {
	mock.Add(30 * 24 * time.Hour)
	_, err := r.Drain(b.Context())
	require.NoError(b, err)
}

func endByCancel(b *testing.B, r *automation.Runner, _ *clock.Mock, _ postbox) {
	_, err := r.StopAutomation(b.Context(), waiting.ID, automation.StopOptions{CancelRuns: true})
	require.NoError(b, err)
	_, err = r.Drain(b.Context())
	require.NoError(b, err)
}

func endByDelete(b *testing.B, r *automation.Runner, _ *clock.Mock, _ postbox) {
	require.NoError(b, r.DeleteContact(b.Context(), contactID(0)))
	_, err := r.Drain(b.Context())
	require.NoError(b, err)
}

// requireEnded checks that n runs have ended.
func requireEnded(b *testing.B, r *automation.Runner, n int) {
	counts, err := r.CountRuns(b.Context(), waiting.ID)
	require.NoError(b, err)
	require.Len(b, counts, 1)
	require.NotEqual(b, automation.RunRunning, counts[0].Status)
	require.Equal(b, n, counts[0].Count)
}
