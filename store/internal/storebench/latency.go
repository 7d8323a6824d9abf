package storebench

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// postbox is a mailer that sends the times at which it is called to a channel.
type postbox chan time.Time

// SendEmail implements automation.Mailer.
func (p postbox) SendEmail(context.Context, automation.Email) (string, error) {
	p <- time.Now()
	return "posted", nil
}

// latencies contains the duration of each call.
type latencies []time.Duration

// report reports the median and the 99th percentile.
func (l latencies) report(b *testing.B) {
	slices.Sort(l)
	b.ReportMetric(float64(l[len(l)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(l[len(l)*99/100].Microseconds())/1000, "p99-ms")
}

// FirstStep measures, on a Runner that has nothing else to do, the time from sending an
// event to the call of the mailer by the first step. In between the event is kept, the
// run is started, and the open attempt of the step is recorded.
func FirstStep(b *testing.B, store automation.Store) {
	box := make(postbox, 1)
	r, err := automation.New(store, box, automation.Options{})
	require.NoError(b, err)
	_, err = r.Apply(b.Context(), automation.Automation{
		ID: "first", Name: "First step", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "welcome", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "welcome"}}},
		},
		Connections: []automation.Connection{{From: "start", To: "welcome"}},
	})
	require.NoError(b, err)
	c, err := r.CreateContact(b.Context(), automation.Contact{Email: "ada@example.com"})
	require.NoError(b, err)
	defer serve(b, r)()
	var took latencies
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		_, err := r.Send(b.Context(), automation.Event{Name: "user.created", ContactID: c.ID})
		require.NoError(b, err)
		took = append(took, (<-box).Sub(began))
	}
	b.StopTimer()
	took.report(b)
}
