package scenario_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

const day = 24 * time.Hour

// keeping returns a World in a bubble whose Runner keeps what has ended for a day, with its
// log. The Runner polls seldom, because the tests last for days.
func keeping(t *testing.T) (*world.World, *world.Log) {
	t.Helper()
	var log world.Log
	return world.InBubble(t, automation.Options{Retention: day, PollInterval: time.Hour, Lease: 3 * time.Hour, Logger: log.Logger()}), &log
}

func TestRetention_RunRemovesWhatEndedLongerAgo(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w, log := keeping(t)
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		event := w.Send(world.Signup("ada@example.com"))[0].ID
		ignored := w.Send(world.ForAda("nothing", nil))[0].ID
		world.Advance(day - time.Minute)
		require.Equal(t, automation.RunCompleted, w.Run().Status)
		_, err := w.GetEvent(w.Ctx, event)
		require.NoError(t, err)

		world.Advance(15 * time.Minute)
		assert.Empty(t, w.Runs())
		for _, id := range []string{event, ignored} {
			_, err = w.GetEvent(w.Ctx, id)
			require.ErrorIs(t, err, automation.ErrNotFound)
		}
		assert.Len(t, w.Sent(), 1)
		records := log.Records("automation: pruned")
		require.Len(t, records, 1)
		assert.Equal(t, slog.LevelInfo, records[0].Level)
		assert.Equal(t, map[string]any{"runs": int64(1), "events": int64(2)}, records[0].Attrs)
	})
}

func TestRetention_RunsInProgressStay(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w, log := keeping(t)
		w.Create(world.Flow("sleeps", "signup", world.Pause("rest", "30 days"), world.Email("later")))
		w.Create(world.Flow("waits", "signup", world.Wait("ping", "ping"), world.Email("pong")))
		w.Serve(w.Runner)
		event := w.Send(world.Signup("ada@example.com"))[0].ID
		world.Advance(29 * day)
		for _, run := range w.Runs() {
			assert.Equal(t, automation.RunRunning, run.Status)
		}
		_, err := w.GetEvent(w.Ctx, event)
		require.NoError(t, err, "the event of a run in progress stays")
		assert.Empty(t, log.Records("automation: pruned"))

		world.Advance(2 * day)
		w.Send(world.ForAda("ping", nil))
		world.Advance(time.Second)
		assert.Equal(t, []string{"later", "pong"}, w.Sent())
	})
}

func TestRetention_IsOffByDefault(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{PollInterval: time.Hour, Lease: 3 * time.Hour})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		world.Advance(1000 * day)
		assert.Len(t, w.Runs(), 1)
		assert.Zero(t, w.Store.Calls("Prune"))
	})
}

// A backlog is removed in batches with pauses, and the work goes on meanwhile.
func TestRetention_YieldsToWork(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w, log := keeping(t)
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Send(world.Signups(600)...)
		w.Drain()
		world.Advance(2 * day)
		var between []time.Time
		w.Store.BeforePrune = func(context.Context) error {
			between = append(between, time.Now())
			return nil
		}
		w.Serve(w.Runner)
		synctest.Wait()
		require.Len(t, between, 1, "a pause follows the first batch")
		w.Send(world.Signup("late@example.com"))
		synctest.Wait()
		assert.Len(t, w.Sent(), 601, "work does not wait for the batches")

		world.Advance(time.Second)
		require.Len(t, between, 3)
		for i := range between[1:] {
			assert.Positive(t, between[i+1].Sub(between[i]))
		}
		page, err := w.ListRuns(w.Ctx, automation.RunQuery{})
		require.NoError(t, err)
		require.Len(t, page.Data, 1, "the backlog is gone, and the new run is not")
		require.Len(t, log.Records("automation: pruned"), 1)
		assert.Equal(t, int64(600), log.Records("automation: pruned")[0].Attrs["runs"])
		assert.Len(t, log.Records("automation: pruned a batch"), 3)
	})
}

func TestRetention_ErrorsDoNotStopWork(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w, log := keeping(t)
		var down atomic.Bool
		down.Store(true)
		w.Store.BeforePrune = func(context.Context) error {
			if down.Load() {
				return world.ErrOutage
			}
			return nil
		}
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		w.Serve(w.Runner)
		w.Send(world.Signup("ada@example.com"))
		world.Advance(2 * day)
		w.Send(world.Signup("bob@example.com"))
		synctest.Wait()
		assert.Len(t, w.Sent(), 2)
		assert.Len(t, w.Runs(), 2)
		warnings := log.Records("automation: cannot prune")
		require.NotEmpty(t, warnings)
		assert.Less(t, len(warnings), 400, "tries back off")
		assert.Equal(t, slog.LevelWarn, warnings[0].Level)

		down.Store(false)
		world.Advance(20 * time.Minute)
		assert.Len(t, w.Runs(), 1)
	})
}

func TestRetention_EndsWithRun(t *testing.T) {
	for name, at := range map[string]func(w *world.World){
		"between rounds": func(w *world.World) { world.Advance(time.Minute) },
		"during a call": func(w *world.World) {
			w.Store.BeforePrune = func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}
		},
		"between batches": func(w *world.World) {
			w.Send(world.Signups(600)...)
			w.Drain()
			world.Advance(2 * day)
		},
		"after a failure": func(w *world.World) { w.Store.Down.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			world.Bubble(t, func(t *testing.T) {
				w, log := keeping(t)
				w.Create(world.Flow("welcome", "signup", world.Email("hello")))
				before := goroutines()
				at(w)
				stop := w.Serve(w.Runner)
				synctest.Wait()
				began := time.Now()
				require.ErrorIs(t, stop(), context.Canceled)
				assert.Zero(t, time.Since(began))
				synctest.Wait()
				assert.Equal(t, before, goroutines())
				if name != "after a failure" {
					assert.Empty(t, log.Records("automation: cannot prune"), "to stop is no failure")
				}
			})
		})
	}
}

func TestRetention_SeveralProcessesShareIt(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w, log := keeping(t)
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		for range 3 {
			w.Serve(w.Node(w.Opts))
		}
		w.Send(world.Signups(600)...)
		world.Advance(2 * day)
		w.Send(world.Signup("late@example.com"))
		synctest.Wait()
		assert.Len(t, w.Runs(), 1)
		assert.Len(t, w.Sent(), 601)
		assert.Empty(t, log.Records("automation: cannot prune"))
		removed := int64(0)
		for _, rec := range log.Records("automation: pruned") {
			removed += rec.Attrs["runs"].(int64)
		}
		assert.EqualValues(t, 600, removed, "each run is removed once")
	})
}

func TestRetention_EndsWhenTheStoreWasClosed(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w, log := keeping(t)
		stop := w.Serve(w.Runner)
		synctest.Wait()
		require.NoError(t, w.Memory.Close())
		world.Advance(time.Hour)
		require.ErrorIs(t, stop(), automation.ErrClosed)
		assert.Empty(t, log.Records("automation: cannot prune"))
	})
}
