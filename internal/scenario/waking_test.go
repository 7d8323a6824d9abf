package scenario_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// The clock stands still, so polling cannot find the work.
func TestRun_FindsWorkWithoutPolling(t *testing.T) {
	tests := map[string]func(w *world.World, g *world.Gate){
		"of its own Send": func(w *world.World, _ *world.Gate) { w.Send(world.Signup("bob@example.com")) },
		"of another Runner's Send": func(w *world.World, _ *world.Gate) {
			_, err := w.Node(w.Opts).Send(w.Ctx, world.Signup("bob@example.com"))
			require.NoError(w.T, err)
		},
		"for a contact it is at work on": func(w *world.World, g *world.Gate) {
			w.Send(world.Signup("ada@example.com"))
			synctest.Wait()
			g.Open()
		},
		"for a contact another Runner is at work on": func(w *world.World, g *world.Gate) {
			w.Serve(w.Node(w.Opts))
			w.Send(world.Signup("ada@example.com"))
			synctest.Wait()
			g.Open()
		},
	}
	for name, add := range tests {
		t.Run(name, func(t *testing.T) {
			world.Bubble(t, func(t *testing.T) {
				w := world.New(t, automation.Options{EffectTimeout: 24 * time.Hour})
				w.Create(world.Flow("welcome", "signup", world.Email("hello")))
				g := world.NewGate()
				w.Mailer.Respond = func(ctx context.Context, e automation.Email) error {
					if e.To == "ada@example.com" {
						return g.Respond(ctx, e)
					}
					return nil
				}
				w.Serve(w.Runner)
				w.Send(world.Signup("ada@example.com"))
				synctest.Wait()
				add(w, g)
				synctest.Wait()
				var completed int
				for _, run := range w.Runs() {
					if run.Status == automation.RunCompleted {
						completed++
					}
				}
				assert.Equal(t, len(w.Mailer.Emails()), completed)
				assert.GreaterOrEqual(t, completed, 1)
				assert.Len(t, w.Runs(), 2)
			})
		})
	}
}

func TestRun_WakesWhenSomethingIsDue(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{PollInterval: time.Hour, Lease: 24 * time.Hour})
		var at time.Time
		w.Mailer.Respond = func(context.Context, automation.Email) error {
			at = time.Now()
			return nil
		}
		w.Create(world.Flow("welcome", "signup", world.Pause("rest", "90 seconds"), world.Email("hello")))
		w.Serve(w.Runner)
		began := time.Now()
		w.Send(world.Signup("ada@example.com"))
		world.Advance(10 * time.Minute)
		assert.Equal(t, 90*time.Second, at.Sub(began))
	})
}

func TestRun_PollsAStoreThatDoesNotWatch(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{PollInterval: 3 * time.Second})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.On(wrapped{w.Memory}, w.Opts))
		synctest.Wait()
		w.Send(world.Signup("ada@example.com"))
		world.Advance(2 * time.Second)
		assert.Empty(t, w.Sent())
		world.Advance(time.Second)
		assert.Equal(t, []string{"hello"}, w.Sent())
	})
}

// wrapped hides the optional interfaces of a store, such as Watcher.
type wrapped struct{ automation.Store }

// unwrapped is a wrapper with a method Unwrap.
type unwrapped struct{ wrapped }

func (u unwrapped) Unwrap() automation.Store { return u.Store }

func TestRun_FindsAWatcherThroughWrappers(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{PollInterval: time.Hour, Lease: 24 * time.Hour})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.On(unwrapped{wrapped{unwrapped{wrapped{w.Memory}}}}, w.Opts))
		synctest.Wait()
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		assert.Equal(t, []string{"hello"}, w.Sent())
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
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		store := deaf{w.Memory, new(atomic.Int32), world.ErrOutage}
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		stop := w.Serve(w.On(store, w.Opts))
		synctest.Wait()
		w.Send(world.Signup("ada@example.com"))
		world.Advance(time.Minute)
		assert.Equal(t, []string{"hello"}, w.Sent())
		assert.Less(t, store.watched.Load(), int32(30), "watching is tried again after a pause")
		assert.Greater(t, store.watched.Load(), int32(5))
		assert.ErrorIs(t, stop(), context.Canceled)
	})
}

func TestRun_TriesOnlyOnceToWatchAStoreThatCannot(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{})
		store := deaf{w.Memory, new(atomic.Int32), fmt.Errorf("polling only: %w", errors.ErrUnsupported)}
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.On(store, w.Opts))
		synctest.Wait()
		w.Send(world.Signup("ada@example.com"))
		world.Advance(time.Minute)
		assert.Equal(t, []string{"hello"}, w.Sent())
		assert.EqualValues(t, 1, store.watched.Load())
	})
}
