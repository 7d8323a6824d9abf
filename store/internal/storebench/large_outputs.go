package storebench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// LargeOutputs measures runs that receive one event after another with a payload of
// 250 KiB, for each number of events. The time for an event must not grow with the number.
// It does not include the time of the send. One iteration is one run.
func LargeOutputs(b *testing.B, store automation.Store, sizes ...int) {
	r, err := automation.New(store, make(postbox), automation.Options{Contacts: anyContact{}})
	require.NoError(b, err)
	contact := 0
	for _, n := range sizes {
		a := answers(n)
		_, err := r.Apply(b.Context(), a)
		require.NoError(b, err)
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			var took time.Duration
			for range b.N {
				contact++
				took += answer(b, r, contactID(contact), a.ID, n)
			}
			b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N*n), "ms/event")
			b.ReportMetric(0, "ns/op") // it would include the sends
			counts, err := r.CountRuns(b.Context(), a.ID)
			require.NoError(b, err)
			require.Len(b, counts, 1)
			require.Equal(b, automation.RunCompleted, counts[0].Status)
		})
	}
}

// answer starts a run of answers and sends it n events. It returns how long it took to
// handle the events.
func answer(b *testing.B, r *automation.Runner, contact, started string, n int) (took time.Duration) {
	payload := automation.Payload(map[string]any{"text": strings.Repeat("x", 250<<10)})
	_, err := r.Send(b.Context(), automation.Event{Name: started, ContactID: contact})
	require.NoError(b, err)
	_, err = r.Drain(b.Context())
	require.NoError(b, err)
	for range n {
		_, err := r.Send(b.Context(), automation.Event{Name: "answer", ContactID: contact, Payload: payload})
		require.NoError(b, err)
		began := time.Now()
		_, err = r.Drain(b.Context())
		require.NoError(b, err)
		took += time.Since(began)
	}
	return took
}

// answers is an automation that waits for n events, one after the other. The name of the
// event that starts it is its id.
func answers(n int) automation.Automation {
	id := fmt.Sprintf("answers%d", n)
	a := automation.Automation{
		ID: id, Name: id, Status: automation.StatusEnabled,
		Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: id}}},
	}
	for i := range n {
		last, key := a.Steps[i].Key, fmt.Sprintf("wait%d", i)
		a.Steps = append(a.Steps, automation.Step{Key: key, Config: automation.WaitForEvent{EventName: "answer"}})
		a.Connections = append(a.Connections, automation.Connection{From: last, To: key})
	}
	return a
}
