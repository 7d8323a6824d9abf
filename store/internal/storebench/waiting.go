package storebench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// anyContact is a contact directory with a contact for every id, so that a benchmark
// need not create a million of them.
type anyContact struct{}

func (anyContact) FindContact(_ context.Context, ref automation.ContactRef) (automation.Contact, error) {
	return automation.Contact{ID: ref.ID, Email: "c" + ref.ID + "@example.com"}, nil
}

func (anyContact) CreateContact(_ context.Context, email string) (automation.Contact, error) {
	return automation.Contact{ID: email, Email: email}, nil
}

func (e anyContact) UpdateContact(ctx context.Context, id string, _ automation.ContactChange) (automation.Contact, error) {
	return e.FindContact(ctx, automation.ContactRef{ID: id})
}

func (anyContact) DeleteContact(context.Context, string) error { return nil }

// waiting is an automation whose runs wait for an event, and then send an email.
var waiting = automation.Automation{
	ID: "waiting", Name: "Waiting", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "start", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "wait", Config: automation.WaitForEvent{EventName: "user.active", Timeout: automation.MustParseDuration("30 days")}},
		{Key: "welcome", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "welcome"}}},
	},
	Connections: []automation.Connection{
		{From: "start", To: "wait"},
		{From: "wait", To: "welcome", Type: automation.ConnectionEventReceived},
	},
}

// Waiting measures the time to wake one of n waiting runs, for each size n: from sending
// the event to the call of the mailer. The sizes must grow. It also reports the memory
// of the process while the runs wait, and how fast they were started.
func Waiting(b *testing.B, store automation.Store, sizes ...int) {
	box := make(postbox, 1)
	r, err := automation.New(store, box, automation.Options{Contacts: anyContact{}})
	require.NoError(b, err)
	_, err = r.Apply(b.Context(), waiting)
	require.NoError(b, err)
	made, woken := 0, map[int]bool{}
	for _, n := range sizes {
		began := time.Now()
		startWaiting(b, r, made, n)
		rate := float64(n-made) / time.Since(began).Seconds()
		made = n
		wakeAmong(b, r, box, n, rate, woken)
	}
}

// wakeAmong is the benchmark of one size: it wakes runs of n, which were made at a rate.
func wakeAmong(b *testing.B, r *automation.Runner, box postbox, n int, rate float64, woken map[int]bool) {
	b.Run(fmt.Sprintf("runs=%d", n), func(b *testing.B) {
		rearm(b, r, woken)
		stop := serve(b, r)
		wake(b, r, box, n, woken)
		b.ReportMetric(rate, "made/s")
		reportMemory(b)
		stop()
	})
}

// startWaiting sends the events of the contacts from one number to another, and starts
// their runs.
func startWaiting(b *testing.B, r *automation.Runner, from, to int) {
	const batch = 1000
	for at := from; at < to; at += batch {
		events := make([]automation.Event, 0, batch)
		for i := at; i < min(at+batch, to); i++ {
			events = append(events, automation.Event{Name: "user.created", ContactID: contactID(i)})
		}
		_, err := r.Send(b.Context(), events...)
		require.NoError(b, err)
		_, err = r.Drain(b.Context())
		require.NoError(b, err)
	}
}

// contactID returns a UUID, as most ids are.
func contactID(i int) string { return fmt.Sprintf("0195a3c0-7d00-7000-8000-%012x", i) }

// rearm starts a new waiting run for each contact whose run was woken.
func rearm(b *testing.B, r *automation.Runner, woken map[int]bool) {
	for i := range woken {
		startWaiting(b, r, i, i+1)
	}
	clear(woken)
}

// wake wakes the runs of contacts in random order, at most half of them.
func wake(b *testing.B, r *automation.Runner, box postbox, n int, woken map[int]bool) {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	var took latencies
	for len(took) < min(b.N, n/2) {
		i := random.IntN(n)
		if woken[i] {
			continue
		}
		woken[i] = true
		began := time.Now()
		_, err := r.Send(b.Context(), automation.Event{Name: "user.active", ContactID: contactID(i)})
		require.NoError(b, err)
		took = append(took, (<-box).Sub(began))
	}
	took.report(b)
	b.ReportMetric(0, "ns/op") // it would include more than the measured time
}

func reportMemory(b *testing.B) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/1e6, "heap-MB")
}
