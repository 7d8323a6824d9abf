package scenario_test

import (
	"context"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestRun_ReturnsWhyItEnded(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		ctx, cancel := context.WithTimeout(w.Ctx, time.Hour)
		defer cancel()
		require.ErrorIs(t, w.Runner.Run(ctx), context.DeadlineExceeded)
		require.ErrorIs(t, w.Runner.Run(ctx), context.DeadlineExceeded, "a context that has ended begins nothing")
		assert.ErrorIs(t, w.Serve(w.Runner)(), context.Canceled)
	})
}

func TestRun_EndsAllItsGoroutines(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		before := goroutines()
		stop := w.Serve(w.Runner)
		w.Send(world.Signups(100)...)
		synctest.Wait()
		require.Greater(t, goroutines(), before)
		require.ErrorIs(t, stop(), context.Canceled)
		synctest.Wait()
		assert.Equal(t, before, goroutines())
		assert.Len(t, w.Mailer.Emails(), 100)
	})
}

// goroutines counts the goroutines of the bubble.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	own := regexp.MustCompile(`synctest bubble \d+`).Find(stacks)
	return strings.Count(string(stacks), string(own)+"]")
}

func TestRun_StopsGracefully(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{Concurrency: 1})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Email("tips")))
		stop := w.Serve(w.Runner)
		w.Send(world.Signups(3)...)
		synctest.Wait()
		require.EqualValues(t, 1, g.Inside.Load())
		stopped := make(chan error)
		go func() { stopped <- stop() }()
		synctest.Wait()
		select {
		case <-stopped:
			require.Fail(t, "Run has returned while an effect was in flight")
		default:
		}
		w.Send(world.Signup("late@example.com"))
		g.Open()
		require.ErrorIs(t, <-stopped, context.Canceled)

		assert.Len(t, w.Mailer.Emails(), 1, "no other effect starts")
		done := 0
		for _, run := range w.Runs() {
			assert.Equal(t, automation.RunRunning, run.Status)
			hello := world.Step(t, run, "hello")
			assert.Empty(t, hello.Attempts, "stopping is not a failed attempt")
			if hello.Status == automation.StepCompleted {
				done++
			}
		}
		assert.Equal(t, 1, done, "the effect in flight is recorded")

		_, err := w.Node(w.Opts).Drain(w.Ctx)
		require.NoError(t, err)
		assert.Len(t, w.Mailer.Emails(), 8, "nothing is left leased")
		for _, run := range w.Runs() {
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
			world.Bubble(t, func(t *testing.T) {
				w := world.InBubble(t, automation.Options{ShutdownTimeout: 7 * time.Second, Delivery: tt.delivery})
				var keys []string
				g := world.NewGate()
				w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
					keys = append(keys, e.IdempotencyKey)
					return g.Respond(ctx, e)
				}
				w.Create(world.Flow("welcome", "signup", world.Email("hello")))
				stop := w.Serve(w.Runner)
				w.Send(world.Signup("ada@example.com"))
				synctest.Wait()
				began := time.Now()
				require.ErrorIs(t, stop(), context.Canceled)
				assert.Equal(t, 7*time.Second, time.Since(began))

				g.Open()
				stop = w.Serve(w.Runner)
				synctest.Wait()
				require.ErrorIs(t, stop(), context.Canceled)
				run := w.Run()
				assert.Equal(t, tt.status, run.Status)
				assert.Len(t, w.Mailer.Emails(), tt.emails)
				for _, key := range keys {
					assert.Equal(t, "run/"+run.ID+"/hello", key)
				}
				if tt.delivery == automation.AtMostOnce {
					assert.Equal(t, automation.FailedUnknown, run.Error.Code)
					assert.Len(t, keys, 1)
				} else {
					attempts := world.Step(t, run, "hello").Attempts
					require.Len(t, attempts, 1)
					assert.Equal(t, automation.FailedInterrupted, attempts[0].Error.Code)
				}
			})
		})
	}
}

func TestRun_StopsThoughTheStoreFails(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{ShutdownTimeout: 3 * time.Second})
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		before := goroutines()
		stop := w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		w.Store.WorkDown.Store(true)
		g.Open()
		synctest.Wait()
		began := time.Now()
		require.ErrorIs(t, stop(), context.Canceled)
		assert.Equal(t, 3*time.Second, time.Since(began))
		synctest.Wait()
		assert.Equal(t, before, goroutines())
	})
}

func TestRun_StopsInTimeThoughTheStoreHangs(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{ShutdownTimeout: 3 * time.Second, StoreTimeout: 10 * time.Second})
		store := &world.Store{Store: w.Memory}
		var hang atomic.Bool
		store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
			if hang.Load() {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return next.Commit(ctx, ts)
		}
		g := world.NewGate()
		w.Mailer.Respond = g.Respond
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		stop := w.Serve(w.On(store, w.Opts))
		w.Send(world.Signups(50)...)
		synctest.Wait()
		hang.Store(true)
		g.Open()
		synctest.Wait()
		began := time.Now()
		_ = stop()
		assert.LessOrEqual(t, time.Since(began), 30*time.Second)
	})
}

func TestRun_EndsThoughATransitionFailsWhileOthersAreOnTheirWay(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{ShutdownTimeout: time.Second})
		gates := map[string]*world.Gate{}
		for _, k := range []string{"one", "two", "three"} {
			gates[k] = world.NewGate()
			w.Create(world.Flow(k, "signup", world.Email(k), world.Pause("rest", "1 day")))
		}
		w.Mailer.Respond = func(ctx context.Context, e automation.Email) error { return gates[e.TemplateID].Respond(ctx, e) }
		w.AddContact(automation.Contact{ID: "ada", Email: "ada@example.com"})
		store := &world.Store{Store: w.Memory}
		n := 0
		hold1, hold2 := make(chan struct{}), make(chan struct{})
		store.OnCommit = func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error) {
			if len(ts) == 1 && len(ts[0].Runs) == 1 {
				switch n++; n {
				case 1: // the outcome of one
					<-hold1
					return []automation.CommitResult{{Err: world.ErrOutage}}, nil
				case 2: // the outcome of two
					<-hold2
				}
			}
			return next.Commit(ctx, ts)
		}
		stop := w.Serve(w.On(store, w.Opts))
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		gates["one"].Open()
		synctest.Wait() // its outcome is being written
		gates["two"].Open()
		synctest.Wait() // queued behind it
		close(hold1)
		synctest.Wait() // one has failed, two is being written
		gates["three"].Open()
		synctest.Wait()
		close(hold2)
		synctest.Wait()
		done := make(chan struct{})
		go func() { _ = stop(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Minute):
			t.Error("Run does not return")
			panic("Run does not return") // else the bubble deadlocks
		}
	})
}

func TestRun_ClaimThatIsCutOffLeavesNothingLeased(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		ctx, cancel := context.WithCancel(w.Ctx)
		w.Send(world.Signup("ada@example.com"))
		w.Store.OnClaim = func(ctx context.Context, next automation.Store, p automation.ClaimParams) ([]automation.Work, error) {
			works, err := next.Claim(ctx, p)
			cancel() // Run is stopped just when the claim commits
			if ctx.Err() != nil {
				return nil, ctx.Err() // as a database driver does
			}
			return works, err
		}
		require.ErrorIs(t, w.Runner.Run(ctx), context.Canceled)
		w.Store.OnClaim = nil
		w.Drain()
		assert.Len(t, w.Sent(), 1)
	})
}

func TestRun_EndsWhenTheStoreWasClosed(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		ended := make(chan error, 1)
		go func() { ended <- w.Runner.Run(w.Ctx) }()
		synctest.Wait()
		require.NoError(t, w.Memory.Close())
		world.Advance(time.Minute)
		select {
		case err := <-ended:
			assert.ErrorIs(t, err, automation.ErrClosed)
		default:
			t.Fatal("it goes on")
		}
	})
}

func TestDrain_StopsWithItsContext(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	ctx, cancel := context.WithCancel(w.Ctx)
	w.Mailer.Respond = func(context.Context, automation.Email) error {
		cancel()
		return nil
	}
	w.Create(world.Flow("welcome", "signup", world.Email("hello"), world.Email("tips")))
	w.Send(world.Signup("ada@example.com"))
	_, err := w.Runner.Drain(ctx)
	require.ErrorIs(t, err, context.Canceled)
	run := w.Run()
	assert.Equal(t, automation.StepCompleted, world.Step(t, run, "hello").Status, "what was done is recorded")
	assert.Equal(t, "tips", run.Step)

	w.Drain() // nothing is left leased
	assert.Equal(t, automation.RunCompleted, w.Run().Status)
	assert.Empty(t, world.Step(t, w.Run(), "tips").Attempts)
}
