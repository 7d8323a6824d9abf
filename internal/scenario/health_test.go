package scenario_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func lag(w *world.World) time.Duration {
	w.T.Helper()
	d, err := w.Lag(w.Ctx)
	require.NoError(w.T, err)
	return d
}

func TestLag_IsThatOfTheOldestWorkThatIsDue(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 hour"), world.Email("hello")))
	assert.Zero(t, lag(w))
	w.Send(world.Signup("ada@example.com"))
	assert.Zero(t, lag(w))
	w.Clock.Add(3 * time.Second)
	w.Send(world.Signup("bob@example.com"))
	w.Clock.Add(4 * time.Second)
	assert.Equal(t, 7*time.Second, lag(w), "of the first event")
	w.Drain()
	assert.Zero(t, lag(w), "a delay is not due")
	w.Clock.Add(time.Hour)
	assert.Zero(t, lag(w), "a run is due by now")
	w.Clock.Add(10 * time.Minute)
	assert.Equal(t, 10*time.Minute, lag(w), "of both runs, which began at the same time")
	w.Drain()
	assert.Zero(t, lag(w))
}

func TestLag_DoesNotCountWhatIsPostponed(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{Retry: automation.RetryPolicy{Initial: time.Hour, Max: time.Hour, Jitter: -1}})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Mailer.Respond = func(context.Context, automation.Email) error { return world.ErrOutage }
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Clock.Add(time.Hour)
	assert.Zero(t, lag(w), "the back-off after a failed attempt")
	w.Clock.Add(time.Minute)
	assert.Equal(t, time.Minute, lag(w))
}

// claimed leases what is due, as another process does.
func claimed(w *world.World) []automation.Work {
	w.T.Helper()
	works, err := w.Store.Claim(w.Ctx, automation.ClaimParams{Now: w.Clock.Now(), Lease: time.Minute, Limit: 10, Events: 10, Runs: 10})
	require.NoError(w.T, err)
	return works
}

func TestLag_CountsWorkUnderALeaseOnceTheLeaseHasExpired(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Clock.Add(10 * time.Second)
	require.Len(t, claimed(w), 1)
	w.Clock.Add(50 * time.Second)
	assert.Zero(t, lag(w), "a process works on it")
	w.Clock.Add(10 * time.Second)
	assert.Equal(t, 70*time.Second, lag(w), "since it was due, not since the lease expired")
	w.Drain()
	assert.Zero(t, lag(w))
}

func TestLag_ReturnsTheErrorOfTheStore(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Store.Down.Store(true)
	_, err := w.Lag(w.Ctx)
	require.ErrorIs(t, err, world.ErrOutage)
}

// health returns the health of a World, which must have exactly these problems.
func health(w *world.World, want ...automation.HealthCode) automation.Health {
	w.T.Helper()
	h, err := w.Health(w.Ctx)
	require.NoError(w.T, err)
	assert.Equal(w.T, want, codes(h), "%+v", h.Problems)
	return h
}

func codes(h automation.Health) (codes []automation.HealthCode) {
	for _, p := range h.Problems {
		codes = append(codes, p.Code)
	}
	return codes
}

func TestHealth_OfARunThatWorks(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 hour")))
		h := health(w)
		assert.False(t, h.Running)
		assert.Zero(t, h.LastClaim)
		stop := w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		world.Advance(30 * time.Minute)
		h = health(w)
		assert.True(t, h.Running)
		assert.WithinDuration(t, time.Now(), h.LastClaim, time.Second)
		assert.Equal(t, 1, h.Enabled)
		assert.Zero(t, h.Lag)
		assert.Zero(t, h.Stats)
		assert.True(t, h.Ready())
		_ = stop()
		assert.False(t, health(w).Running)
	})
}

func TestHealth_NoProcessWorks(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"), world.Signup("bob@example.com"))
	w.Clock.Add(5 * time.Minute)
	health(w)
	w.Clock.Add(time.Second)
	h := health(w, automation.HealthNoWorker)
	assert.Equal(t, automation.SeverityError, h.Problems[0].Severity)
	assert.Contains(t, h.Problems[0].Message, "5m1s")
	assert.Equal(t, 5*time.Minute+time.Second, h.Lag)
	assert.Equal(t, 2, h.Stats.PendingEvents)
	assert.True(t, h.Ready(), "the process can accept events")
	w.Drain()
	health(w)
}

// Processes that die at a contact leave their leases, and the next ones take these over.
func TestHealth_AContactIsStuck(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{MaxLag: time.Minute, EffectTimeout: 20 * time.Second})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	require.Len(t, claimed(w), 1)
	w.Clock.Add(time.Minute)
	require.Len(t, claimed(w), 1)
	w.Clock.Add(20 * time.Second)
	health(w)
	w.Clock.Add(time.Second)
	h := health(w, automation.HealthStuck)
	assert.Equal(t, 1, h.Stats.Leases)
	assert.Equal(t, automation.SeverityWarning, h.Problems[0].Severity)
	assert.True(t, h.Ready())
	w.Clock.Add(time.Minute)
	h = health(w, automation.HealthNoWorker)
	assert.Equal(t, 1, h.Stats.ExpiredLeases)
}

func TestHealth_OverdueWhileOtherProcessesWork(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{MaxLag: 10 * time.Second})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	require.Len(t, claimed(w), 1)
	w.Send(world.Signup("bob@example.com"))
	w.Clock.Add(11 * time.Second)
	h := health(w, automation.HealthOverdue)
	assert.Equal(t, automation.SeverityWarning, h.Problems[0].Severity)
}

func TestHealth_RunsAreSetAside(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 hour"), world.Email("hello")))
	w.Send(world.Signup("ada@example.com"), world.Signup("bob@example.com"))
	w.Drain()
	w.Rewrite(w.Runs()[0].ID, func(b []byte) []byte { b[0] = 200; return b })
	health(w)
	w.Pass(time.Hour)
	h := health(w, automation.HealthSetAside)
	assert.Contains(t, h.Problems[0].Message, "1 run is set aside")
	assert.True(t, h.Ready())
	for range 5 {
		w.Pass(10 * time.Minute)
		health(w, automation.HealthSetAside)
	}
}

func TestHealth_NoAutomationIsEnabled(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	health(w, automation.HealthNoneEnabled)
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	health(w)
	_, err := w.StopAutomation(w.Ctx, "welcome", automation.StopOptions{})
	require.NoError(t, err)
	h := health(w, automation.HealthNoneEnabled)
	assert.True(t, h.Ready())
}

func TestHealth_RunIsStalled(t *testing.T) {
	for name, stall := range map[string]func(w *world.World) (end func()){
		"claims fail": func(w *world.World) func() {
			w.Store.WorkDown.Store(true)
			return func() { w.Store.WorkDown.Store(false) }
		},
		"a claim hangs": func(w *world.World) func() {
			hang := make(chan struct{})
			w.Store.OnClaim = func(ctx context.Context, next automation.Store, p automation.ClaimParams) ([]automation.Work, error) {
				<-hang
				return next.Claim(ctx, p)
			}
			return func() { close(hang) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			world.Bubble(t, func(t *testing.T) {
				w := world.InBubble(t, automation.Options{})
				w.Create(world.Flow("welcome", "signup", world.Email("hello")))
				end := stall(w)
				w.Serve(w.Runner)
				world.Advance(5 * time.Minute)
				health(w)
				world.Advance(time.Minute)
				h := health(w, automation.HealthRunStalled)
				assert.False(t, h.Ready())
				assert.Zero(t, h.LastClaim)
				end()
				world.Advance(time.Minute)
				assert.True(t, health(w).Ready())
			})
		})
	}
}

// The cause comes before what follows from it.
func TestHealth_OfARunThatAnOutageStalls(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		w.Store.Down.Store(true)
		w.Serve(w.Runner)
		world.Advance(6 * time.Minute)
		h, err := w.Health(w.Ctx)
		require.ErrorIs(t, err, world.ErrOutage)
		assert.Equal(t, []automation.HealthCode{automation.HealthStoreUnavailable, automation.HealthRunStalled}, codes(h))
	})
}

func TestHealth_ABusyRunIsNotStalled(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{InFlight: 1, EffectTimeout: day})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		world.Advance(time.Hour)
		h := health(w)
		assert.Equal(t, 1, h.Stats.Leases)
		assert.True(t, h.Ready())
		g.Open()
	})
}

// While tasks end all the time, Run sleeps on without a claim.
func TestHealth_ARunWhoseTasksEndAllTheTimeIsNotStalled(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Concurrency: 1})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Mailer.Respond = func(context.Context, automation.Email) error {
			<-time.After(900 * time.Millisecond)
			return nil
		}
		w.Send(world.Signups(1000)...)
		w.Serve(w.Runner)
		world.Advance(10 * time.Minute)
		h := health(w, automation.HealthStuck)
		assert.True(t, h.Ready())
		assert.Greater(t, h.At.Sub(h.LastClaim), 3*time.Minute)
	})
}

func TestHealth_OfAStoreThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		code automation.HealthCode
	}{
		"outage": {fmt.Errorf("dial secret.example.com: %w", world.ErrOutage), automation.HealthStoreUnavailable},
		"schema": {fmt.Errorf("schema \"secret\": %w", automation.ErrSchema), automation.HealthSchema},
		"closed": {fmt.Errorf("secret: %w", automation.ErrClosed), automation.HealthStoreUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world.New(t, automation.Options{})
			w.Store.BeforeStats = func(context.Context) error { return tt.err }
			h, err := w.Health(w.Ctx)
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, []automation.HealthCode{tt.code}, codes(h))
			assert.Equal(t, automation.SeverityError, h.Problems[0].Severity)
			assert.False(t, h.Ready())
			text, err := json.Marshal(h)
			require.NoError(t, err)
			assert.NotContains(t, string(text), "secret", "the error may name hosts and users")
			assert.NotContains(t, string(text), "stats")
			assert.NotContains(t, string(text), "lag")
		})
	}
}

func TestHealth_AsJSON(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{MaxLag: 2 * time.Second})
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	text, err := json.Marshal(health(w))
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"ready": true, "at": "2026-03-02T09:00:00Z", "running": false, "enabled_automations": 1, "lag_seconds": 0,
		"stats": {"pending_events": 0, "due_runs": 0, "leases": 0, "expired_leases": 0, "runs_set_aside": 0},
		"problems": []
	}`, string(text))
	w.Send(world.Signup("ada@example.com"))
	w.Clock.Add(2500 * time.Millisecond)
	text, err = json.Marshal(health(w, automation.HealthNoWorker))
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"ready": true, "at": "2026-03-02T09:00:02.5Z", "running": false, "enabled_automations": 1, "lag_seconds": 2.5,
		"stats": {"pending_events": 1, "due_runs": 0, "oldest_due": "2026-03-02T09:00:00Z", "leases": 0, "expired_leases": 0, "runs_set_aside": 0},
		"problems": [{"severity": "error", "code": "no_worker", "message": "work has been due for 3s and no process works on any: call Runner.Run"}]
	}`, string(text))
}

func TestHealth_EndsWithItsContext(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		w.Store.BeforeStats = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		ctx, cancel := context.WithTimeout(w.Ctx, time.Second)
		defer cancel()
		_, err := w.Runner.Health(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		began := time.Now()
		_, err = w.Runner.Health(w.Ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(began), "Options.StoreTimeout")
		synctest.Wait()
	})
}
