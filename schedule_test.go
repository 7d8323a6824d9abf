package automation_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// asks counts how often a store was asked for work.
type asks struct {
	automation.Store
	claims atomic.Int64
}

func (s *asks) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	s.claims.Add(1)
	return s.Store.Claim(ctx, p)
}

func TestRun_ClaimsOnceForAnEvent(t *testing.T) {
	t.Parallel()
	const events = 50
	store, ends := &asks{Store: memory.New()}, make(endings, events)
	r, err := automation.New(store, capture.New(), automation.Options{Observer: ends, PollInterval: time.Hour})
	require.NoError(t, err)
	_, err = r.Apply(t.Context(), automation.Automation{
		ID: "nothing", Name: "Nothing", Status: automation.StatusEnabled,
		Steps: []automation.Step{{Key: "start", Config: automation.Trigger{EventName: "signup"}}},
	})
	require.NoError(t, err)
	for i := range events {
		_, err := r.CreateContact(t.Context(), automation.Contact{ID: fmt.Sprint(i), Email: fmt.Sprintf("c%d@example.com", i)})
		require.NoError(t, err)
	}
	stop := serve(t, r)
	for i := range events {
		_, err := r.Send(t.Context(), automation.Event{Name: "signup", ContactID: fmt.Sprint(i)})
		require.NoError(t, err)
		<-ends
	}
	stop()
	// The store may be asked just when the next event comes, or after it was claimed.
	assert.Less(t, store.claims.Load(), int64(2*events))
}

// leases notes when a lease was renewed that had expired.
type leases struct {
	automation.Store
	mu   sync.Mutex
	ends map[automation.ContactRef]time.Time
	late int
}

func (s *leases) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	works, err := s.Store.Claim(ctx, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range works {
		s.ends[works[i].Key] = p.Now.Add(p.Lease)
	}
	return works, err
}

func (s *leases) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	s.mu.Lock()
	for i := range ts {
		if t := &ts[i]; !t.Now.Before(s.ends[t.Key]) {
			s.late++
		}
		s.ends[ts[i].Key] = ts[i].Extend
	}
	s.mu.Unlock()
	return s.Store.Commit(ctx, ts)
}

// ticking is a mailer on whose clock an email takes a while.
type ticking struct {
	*capture.Mailer
	clock *clock.Mock
}

func (m ticking) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	m.clock.Add(100 * time.Millisecond)
	return m.Mailer.SendEmail(ctx, e)
}

// All contacts are claimed at once, and one email is sent after the other: most leases
// are needed for much longer than they last, and nobody wakes the scheduler.
func TestRun_RenewsLeasesWhileTasksEndAllTheTime(t *testing.T) {
	t.Parallel()
	const contacts = 300
	mock := clock.NewMock()
	mock.Set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	store := &leases{Store: memory.New(), ends: map[automation.ContactRef]time.Time{}}
	ends, mailer := make(endings, contacts), ticking{capture.New(), mock}
	r, err := automation.New(store, mailer, automation.Options{
		Observer: ends, Clock: mock, Concurrency: 1, Lease: 10 * time.Second, PollInterval: time.Hour,
	})
	require.NoError(t, err)
	_, err = r.Apply(t.Context(), hello)
	require.NoError(t, err)
	_, err = r.Send(t.Context(), signups(contacts)...)
	require.NoError(t, err)
	stop := serve(t, r)
	for range contacts {
		<-ends
	}
	stop()
	assert.Less(t, store.late, contacts/10, "the clock may be faster than the scheduler")
	assert.Len(t, mailer.Emails(), contacts)
}

// hello sends an email to whoever signs up.
var hello = automation.Automation{
	ID: "hello", Name: "Hello", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "start", Config: automation.Trigger{EventName: "signup"}},
		{Key: "email", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
	},
	Connections: []automation.Connection{{From: "start", To: "email"}},
}

// stuck is a mailer that waits after the first email.
type stuck struct {
	first atomic.Bool
	until chan struct{}
}

func (m *stuck) SendEmail(context.Context, automation.Email) (string, error) {
	if m.first.Swap(true) {
		<-m.until
	}
	return "", nil
}

// In the bubble Wait returns only when everybody sleeps.
func TestRun_SleepsWhileThereIsNoRoom(t *testing.T) {
	t.Parallel()
	for _, room := range []int{1, 2, 3, 4, 5} {
		synctest.Test(t, func(t *testing.T) {
			mailer, ends := &stuck{until: make(chan struct{})}, make(endings, 8)
			r, err := automation.New(memory.New(), mailer, automation.Options{InFlight: room, Observer: ends})
			require.NoError(t, err)
			_, err = r.Apply(t.Context(), hello)
			require.NoError(t, err)
			stop := serve(t, r)
			_, err = r.Send(t.Context(), signups(8)...)
			require.NoError(t, err)
			synctest.Wait()
			close(mailer.until)
			for range 8 {
				<-ends
			}
			stop()
		})
	}
}
