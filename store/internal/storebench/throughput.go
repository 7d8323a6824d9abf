package storebench

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// senders is how many goroutines send events, one event at a time each, as the
// handlers of requests in an application do.
const senders = 64

// people is how many contacts there are. The more there are, the less an event of a
// contact has to wait for the event before it.
const people = 10_000

// counter is a mailer that sends nothing. It closes done after a number of calls.
type counter struct {
	left atomic.Int64
	done chan struct{}
}

func newCounter(n int) *counter {
	c := &counter{done: make(chan struct{})}
	c.left.Store(int64(n))
	return c
}

// SendEmail implements automation.Mailer.
func (c *counter) SendEmail(context.Context, automation.Email) (string, error) {
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
	return "counted", nil
}

// flow is an automation whose runs never sleep: a condition, a change of the contact,
// and an email.
var flow = automation.Automation{
	ID: "flow", Name: "Flow", Status: automation.StatusEnabled,
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

// Throughput measures complete runs a second on one node. Each event is sent by itself.
// The measurement ends when everything about all runs is in the store.
func Throughput(b *testing.B, store automation.Store) {
	ctx := b.Context()
	mailer := newCounter(b.N)
	r, err := automation.New(store, mailer, automation.Options{})
	require.NoError(b, err)
	_, err = r.Apply(ctx, flow)
	require.NoError(b, err)
	contacts := populate(b, r)
	stop := serve(b, r)

	b.ResetTimer()
	sendAll(b, r, contacts)
	<-mailer.done
	stop() // returns when the last runs are recorded
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")

	counts, err := r.CountRuns(ctx, flow.ID)
	require.NoError(b, err)
	for _, c := range counts {
		require.Equal(b, automation.RunCompleted, c.Status, "%+v", c)
	}
}

// populate creates the contacts.
func populate(b *testing.B, r *automation.Runner) []string {
	ids := make([]string, min(b.N, people))
	var wg sync.WaitGroup
	for w := range senders {
		wg.Go(func() {
			for i := w; i < len(ids); i += senders {
				c, err := r.CreateContact(b.Context(), automation.Contact{Email: fmt.Sprintf("c%d@example.com", i)})
				if err != nil {
					b.Error(err)
					return
				}
				ids[i] = c.ID
			}
		})
	}
	wg.Wait()
	return ids
}

// serve runs r until stop is called, which returns when r has stopped.
func serve(b *testing.B, r *automation.Runner) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	return func() {
		cancel()
		require.ErrorIs(b, <-ended, context.Canceled)
	}
}

func sendAll(b *testing.B, r *automation.Runner, contacts []string) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.N {
					return
				}
				payload := json.RawMessage(`{"plan":"pro","name":"Ada ` + strconv.Itoa(i) + `"}`)
				if _, err := r.Send(b.Context(), automation.Event{
					Name: "user.created", ContactID: contacts[i%len(contacts)], Payload: payload,
				}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
