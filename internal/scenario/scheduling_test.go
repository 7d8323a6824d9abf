package scenario_test

import (
	"context"
	"fmt"
	"slices"
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

func TestRun_PerformsUpToConcurrencyEffectsAtOnce(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Concurrency: 3})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signups(20)...)
		synctest.Wait()
		assert.EqualValues(t, 3, g.Inside.Load())
		g.Open()
		synctest.Wait()
		assert.EqualValues(t, 3, g.Most.Load())
		assert.Len(t, w.Mailer.Emails(), 20)
	})
}

func TestRun_WorksOnUpToInFlightContactsAtOnce(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{InFlight: 2})
		w.AddContacts(5)
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signups(5)...)
		synctest.Wait()
		assert.EqualValues(t, 2, g.Inside.Load())
		g.Open()
		synctest.Wait()
		assert.EqualValues(t, 2, g.Most.Load())
		assert.Len(t, w.Mailer.Emails(), 5)
	})
}

func TestRun_ClaimsManyAtATimeWhileThereIsMore(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{InFlight: 20})
		w.AddContacts(200)
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Send(world.Signups(200)...)
		var limits []int // of the claims up to the first claim that is not full
		all := false
		w.Store.OnClaim = func(ctx context.Context, next automation.Store, p automation.ClaimParams) ([]automation.Work, error) {
			works, err := next.Claim(ctx, p)
			if !all {
				limits = append(limits, p.Limit)
			}
			all = all || len(works) < p.Limit
			return works, err
		}
		w.Serve(w.Runner)
		synctest.Wait()
		assert.Len(t, w.Mailer.Emails(), 200)
		assert.GreaterOrEqual(t, slices.Min(limits), 5, "a quarter of what may be in flight")
	})
}

func TestRun_ClaimsFromABusyStoreAThirdOfTheTimeAtMost(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{InFlight: 16})
		w.AddContacts(100)
		w.Mailer.Respond = func(context.Context, automation.Email) error {
			<-time.After(100 * time.Millisecond)
			return nil
		}
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Store.OnClaim = func(ctx context.Context, next automation.Store, p automation.ClaimParams) ([]automation.Work, error) {
			<-time.After(10 * time.Millisecond)
			return next.Claim(ctx, p)
		}
		w.Serve(w.Runner)
		for i := range 100 {
			w.Send(automation.Event{Name: "signup", ContactID: fmt.Sprint(i)})
			world.Advance(10 * time.Millisecond)
		}
		assert.LessOrEqual(t, w.Store.Calls("Claim"), 40, "of 100 in this second")
		world.Advance(time.Second)
		assert.Len(t, w.Mailer.Emails(), 100)
	})
}

func TestRun_ClaimsOnceForAnEvent(t *testing.T) {
	t.Parallel()
	const events = 50
	ends := make(world.Endings, events)
	w := world.New(t, automation.Options{Clock: automation.SystemClock(), Observer: ends, PollInterval: time.Hour})
	w.Runner = w.On(wrapped{w.Store}, w.Opts) // without a Watcher, which adds wake-ups
	w.Create(world.Flow("nothing", "signup"))
	w.AddContacts(events)
	stop := w.Serve(w.Runner)
	for i := range events {
		w.Send(automation.Event{Name: "signup", ContactID: fmt.Sprint(i)})
		<-ends
	}
	require.ErrorIs(t, stop(), context.Canceled)
	// One more claim may happen just when the next event comes, or after its claim.
	assert.Less(t, w.Store.Calls("Claim"), 2*events)
}

// In a bubble, synctest.Wait returns only when all goroutines sleep.
func TestRun_SleepsWhileThereIsNoRoom(t *testing.T) {
	t.Parallel()
	for _, room := range []int{1, 2, 3, 4, 5} {
		synctest.Test(t, func(t *testing.T) {
			ends := make(world.Endings, 8)
			w := world.InBubble(t, automation.Options{InFlight: room, Observer: ends})
			var first atomic.Bool
			until := make(chan struct{})
			w.Mailer.Respond = func(context.Context, automation.Email) error {
				if first.Swap(true) {
					<-until // all emails except the first
				}
				return nil
			}
			w.Create(world.Flow("hello", "signup", world.Email("email")))
			stop := w.Serve(w.Runner)
			w.Send(world.Signups(8)...)
			synctest.Wait()
			close(until)
			for range 8 {
				<-ends
			}
			require.ErrorIs(t, stop(), context.Canceled)
		})
	}
}

// parallel is a store that implements automation.ParallelCommitter.
type parallel struct {
	*world.Store
	commits bool
}

func (p parallel) CommitsInParallel() bool { return p.commits }

func TestRun_RecordsOutcomesWhileOtherRunsStart(t *testing.T) {
	tests := map[string]struct {
		parallel bool
		want     automation.RunStatus
	}{
		"a store that commits in parallel":            {true, automation.RunCompleted},
		"a store that makes one commit after another": {false, automation.RunRunning},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			world.Bubble(t, func(t *testing.T) {
				w := world.InBubble(t, automation.Options{})
				w.Runner = w.On(parallel{w.Store, tt.parallel}, w.Opts)
				var halt atomic.Bool
				release := make(chan struct{})
				w.Store.BeforeCommit = func(ts []automation.Transition) error {
					starts := func(t automation.Transition) bool {
						return slices.ContainsFunc(t.Runs, func(r automation.RunChange) bool { return r.New })
					}
					if halt.Load() && slices.ContainsFunc(ts, starts) {
						<-release
					}
					return nil
				}
				g := world.NewGate()
				w.Mailer.Respond = g.Respond
				w.Create(world.Flow("welcome", "signup", world.Email("hello")))
				w.Serve(w.Runner)
				w.Send(world.Signup("ada@example.com"))
				synctest.Wait()
				halt.Store(true)
				w.Send(world.Signup("ben@example.com"))
				synctest.Wait()
				g.Open()
				synctest.Wait()
				assert.Equal(t, tt.want, w.Run().Status)
				close(release)
				synctest.Wait()
				for _, run := range w.Runs() {
					assert.Equal(t, automation.RunCompleted, run.Status)
				}
				assert.Len(t, w.Runs(), 2)
			})
		})
	}
}

func TestRun_SlowLookBackDoesNotHoldUpOtherContacts(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Clock: automation.SystemClock()})
	gates := map[string]*world.Gate{"one": world.NewGate(), "two": world.NewGate()}
	sentHi := make(chan struct{})
	w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
		if g := gates[e.TemplateID]; g != nil {
			return g.Respond(ctx, e)
		}
		close(sentHi)
		return nil
	}
	w.Create(world.Flow("first", "signup", world.Email("one"), world.LookBack("wait", "active", "30 days")))
	w.Create(world.Flow("second", "signup", world.Email("two")))
	w.Create(world.Flow("other", "hi", world.Email("hi")))
	for _, n := range []string{"ada", "bob"} {
		w.AddContact(automation.Contact{ID: n, Email: n + "@example.com"})
	}
	store := &world.Store{Store: w.Memory}
	looking, slow, committing, hold := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	store.BeforeListContactEvents = func(context.Context) error { close(looking); <-slow; return nil }
	var once sync.Once
	store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
		for _, tr := range ts {
			if slices.ContainsFunc(tr.Runs, func(c automation.RunChange) bool { return c.Status == automation.RunCompleted }) {
				once.Do(func() { close(committing); <-hold })
			}
		}
		return next.Commit(ctx, ts)
	}
	w.Serve(w.On(store, w.Opts))
	defer close(slow)
	w.Send(world.Signup("ada@example.com"))
	gates["two"].Open()
	<-committing // its outcome is being written
	gates["one"].Open()
	<-looking
	close(hold)
	w.Send(automation.Event{Name: "hi", ContactID: "bob"})
	select {
	case <-sentHi:
	case <-time.After(3 * time.Second):
		t.Error("bob waits for ada's look back")
	}
}
