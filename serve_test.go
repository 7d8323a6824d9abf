package automation_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// The tests of Run take place in a bubble of testing/synctest, where
// synctest.Wait returns once nothing moves any more, and time passes only when
// everybody waits for it.
func bubble(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, body)
}

// setupReal is setup for a Runner on the bubble's clock.
func setupReal(t *testing.T, opts automation.Options) *rig {
	t.Helper()
	opts.Clock = automation.SystemClock()
	return setup(t, opts)
}

// let lets time pass in a bubble, and everything settle.
func let(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// gate is a mailer's response that lets emails in and keeps them until it is
// opened, or until their time is up.
type gate struct {
	open        chan struct{}
	inside, max atomic.Int32
	attempts    atomic.Int32
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) respond(ctx context.Context, _ automation.Email) error {
	g.attempts.Add(1)
	n := g.inside.Add(1)
	defer g.inside.Add(-1)
	for max := g.max.Load(); n > max && !g.max.CompareAndSwap(max, n); max = g.max.Load() {
	}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// signups are events for n emails.
func signups(n int) []automation.Event {
	events := make([]automation.Event, n)
	for i := range events {
		events[i] = signup(fmt.Sprintf("%d@example.com", i))
	}
	return events
}

// goroutines counts those of the bubble.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	own := regexp.MustCompile(`synctest bubble \d+`).Find(stacks)
	return strings.Count(string(stacks), string(own)+"]")
}

func TestRun_ReturnsWhyItEnded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		ctx, cancel := context.WithTimeout(r.ctx, time.Hour)
		defer cancel()
		require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded)
		require.ErrorIs(t, r.Run(ctx), context.DeadlineExceeded, "a context that has ended begins nothing")
		assert.ErrorIs(t, r.serve(r.Runner)(), context.Canceled)
	})
}

func TestRun_EndsAllItsGoroutines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		r.create(linear("welcome", "signup", mailing("hello")))
		before := goroutines()
		stop := r.serve(r.Runner)
		r.send(signups(100)...)
		synctest.Wait()
		require.Greater(t, goroutines(), before)
		require.ErrorIs(t, stop(), context.Canceled)
		synctest.Wait()
		assert.Equal(t, before, goroutines())
		assert.Len(t, r.mailer.Emails(), 100)
	})
}

func TestRun_PerformsUpToConcurrencyEffectsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Concurrency: 3})
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		r.send(signups(20)...)
		synctest.Wait()
		assert.EqualValues(t, 3, g.inside.Load())
		close(g.open)
		synctest.Wait()
		assert.EqualValues(t, 3, g.max.Load())
		assert.Len(t, r.mailer.Emails(), 20)
	})
}

func TestRun_WorksOnUpToInFlightContactsAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{InFlight: 2})
		r.contacts(5)
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		r.send(signups(5)...)
		synctest.Wait()
		assert.EqualValues(t, 2, g.inside.Load())
		close(g.open)
		synctest.Wait()
		assert.EqualValues(t, 2, g.max.Load())
		assert.Len(t, r.mailer.Emails(), 5)
	})
}

// begun returns how many runs have an attempt in flight, as far as the store knows.
func (r *rig) begun() (n int) {
	page, err := r.store.ListRuns(r.ctx, automation.RunQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(r.t, err)
	for _, rec := range page.Data {
		rec, err := r.store.FindRun(r.ctx, rec.ID)
		require.NoError(r.t, err)
		s := automation.State{RunID: rec.ID}
		require.NoError(r.t, s.UnmarshalBinary(rec.State))
		if s.AttemptOpen() {
			n++
		}
	}
	return n
}

// runOf returns the only run of a contact, with its steps.
func (r *rig) runOf(contactID string) automation.Run {
	page, err := r.ListRuns(r.ctx, automation.RunQuery{ContactID: contactID})
	require.NoError(r.t, err)
	require.Len(r.t, page.Data, 1)
	run, err := r.GetRun(r.ctx, page.Data[0].ID)
	require.NoError(r.t, err)
	return run
}

// If the process died, those that only wait in line would have to fail as unknown.
func TestRun_AtMostOnceBeginsNothingThatWaitsInLine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Concurrency: 2, Delivery: automation.AtMostOnce})
		r.contacts(10)
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello"), mailing("again")))
		r.serve(r.Runner)
		r.send(signups(10)...)
		synctest.Wait()
		assert.EqualValues(t, 2, g.inside.Load())
		assert.Equal(t, 2, r.begun())
		close(g.open)
		synctest.Wait()
		assert.Len(t, r.mailer.Emails(), 20)
		assert.EqualValues(t, 20, g.attempts.Load())
		assert.Zero(t, r.begun())
	})
}

func TestRun_AtMostOnceHeedsWhatCameWhileInLine(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Concurrency: 1, Delivery: automation.AtMostOnce})
		r.contacts(4)
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		for i := range 4 {
			r.send(automation.Event{Name: "signup", ContactID: fmt.Sprint(i)})
			synctest.Wait()
		}
		yes := true
		_, err := r.UpdateContact(r.ctx, "1", automation.ContactChange{Unsubscribed: &yes})
		require.NoError(t, err)
		_, err = r.CancelRun(r.ctx, r.runOf("2").ID)
		require.NoError(t, err)
		close(g.open)
		synctest.Wait()
		let(time.Second)
		assert.Len(t, r.mailer.Emails(), 2)
		assert.Equal(t, automation.StepSkipped, r.runOf("1").Steps[1].Status)
		assert.Equal(t, automation.RunCancelled, r.runOf("2").Status)
		assert.Equal(t, automation.RunCompleted, r.runOf("3").Status)
	})
}

// counted notes how many contacts each claim asks for, as long as there are as
// many.
type counted struct {
	automation.Store
	limits []int // of one Runner, which claims one after the other
	all    bool
}

func (c *counted) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	works, err := c.Store.Claim(ctx, p)
	if !c.all {
		c.limits = append(c.limits, p.Limit)
	}
	c.all = c.all || len(works) < p.Limit
	return works, err
}

func TestRun_ClaimsManyAtATimeWhileThereIsMore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{InFlight: 20})
		r.contacts(200)
		r.create(linear("welcome", "signup", mailing("hello")))
		r.send(signups(200)...)
		store := &counted{Store: r.store}
		r.serve(r.on(store, r.opts))
		synctest.Wait()
		assert.Len(t, r.mailer.Emails(), 200)
		assert.GreaterOrEqual(t, slices.Min(store.limits), 5, "a quarter of what may be in flight")
	})
}

// slow is a store that takes its time to claim.
type slow struct {
	automation.Store
	takes  time.Duration
	claims atomic.Int32
}

func (s *slow) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	<-time.After(s.takes)
	s.claims.Add(1)
	return s.Store.Claim(ctx, p)
}

func TestRun_ClaimsFromABusyStoreAThirdOfTheTimeAtMost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{InFlight: 16})
		r.contacts(100)
		r.mailer.Respond = func(context.Context, automation.Email) error {
			<-time.After(100 * time.Millisecond)
			return nil
		}
		r.create(linear("welcome", "signup", mailing("hello")))
		store := &slow{Store: r.store, takes: 10 * time.Millisecond}
		r.serve(r.on(store, r.opts))
		for i := range 100 {
			r.send(automation.Event{Name: "signup", ContactID: fmt.Sprint(i)})
			let(10 * time.Millisecond)
		}
		assert.LessOrEqual(t, store.claims.Load(), int32(40), "of 100 in this second")
		let(time.Second)
		assert.Len(t, r.mailer.Emails(), 100)
	})
}

// The contact is the one of the moment, also for an email that had to wait for
// others to be sent.
func TestRun_AsksForTheContactAgainAfterAWaitForATurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Concurrency: 1})
		for _, id := range []string{"ada", "grace", "linus"} {
			r.contact(automation.Contact{ID: id, Email: id + "@example.com"})
		}
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		r.send(signup("grace@example.com"), signup("linus@example.com"))
		let(5 * time.Second)
		unsubscribed := true
		_, err := r.UpdateContact(r.ctx, "grace", automation.ContactChange{Unsubscribed: &unsubscribed})
		require.NoError(t, err)
		require.NoError(t, r.DeleteContact(r.ctx, "linus"))
		close(g.open)
		synctest.Wait()
		assert.Len(t, r.mailer.To("ada@example.com"), 1)
		assert.Len(t, r.mailer.Emails(), 1)
		runs := r.runs()
		require.Len(t, runs, 3)
		assert.Equal(t, automation.RunCancelled, runs[0].Status)
		assert.Equal(t, automation.StepSkipped, stepRun(t, runs[1], "hello").Status)
	})
}

// forgetful cannot tell which events a contact had.
type forgetful struct {
	automation.Store
	well atomic.Bool
}

func (f *forgetful) ListContactEvents(ctx context.Context, id, name string, since time.Time) ([]automation.Event, error) {
	if !f.well.Load() {
		return nil, errors.New("no answer")
	}
	return f.Store.ListContactEvents(ctx, id, name, since)
}

// An email that was sent is recorded although the wait after it cannot look
// back; it does so when the store answers again.
func TestRun_LooksBackLaterIfTheStoreFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		store := &forgetful{Store: r.store}
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello"), automation.Step{
			Key: "done", Config: automation.WaitForEvent{EventName: "setup.done", Lookback: true},
		}, mailing("tips")))
		r.serve(r.on(store, r.opts))
		r.send(signup("ada@example.com"), automation.Event{Name: "setup.done", Email: "ada@example.com"})
		synctest.Wait()
		close(g.open)
		let(10 * time.Second)
		run := r.run()
		assert.Equal(t, automation.StepCompleted, stepRun(t, run, "hello").Status)
		assert.EqualValues(t, 1, g.attempts.Load(), "the email is not sent again")
		store.well.Store(true)
		let(10 * time.Second)
		assert.Equal(t, automation.RunCompleted, r.run().Status)
	})
}

// Runs of one contact do not wait for each other's effects.
func TestRun_PerformsTheEffectsOfOneContactSideBySide(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		g := newGate()
		r.mailer.Respond = g.respond
		for i := range 3 {
			r.create(linear(fmt.Sprint("flow", i), "signup", mailing("one"), mailing("two")))
		}
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		assert.EqualValues(t, 3, g.inside.Load())
		close(g.open)
		synctest.Wait()
		assert.Len(t, r.mailer.Emails(), 6)
		for _, run := range r.runs() {
			assert.Equal(t, automation.RunCompleted, run.Status)
		}
	})
}

func TestRun_StopsGracefully(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Concurrency: 1})
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello"), mailing("tips")))
		stop := r.serve(r.Runner)
		r.send(signups(3)...)
		synctest.Wait()
		require.EqualValues(t, 1, g.inside.Load())
		stopped := make(chan error)
		go func() { stopped <- stop() }()
		synctest.Wait()
		select {
		case <-stopped:
			require.Fail(t, "Run has returned while an effect was in flight")
		default:
		}
		r.send(signup("late@example.com"))
		close(g.open)
		require.ErrorIs(t, <-stopped, context.Canceled)

		assert.Len(t, r.mailer.Emails(), 1, "no other effect is begun")
		done := 0
		for _, run := range r.runs() {
			assert.Equal(t, automation.RunRunning, run.Status)
			hello := stepRun(t, run, "hello")
			assert.Empty(t, hello.Attempts, "stopping is not a failed attempt")
			if hello.Status == automation.StepCompleted {
				done++
			}
		}
		assert.Equal(t, 1, done, "the effect in flight is recorded")

		_, err := r.on(r.store, r.opts).Drain(r.ctx)
		require.NoError(t, err)
		assert.Len(t, r.mailer.Emails(), 8, "nothing is left leased")
		for _, run := range r.runs() {
			assert.Equal(t, automation.RunCompleted, run.Status)
		}
	})
}

func TestRun_CutsEffectsShortAfterShutdownTimeout(t *testing.T) {
	tests := map[string]struct {
		delivery automation.Delivery
		status   automation.RunStatus
		emails   int
	}{
		"repeated by the next Run":          {automation.AtLeastOnce, automation.RunCompleted, 1},
		"unknown if it may not be repeated": {automation.AtMostOnce, automation.RunFailed, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := setupReal(t, automation.Options{ShutdownTimeout: 7 * time.Second, Delivery: tt.delivery})
				var keys []string
				g := newGate()
				r.mailer.Respond = func(ctx context.Context, e automation.Email) error {
					keys = append(keys, e.IdempotencyKey)
					return g.respond(ctx, e)
				}
				r.create(linear("welcome", "signup", mailing("hello")))
				stop := r.serve(r.Runner)
				r.send(signup("ada@example.com"))
				synctest.Wait()
				began := time.Now()
				require.ErrorIs(t, stop(), context.Canceled)
				assert.Equal(t, 7*time.Second, time.Since(began))

				close(g.open)
				stop = r.serve(r.Runner)
				synctest.Wait()
				require.ErrorIs(t, stop(), context.Canceled)
				run := r.run()
				assert.Equal(t, tt.status, run.Status)
				assert.Len(t, r.mailer.Emails(), tt.emails)
				for _, key := range keys {
					assert.Equal(t, "run/"+run.ID+"/hello", key)
				}
				if tt.delivery == automation.AtMostOnce {
					assert.Equal(t, automation.FailedUnknown, run.Error.Code)
					assert.Len(t, keys, 1)
				} else {
					attempts := stepRun(t, run, "hello").Attempts
					require.Len(t, attempts, 1)
					assert.Equal(t, automation.FailedInterrupted, attempts[0].Error.Code)
				}
			})
		})
	}
}

func TestRun_EffectThatTakesTooLongIsAFailedAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{EffectTimeout: 5 * time.Second, Retry: automation.RetryPolicy{Jitter: -1}})
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		let(5*time.Second + time.Millisecond)
		hello := stepRun(t, r.run(), "hello")
		require.Len(t, hello.Attempts, 1)
		assert.Equal(t, automation.FailedEffect, hello.Attempts[0].Error.Code)
		assert.Contains(t, hello.Attempts[0].Error.Message, context.DeadlineExceeded.Error())
		close(g.open)
		let(time.Second)
		assert.Equal(t, automation.RunCompleted, r.run().Status)
	})
}

// On a clock that stands still nothing is found by polling.
func TestRun_HearsOfWorkWithoutPolling(t *testing.T) {
	tests := map[string]func(r *rig, g *gate){
		"of its own Send": func(r *rig, _ *gate) { r.send(signup("bob@example.com")) },
		"of another Runner's Send": func(r *rig, _ *gate) {
			_, err := r.on(r.store, r.opts).Send(r.ctx, signup("bob@example.com"))
			require.NoError(r.t, err)
		},
		"for a contact it is at work on": func(r *rig, g *gate) {
			r.send(signup("ada@example.com"))
			synctest.Wait()
			close(g.open)
		},
		"for a contact another Runner is at work on": func(r *rig, g *gate) {
			r.serve(r.on(r.store, r.opts))
			r.send(signup("ada@example.com"))
			synctest.Wait()
			close(g.open)
		},
	}
	for name, add := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := setup(t, automation.Options{EffectTimeout: 24 * time.Hour})
				r.create(linear("welcome", "signup", mailing("hello")))
				g := newGate()
				r.mailer.Respond = func(ctx context.Context, e automation.Email) error {
					if e.To == "ada@example.com" {
						return g.respond(ctx, e)
					}
					return nil
				}
				r.serve(r.Runner)
				r.send(signup("ada@example.com"))
				synctest.Wait()
				add(r, g)
				synctest.Wait()
				var completed int
				for _, run := range r.runs() {
					if run.Status == automation.RunCompleted {
						completed++
					}
				}
				assert.Equal(t, len(r.mailer.Emails()), completed)
				assert.GreaterOrEqual(t, completed, 1)
				assert.Len(t, r.runs(), 2)
			})
		})
	}
}

func TestRun_PollsAStoreThatDoesNotWatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{PollInterval: 3 * time.Second})
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.on(wrapped{r.store}, r.opts))
		synctest.Wait()
		r.send(signup("ada@example.com"))
		let(2 * time.Second)
		assert.Empty(t, r.sent())
		let(time.Second)
		assert.Equal(t, []string{"hello"}, r.sent())
	})
}

// unwrapped is a wrapper that lets the Runner see what is in it.
type unwrapped struct{ wrapped }

func (u unwrapped) Unwrap() automation.Store { return u.Store }

func TestRun_FindsAWatcherThroughWrappers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{PollInterval: time.Hour, Lease: 24 * time.Hour})
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.on(unwrapped{wrapped{unwrapped{wrapped{r.store}}}}, r.opts))
		synctest.Wait()
		r.send(signup("ada@example.com"))
		synctest.Wait()
		assert.Equal(t, []string{"hello"}, r.sent())
	})
}

// deaf is a store whose Watch fails at once.
type deaf struct {
	automation.Store
	watched *atomic.Int32
	err     error
}

func (d deaf) Watch(context.Context, func()) error {
	d.watched.Add(1)
	return d.err
}

func TestRun_PollsWhileWatchingFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		store := deaf{r.store, new(atomic.Int32), errOutage}
		r.create(linear("welcome", "signup", mailing("hello")))
		stop := r.serve(r.on(store, r.opts))
		synctest.Wait()
		r.send(signup("ada@example.com"))
		let(time.Minute)
		assert.Equal(t, []string{"hello"}, r.sent())
		assert.Less(t, store.watched.Load(), int32(30), "watching is tried again after a pause")
		assert.Greater(t, store.watched.Load(), int32(5))
		assert.ErrorIs(t, stop(), context.Canceled)
	})
}

func TestRun_AsksOnlyOnceAStoreThatCannotWatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		store := deaf{r.store, new(atomic.Int32), fmt.Errorf("polling only: %w", errors.ErrUnsupported)}
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.on(store, r.opts))
		synctest.Wait()
		r.send(signup("ada@example.com"))
		let(time.Minute)
		assert.Equal(t, []string{"hello"}, r.sent())
		assert.EqualValues(t, 1, store.watched.Load())
	})
}

func TestRun_EndsWhenTheStoreWasClosed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		ended := make(chan error, 1)
		go func() { ended <- r.Run(r.ctx) }()
		synctest.Wait()
		require.NoError(t, r.store.Close())
		let(time.Minute)
		select {
		case err := <-ended:
			assert.ErrorIs(t, err, automation.ErrClosed)
		default:
			t.Fatal("it goes on")
		}
	})
}

func TestRun_WakesWhenSomethingIsDue(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{PollInterval: time.Hour, Lease: 24 * time.Hour})
		var at time.Time
		r.mailer.Respond = func(context.Context, automation.Email) error {
			at = time.Now()
			return nil
		}
		r.create(linear("welcome", "signup", delaying("rest", "90 seconds"), mailing("hello")))
		r.serve(r.Runner)
		began := time.Now()
		r.send(signup("ada@example.com"))
		let(10 * time.Minute)
		assert.Equal(t, 90*time.Second, at.Sub(began))
	})
}

func TestRun_RenewsTheLeasesOfLongEffects(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setup(t, automation.Options{Lease: time.Minute, EffectTimeout: 24 * time.Hour})
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		for range 30 {
			r.clock.Add(20 * time.Second)
			synctest.Wait()
			r.drain() // another node finds nothing to claim
		}
		assert.EqualValues(t, 1, g.attempts.Load())
		close(g.open)
		synctest.Wait()
		assert.Equal(t, automation.RunCompleted, r.run().Status)
		assert.Empty(t, stepRun(t, r.run(), "hello").Attempts)
	})
}

// broken is a store that fails while it is down, and counts what it is asked.
type broken struct {
	automation.Store
	down            atomic.Bool
	claims, commits atomic.Int32
}

func (b *broken) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	b.claims.Add(1)
	if b.down.Load() {
		return nil, errOutage
	}
	return b.Store.Claim(ctx, p)
}

func (b *broken) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	b.commits.Add(1)
	if b.down.Load() {
		return nil, errOutage
	}
	return b.Store.Commit(ctx, ts)
}

func TestRun_BacksOffWhileTheStoreFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{})
		store := &broken{Store: r.store}
		r.Runner = r.on(store, r.opts)
		store.down.Store(true)
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		let(time.Minute)
		assert.Less(t, store.claims.Load(), int32(40))
		assert.Empty(t, r.sent())
		store.down.Store(false)
		let(6 * time.Second)
		assert.Equal(t, []string{"hello"}, r.sent())
	})
}

// The outcome of an effect cannot be had a second time.
func TestRun_KeepsOutcomesWhileTheStoreFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{Delivery: automation.AtMostOnce})
		store := &broken{Store: r.store}
		r.Runner = r.on(store, r.opts)
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		store.down.Store(true)
		close(g.open)
		let(20 * time.Second)
		require.Equal(t, automation.RunRunning, r.run().Status)
		store.down.Store(false)
		let(6 * time.Second)
		assert.Equal(t, automation.RunCompleted, r.run().Status)
		assert.Len(t, r.mailer.Emails(), 1)
	})
}

// halting is a store whose commits that start runs wait once it was told to.
type halting struct {
	automation.Store
	parallel bool
	wait     atomic.Bool
	release  chan struct{}
}

func (s *halting) CommitsInParallel() bool { return s.parallel }

func (s *halting) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	starts := func(t automation.Transition) bool {
		return slices.ContainsFunc(t.Runs, func(r automation.RunChange) bool { return r.New })
	}
	if s.wait.Load() && slices.ContainsFunc(ts, starts) {
		<-s.release
	}
	return s.Store.Commit(ctx, ts)
}

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
			bubble(t, func(t *testing.T) {
				r := setupReal(t, automation.Options{})
				store := &halting{Store: r.store, parallel: tt.parallel, release: make(chan struct{})}
				r.Runner = r.on(store, r.opts)
				g := newGate()
				r.mailer.Respond = g.respond
				r.create(linear("welcome", "signup", mailing("hello")))
				r.serve(r.Runner)
				r.send(signup("ada@example.com"))
				synctest.Wait()
				store.wait.Store(true)
				r.send(signup("ben@example.com"))
				synctest.Wait()
				close(g.open)
				synctest.Wait()
				assert.Equal(t, tt.want, r.run().Status)
				close(store.release)
				synctest.Wait()
				for _, run := range r.runs() {
					assert.Equal(t, automation.RunCompleted, run.Status)
				}
				assert.Len(t, r.runs(), 2)
			})
		})
	}
}

func TestRun_StopsThoughTheStoreFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := setupReal(t, automation.Options{ShutdownTimeout: 3 * time.Second})
		store := &broken{Store: r.store}
		r.Runner = r.on(store, r.opts)
		g := newGate()
		r.mailer.Respond = g.respond
		r.create(linear("welcome", "signup", mailing("hello")))
		before := goroutines()
		stop := r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		store.down.Store(true)
		close(g.open)
		synctest.Wait()
		began := time.Now()
		require.ErrorIs(t, stop(), context.Canceled)
		assert.Equal(t, 3*time.Second, time.Since(began))
		synctest.Wait()
		assert.Equal(t, before, goroutines())
	})
}

func TestRun_ManyOnOneStoreHandleEachEventOnce(t *testing.T) {
	t.Parallel()
	const runners, contacts, each = 4, 50, 4
	var ended sync.WaitGroup
	ended.Add(contacts * each)
	r := setup(t, automation.Options{
		Clock: automation.SystemClock(), Concurrency: 4,
		Observer: observe(func(n automation.Notice) {
			if _, ok := n.(*automation.RunEnded); ok {
				ended.Done()
			}
		}),
	})
	r.create(linear("welcome", "signup",
		automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String("Ada")}}, mailing("hello")))
	for range runners {
		r.serve(r.on(r.store, r.opts))
	}
	for range each {
		r.send(signups(contacts)...)
	}
	ended.Wait()
	counts, err := r.CountRuns(r.ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, []automation.RunCount{
		{Version: 1, Step: "hello", Status: automation.RunCompleted, Count: contacts * each},
	}, counts)
	assert.Len(t, r.mailer.Emails(), contacts*each)
	people, err := r.ListContacts(r.ctx, automation.ContactQuery{PageQuery: automation.PageQuery{Limit: 100}})
	require.NoError(t, err)
	assert.Len(t, people.Data, contacts)
}

// observe is an Observer that is a function.
type observe func(automation.Notice)

func (o observe) Observe(n automation.Notice) { o(n) }

// Logs are kept longer, and read by more people, than what they are about.
func TestRun_LogsNothingAboutPeople(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var logs lockedBuffer
		r := setupReal(t, automation.Options{Logger: slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		store := &broken{Store: r.store}
		r.Runner = r.on(store, r.opts)
		fails := linear("welcome", "signup",
			automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.Var("event.name")}},
			automation.Step{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{
				ID: "hello", Variables: map[string]automation.Value{"NAME": automation.Var("event.name")},
			}}},
			automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.name").Gt(5)}})
		r.create(fails)
		g := newGate()
		r.mailer.Respond = g.respond
		stop := r.serve(r.Runner)
		e := signup("secret-ada@example.com")
		e.Payload = automation.Payload(map[string]any{"name": "secret-name"})
		r.send(e)
		synctest.Wait()
		store.down.Store(true)
		close(g.open)
		let(2 * time.Minute)
		store.down.Store(false)
		let(2 * time.Minute)
		require.ErrorIs(t, stop(), context.Canceled)

		require.Equal(t, automation.RunFailed, r.run().Status)
		assert.Contains(t, logs.String(), "cannot claim work")
		assert.NotContains(t, logs.String(), "secret")
	})
}

// lockedBuffer collects what several goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
