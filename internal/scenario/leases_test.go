package scenario_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestLease_NodeThatStallsBeyondItOverwritesNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		delivery automation.Delivery
		status   automation.RunStatus
		calls    int32
	}{
		"at least once": {automation.AtLeastOnce, automation.RunCompleted, 2},
		"at most once":  {automation.AtMostOnce, automation.RunFailed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{Delivery: tc.delivery})
			w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Pause("pause", "1 hour")))
			var calls atomic.Int32
			stalled, wake := make(chan struct{}), make(chan struct{})
			w.Mailer.Respond = func(context.Context, automation.Email) error {
				if calls.Add(1) == 1 {
					close(stalled)
					<-wake
				}
				return nil
			}
			w.Send(world.ForAda("user.created", nil))
			ended := make(chan error, 1)
			go func() {
				_, err := w.Runner.Drain(context.Background())
				ended <- err
			}()
			<-stalled
			other := w.Node(w.Opts)
			_, err := other.Drain(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, calls.Load(), "the lease is still good")

			w.Clock.Add(2 * time.Minute)
			_, err = other.Drain(t.Context())
			require.NoError(t, err)
			before := w.Run()
			close(wake)
			require.NoError(t, <-ended)
			assert.Equal(t, before, w.Run(), "the commit of the node that stalled is refused")
			assert.EqualValues(t, tc.calls, calls.Load())
			w.Pass(time.Hour)
			run := w.Run()
			assert.Equal(t, tc.status, run.Status)
			assert.Len(t, w.Mailer.Emails(), 1)
		})
	}
	t.Run("while the other is at work", func(t *testing.T) {
		t.Parallel()
		w := world.New(t, automation.Options{})
		w.Create(world.Flow("", "user.created", world.Email("welcome"), world.Pause("pause", "1 hour")))
		var calls atomic.Int32
		asked := make(chan struct{})
		answer := []chan struct{}{make(chan struct{}), make(chan struct{})}
		w.Mailer.Respond = func(context.Context, automation.Email) error {
			n := calls.Add(1)
			asked <- struct{}{}
			<-answer[n-1]
			return nil
		}
		w.Send(world.ForAda("user.created", nil))
		var ended [2]chan error
		for i, node := range []*automation.Runner{w.Runner, w.Node(w.Opts)} {
			ended[i] = make(chan error, 1)
			go func() {
				_, err := node.Drain(context.Background())
				ended[i] <- err
			}()
			<-asked
			if i == 0 {
				w.Clock.Add(2 * time.Minute)
			}
		}
		before := w.Run()
		close(answer[0])
		require.NoError(t, <-ended[0])
		require.Equal(t, before, w.Run(), "the node that stalled writes nothing")
		close(answer[1])
		require.NoError(t, <-ended[1])
		assert.Equal(t, automation.StepCompleted, world.Step(t, w.Run(), "welcome").Status)
		assert.EqualValues(t, 2, calls.Load())
		assert.Len(t, w.Mailer.Emails(), 1)
	})
}

func TestLease_NodeDoesNotPerformWhatItHasLost(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	for _, n := range []string{"ada", "bob"} {
		w.AddContact(automation.Contact{ID: n, Email: n + "@example.com"})
	}
	other := w.Node(w.Opts)
	calls := map[string]int{}
	stalled := false
	w.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		calls[e.To]++
		if !stalled {
			stalled = true
			w.Clock.Add(2 * time.Minute) // this node stalls, and another node takes over
			_, err := other.Drain(w.Ctx)
			return err
		}
		return nil
	}
	w.Send(world.Signup("ada@example.com"), world.Signup("bob@example.com"))
	w.Drain()
	assert.Equal(t, 1, calls["bob@example.com"], "the attempt of bob's email was not open when the lease was lost")
}

func TestLease_DrainLeavesWhatAnotherNodeHasLeased(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Lease: time.Minute})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	c := w.AddContact(automation.Contact{Email: "ada@example.com"})
	w.Send(automation.Event{Name: "signup", ContactID: c.ID}, world.Signup("bob@example.com"))
	_, err := w.Memory.Claim(w.Ctx, automation.ClaimParams{
		Now: world.Start, Lease: time.Minute, Limit: 1, Events: 1, Runs: 1, Contact: automation.ContactRef{ID: c.ID},
	})
	require.NoError(t, err)
	w.Drain()
	require.Len(t, w.Mailer.Emails(), 1)
	assert.Equal(t, "bob@example.com", w.Mailer.Emails()[0].To)
	w.Pass(time.Minute)
	assert.Len(t, w.Mailer.Emails(), 2, "the lease has ended")
}

// A task waits for the effects of all tasks before it, however long they take.
func TestLease_DrainRenewsWhatHasToWait(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Lease: time.Minute})
	other := w.Node(w.Opts)
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	var to []string
	w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
		to = append(to, e.To)
		w.Clock.Add(45 * time.Second)
		n, err := other.Drain(ctx)
		assert.Zero(t, n, "no other node works on what this one holds")
		return err
	}
	for _, e := range world.Signups(5) {
		w.AddContact(automation.Contact{Email: e.Email})
	}
	w.Send(world.Signups(5)...)
	w.Drain()
	assert.Len(t, to, 5, "each once")
	for _, run := range w.Runs() {
		assert.Equal(t, automation.RunCompleted, run.Status)
	}
}

func TestLease_RunRenewsItDuringALongEffect(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.New(t, automation.Options{Lease: time.Minute, EffectTimeout: 24 * time.Hour})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		for range 30 {
			w.Clock.Add(20 * time.Second)
			synctest.Wait()
			w.Drain() // another node finds nothing to claim
		}
		assert.EqualValues(t, 1, g.Attempts.Load())
		g.Open()
		synctest.Wait()
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
		assert.Empty(t, world.Step(t, w.Run(), "hello").Attempts)
	})
}

func TestLease_RunRenewsItWhileItStops(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Lease: time.Minute, EffectTimeout: time.Hour, ShutdownTimeout: 10 * time.Minute})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		stop := w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { _ = stop(); close(stopped) }()
		world.Advance(5 * time.Minute)
		other := w.Node(w.Opts)
		go func() { _, _ = other.Drain(w.Ctx) }()
		synctest.Wait()
		assert.EqualValues(t, 1, g.Attempts.Load())
		g.Open()
		<-stopped
	})
}

func TestLease_NodeDoesNotTakeOverItsOwnWork(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		j := &jumpy{}
		w := world.New(t, automation.Options{Clock: j, EffectTimeout: time.Hour})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		require.EqualValues(t, 1, g.Attempts.Load())
		j.offset.Store(int64(10 * time.Minute)) // as after a sleep of the machine
		world.Advance(2 * time.Second)
		assert.EqualValues(t, 1, g.Attempts.Load())
		g.Open()
		world.Advance(time.Second)
		assert.Equal(t, automation.RunCompleted, w.Run().Status)
		assert.Empty(t, world.Step(t, w.Run(), "hello").Attempts)
	})
}

// jumpy is the bubble's clock with an offset, so that it can jump.
type jumpy struct{ offset atomic.Int64 }

func (j *jumpy) Now() time.Time { return time.Now().Add(time.Duration(j.offset.Load())) }

func (j *jumpy) After(d time.Duration) <-chan time.Time { return time.After(d) }

// All contacts are claimed at once, and the emails are sent one after the other. So a
// Runner needs most leases for much longer than they last. No wake-up comes.
func TestLease_RunRenewsItWhileTasksEndAllTheTime(t *testing.T) {
	t.Parallel()
	const contacts = 300
	ends := make(world.Endings, contacts)
	w := world.New(t, automation.Options{Observer: ends, Concurrency: 1, Lease: 10 * time.Second, PollInterval: time.Hour})
	log := &leaseLog{ends: map[automation.ContactRef]time.Time{}}
	w.Store.OnClaim, w.Store.OnCommit = log.claim, log.commit
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		w.Clock.Add(100 * time.Millisecond) // the duration of one email
		return nil
	}
	w.Create(world.Flow("hello", "signup", world.Email("hello")))
	w.Send(world.Signups(contacts)...)
	stop := w.Serve(w.Runner)
	for range contacts {
		<-ends
	}
	require.ErrorIs(t, stop(), context.Canceled)
	assert.Less(t, log.late, contacts/10, "the clock may be faster than the scheduler")
	assert.Len(t, w.Mailer.Emails(), contacts)
}

func TestLease_NodeWhoseClockIsAheadTakesOverWorkInProgress(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	ahead := world.NewPacedClock()
	ahead.Set(world.Start.Add(2 * time.Minute))
	other := w.Node(automation.Options{Clock: ahead})
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day")))
	var keys []string
	w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
		keys = append(keys, e.IdempotencyKey)
		if len(keys) > 1 {
			return nil
		}
		_, err := other.Drain(ctx) // while the email is under way
		return err
	}
	w.Send(world.Signup("ada@example.com"))
	_, _ = w.Runner.Drain(w.Ctx)
	require.Len(t, keys, 2, "the email is handed over twice")
	assert.Equal(t, keys[0], keys[1])
	assert.Equal(t, "rest", w.Run().Step)
	assert.Len(t, world.Step(t, w.Run(), "hello").Attempts, 1, "the outcome of the node that lost its lease is refused")
}

// leaseLog counts the leases that expire before they are renewed.
type leaseLog struct {
	mu   sync.Mutex
	ends map[automation.ContactRef]time.Time
	late int
}

func (s *leaseLog) claim(ctx context.Context, next automation.Store, p automation.ClaimParams) ([]automation.Work, error) {
	works, err := next.Claim(ctx, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range works {
		s.ends[works[i].Key] = p.Now.Add(p.Lease)
	}
	return works, err
}

func (s *leaseLog) commit(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
	s.mu.Lock()
	for i := range ts {
		if t := &ts[i]; !t.Now.Before(s.ends[t.Key]) {
			s.late++
		}
		s.ends[ts[i].Key] = ts[i].Extend
	}
	s.mu.Unlock()
	return next.Commit(ctx, ts)
}
