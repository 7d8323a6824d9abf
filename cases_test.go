package automation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestCase01_EventAndWaitAtTheSameMoment(t *testing.T) {
	t.Parallel()
	flow := flowOf(wait("wait", "order.paid"), email("thanks"))
	t.Run("wait, then event", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flow)
		w.send("user.created", nil)
		w.drain()
		w.send("order.paid", nil)
		other := w.node(w.opts)
		_, err := other.Drain(t.Context())
		require.NoError(t, err)
		assert.Len(t, w.mailer.Emails(), 1)
		w.drain()
		assert.Len(t, w.mailer.Emails(), 1)
	})
	t.Run("event, then wait", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flow)
		w.send("order.paid", nil)
		w.send("user.created", nil)
		w.drain()
		assert.Equal(t, "wait", w.run().Step, "the event was accepted before the run began")
	})
	t.Run("event while the wait is being written", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		other := w.node(w.opts)
		w.create(flow)
		w.send("user.created", nil)
		w.drainToContact()
		w.store.commit = func([]automation.Transition) error {
			w.store.commit = nil
			_, err := other.Send(t.Context(), automation.Event{Name: "order.paid", Email: "ada@example.com"})
			require.NoError(t, err)
			_, err = other.Drain(t.Context())
			require.NoError(t, err, "the contact is leased to the first node")
			return nil
		}
		w.drain()
		assert.Equal(t, automation.RunCompleted, w.run().Status)
		assert.Len(t, w.mailer.Emails(), 1)
	})
	t.Run("both at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flow)
		const contacts = 200
		nodes := []*automation.Runner{w.Runner, w.node(w.opts), w.node(w.opts)}
		var all sync.WaitGroup
		for i, n := range nodes {
			all.Go(func() {
				for c := range contacts {
					address := fmt.Sprintf("c%d@example.com", c)
					if i == 0 {
						_, err := n.Send(t.Context(), automation.Event{Name: "user.created", Email: address}, automation.Event{Name: "order.paid", Email: address})
						assert.NoError(t, err)
					}
					_, err := n.Drain(t.Context())
					assert.NoError(t, err)
				}
			})
		}
		all.Wait()
		w.drain()
		assert.Len(t, w.mailer.Emails(), contacts, "exactly one wake-up each")
	})
}

// drainToContact claims and commits once, which makes the contact of a new
// email, so that what comes next is about the contact.
func (w *world) drainToContact() {
	w.t.Helper()
	stop := errors.New("stop")
	w.store.lost = func(ts []automation.Transition) error {
		w.store.lost = nil
		return stop
	}
	_, err := w.Drain(w.t.Context())
	require.ErrorIs(w.t, err, stop)
	w.clock.Add(2 * time.Second) // what was put back can be claimed again
}

// An event whose transaction commits late is handled although younger ones
// were handled before it.
func TestCase02_EventThatCommitsLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, automation.Options{})
	w.create(flowOf(email("welcome")))
	var old automation.NewEvent
	w.drain()
	late := &lateWriter{Store: w.store, kept: &old}
	_, err := w.SendTo(t.Context(), late, automation.Event{Name: "user.created", Email: "ada@example.com"})
	require.NoError(t, err)

	w.clock.Add(time.Minute)
	w.send("user.created", nil)
	w.drain()
	require.Len(t, w.mailer.Emails(), 1)

	_, err = w.store.AppendEvents(t.Context(), []automation.NewEvent{old})
	require.NoError(t, err)
	w.drain()
	runs := w.runs()
	require.Len(t, runs, 2)
	assert.Equal(t, old.Event.ID, runs[0].EventID)
	assert.Less(t, runs[0].EventID, runs[1].EventID, "it has the lower id")
	assert.Len(t, w.mailer.Emails(), 2)
}

// lateWriter is a transaction that has not been committed.
type lateWriter struct {
	automation.Store
	kept *automation.NewEvent
}

func (w *lateWriter) AppendEvents(_ context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	*w.kept = events[0]
	return []automation.EventReceipt{{ID: events[0].Event.ID}}, nil
}

func TestCase03_TriggerDoesNotSatisfyAWaitOfItsOwnRun(t *testing.T) {
	t.Parallel()
	for name, lookback := range map[string]bool{"plain": false, "with lookback": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, automation.Options{})
			w.create(flowOf(automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "user.created", Lookback: lookback}}))
			first := w.send("user.created", nil)
			w.drain()
			require.Equal(t, automation.RunRunning, w.run().Status)

			// The next one resumes the first run and starts a second.
			w.clock.Add(time.Second)
			second := w.send("user.created", nil)
			w.drain()
			runs := w.runs()
			require.Len(t, runs, 2)
			assert.Equal(t, automation.RunRunning, runs[0].Status)
			assert.Equal(t, second.ID, runs[0].EventID)
			assert.Equal(t, automation.RunCompleted, runs[1].Status)
			assert.Equal(t, first.ID, runs[1].EventID)
		})
	}
}

func TestCase04_IdempotencyKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, automation.Options{})
	w.create(flowOf(email("welcome")))
	event := automation.Event{Name: "user.created", Email: "ada@example.com", Payload: []byte(`{"plan":"pro"}`), IdempotencyKey: "k"}
	first, err := w.Send(t.Context(), event)
	require.NoError(t, err)
	for _, drained := range []string{"before it is handled", "after it was handled"} {
		again, err := w.Send(t.Context(), event)
		require.NoError(t, err, drained)
		assert.Equal(t, []automation.EventReceipt{{ID: first[0].ID, Duplicate: true}}, again)
		for _, change := range []func(e *automation.Event){
			func(e *automation.Event) { e.Payload = []byte(`{"plan":"free"}`) },
			func(e *automation.Event) { e.Email = "bob@example.com" },
		} {
			other := event
			change(&other)
			_, err := w.Send(t.Context(), other)
			require.ErrorIs(t, err, automation.ErrConflict, drained)
		}
		w.drain()
		require.Len(t, w.mailer.Emails(), 1)
	}
	elsewhere := event
	elsewhere.Name = "order.paid"
	receipts, err := w.Send(t.Context(), elsewhere)
	require.NoError(t, err, "keys belong to an event name")
	assert.False(t, receipts[0].Duplicate)

	w.clock.Add(24 * time.Hour)
	receipts, err = w.Send(t.Context(), event)
	require.NoError(t, err)
	assert.False(t, receipts[0].Duplicate, "the key is forgotten after a day")
	w.drain()
	assert.Len(t, w.mailer.Emails(), 2)
}

func TestCase05_TwoEventsForANewEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, automation.Options{})
	w.create(flowOf(email("welcome")))
	nodes := []*automation.Runner{w.Runner, w.node(w.opts)}
	var all sync.WaitGroup
	for i, address := range []string{"Ada@Example.com", "ada@example.COM"} {
		all.Go(func() {
			_, err := nodes[i].Send(t.Context(), automation.Event{Name: "user.created", Email: address})
			assert.NoError(t, err)
			_, err = nodes[i].Drain(t.Context())
			assert.NoError(t, err)
		})
	}
	all.Wait()
	w.drain()
	page, err := w.ListContacts(t.Context(), automation.ContactQuery{})
	require.NoError(t, err)
	require.Len(t, page.Data, 1)
	runs := w.runs()
	require.Len(t, runs, 2)
	for _, r := range runs {
		assert.Equal(t, page.Data[0].ID, r.ContactID)
		assert.Equal(t, automation.RunCompleted, r.Status)
	}
}

func TestCase06_NodeStallsLongerThanItsLease(t *testing.T) {
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
			w := newWorld(t, automation.Options{Delivery: tc.delivery})
			w.create(flowOf(email("welcome"), pause("pause", "1 hour")))
			var calls atomic.Int32
			stalled, wake := make(chan struct{}), make(chan struct{})
			w.mailer.Respond = func(context.Context, automation.Email) error {
				if calls.Add(1) == 1 {
					close(stalled)
					<-wake
				}
				return nil
			}
			w.send("user.created", nil)
			ended := make(chan error, 1)
			go func() {
				_, err := w.Drain(context.Background())
				ended <- err
			}()
			<-stalled
			other := w.node(w.opts)
			_, err := other.Drain(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 1, calls.Load(), "the lease is still good")

			w.clock.Add(2 * time.Minute)
			_, err = other.Drain(t.Context())
			require.NoError(t, err)
			before := w.run()
			close(wake)
			require.NoError(t, <-ended)
			assert.Equal(t, before, w.run(), "the commit of the node that stalled is refused")
			assert.EqualValues(t, tc.calls, calls.Load())
			w.pass(time.Hour)
			run := w.run()
			assert.Equal(t, tc.status, run.Status)
			assert.Len(t, w.mailer.Emails(), 1)
		})
	}
	t.Run("while the other is at work", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(email("welcome"), pause("pause", "1 hour")))
		var calls atomic.Int32
		asked := make(chan struct{})
		answer := []chan struct{}{make(chan struct{}), make(chan struct{})}
		w.mailer.Respond = func(context.Context, automation.Email) error {
			n := calls.Add(1)
			asked <- struct{}{}
			<-answer[n-1]
			return nil
		}
		w.send("user.created", nil)
		var ended [2]chan error
		for i, node := range []*automation.Runner{w.Runner, w.node(w.opts)} {
			ended[i] = make(chan error, 1)
			go func() {
				_, err := node.Drain(context.Background())
				ended[i] <- err
			}()
			<-asked
			if i == 0 {
				w.clock.Add(2 * time.Minute)
			}
		}
		before := w.run()
		close(answer[0])
		require.NoError(t, <-ended[0])
		require.Equal(t, before, w.run(), "the node that stalled writes nothing")
		close(answer[1])
		require.NoError(t, <-ended[1])
		assert.Equal(t, automation.StepCompleted, stepOf(t, w.run(), "welcome").Status)
		assert.EqualValues(t, 2, calls.Load())
		assert.Len(t, w.mailer.Emails(), 1)
	})
}

var errKilled = errors.New("killed")

// kill lets the process end when it is about to write what its effects have
// led to: from then on it writes nothing any more.
func (w *world) kill() {
	dead := false
	w.store.commit = func(ts []automation.Transition) error {
		if dead || len(w.mailer.Emails()) > 0 {
			dead = true
			return errKilled
		}
		return nil
	}
	_, err := w.Drain(w.t.Context())
	require.ErrorIs(w.t, err, errKilled)
	w.store.commit = nil
}

func TestCase07_ProcessKilledBeforeTheCommit(t *testing.T) {
	t.Parallel()
	t.Run("the next node sends with the same key", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(email("welcome")))
		var keys []string
		w.mailer.Respond = func(_ context.Context, e automation.Email) error {
			keys = append(keys, e.IdempotencyKey)
			return nil
		}
		w.send("user.created", nil)
		w.kill()
		other := w.node(w.opts)
		_, err := other.Drain(t.Context())
		require.NoError(t, err)
		require.Len(t, keys, 1, "the dead process has the lease")

		w.clock.Add(2 * time.Minute)
		_, err = other.Drain(t.Context())
		require.NoError(t, err)
		run := w.run()
		assert.Equal(t, []string{"run/" + run.ID + "/welcome", "run/" + run.ID + "/welcome"}, keys)
		assert.Equal(t, automation.RunCompleted, run.Status)
		assert.Len(t, w.mailer.Emails(), 1)
		attempts := stepOf(t, run, "welcome").Attempts
		require.Len(t, attempts, 1)
		assert.Equal(t, automation.FailedInterrupted, attempts[0].Error.Code)
	})
	t.Run("at most once the step fails as unknown", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{Delivery: automation.AtMostOnce})
		w.create(flowOf(email("welcome")))
		w.send("user.created", nil)
		w.kill()
		w.pass(2 * time.Minute)
		assert.Equal(t, automation.FailedUnknown, w.run().Error.Code)
		assert.Len(t, w.mailer.Emails(), 1)
	})
	t.Run("the commit was written, and the answer lost", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{Delivery: automation.AtMostOnce})
		w.create(flowOf(email("welcome"), pause("pause", "1 hour")))
		w.store.lost = func([]automation.Transition) error {
			if len(w.mailer.Emails()) == 0 {
				return nil
			}
			w.store.lost = nil
			return errDown
		}
		w.send("user.created", nil)
		_, err := w.Drain(t.Context())
		require.ErrorIs(t, err, errDown)
		w.pass(2 * time.Minute)
		assert.Equal(t, "pause", w.run().Step)
		assert.Len(t, w.mailer.Emails(), 1)
	})
	t.Run("changes to contacts are made once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(
			automation.Step{Key: "update", Config: automation.ContactUpdate{FirstName: automation.String("Ada")}},
			automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "beta"}},
		))
		w.send("user.created", nil)
		w.store.commit = func(ts []automation.Transition) error {
			if ts[0].Change != nil {
				w.store.commit = nil
				return errKilled
			}
			return nil
		}
		_, err := w.Drain(t.Context())
		require.ErrorIs(t, err, errKilled)
		assert.Empty(t, w.contact().FirstName, "the step and its change are written together")
		w.pass(2 * time.Minute)
		assert.Equal(t, "Ada", w.contact().FirstName)
		assert.Equal(t, []string{"beta"}, w.contact().Segments)
		assert.Equal(t, automation.RunCompleted, w.run().Status)
	})
}

func TestCase08_MailerTimesOutThoughItAccepted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		delivery automation.Delivery
		status   automation.RunStatus
		calls    int
	}{
		"at least once": {automation.AtLeastOnce, automation.RunCompleted, 2},
		"at most once":  {automation.AtMostOnce, automation.RunFailed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, automation.Options{})
			mailer := &deafMailer{Mailer: w.mailer}
			r, err := automation.New(w.store, mailer, automation.Options{Clock: w.clock, Delivery: tc.delivery, EffectTimeout: time.Millisecond})
			require.NoError(t, err)
			w.Runner = r
			w.create(flowOf(email("welcome")))
			w.send("user.created", nil)
			w.drain()
			for range 10 {
				w.pass(time.Hour)
			}
			run := w.run()
			assert.Equal(t, tc.status, run.Status)
			assert.Len(t, w.mailer.Emails(), 1)
			require.Len(t, mailer.keys, tc.calls)
			for _, key := range mailer.keys {
				assert.Equal(t, "run/"+run.ID+"/welcome", key)
			}
			if tc.delivery == automation.AtMostOnce {
				assert.Equal(t, automation.FailedUnknown, run.Error.Code)
				assert.Equal(t, automation.FailedUnknown, stepOf(t, run, "welcome").Error.Code)
			}
		})
	}
}

// deafMailer accepts the first email of each key, and its answer gets lost.
type deafMailer struct {
	automation.Mailer
	keys []string
}

func (m *deafMailer) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	m.keys = append(m.keys, e.IdempotencyKey)
	id, err := m.Mailer.SendEmail(context.WithoutCancel(ctx), e)
	if len(m.keys) == 1 {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return id, err
}

func TestCase09_PermanentAndEndlessFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err   error
		calls int
		code  automation.StepErrorCode
	}{
		"permanent": {automation.Permanent(errors.New("no such address")), 1, automation.FailedPermanently},
		"transient": {errors.New("busy"), 5, automation.FailedEffect},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, automation.Options{})
			w.create(flowOf(email("welcome"), email("again")))
			calls := 0
			w.mailer.Respond = func(_ context.Context, e automation.Email) error {
				calls++
				assert.Equal(t, calls, e.Attempt)
				return tc.err
			}
			w.send("user.created", nil)
			w.drain()
			for range 10 {
				w.pass(time.Hour)
			}
			assert.Equal(t, tc.calls, calls)
			run := w.run()
			assert.Equal(t, automation.RunFailed, run.Status)
			assert.Equal(t, tc.code, run.Error.Code)
			assert.False(t, run.CompletedAt.IsZero())
			assert.Len(t, stepOf(t, run, "welcome").Attempts, tc.calls)
			assert.Equal(t, automation.StepSkipped, stepOf(t, run, "again").Status)
			next, err := w.store.NextDue(t.Context())
			require.NoError(t, err)
			assert.Zero(t, next, "nothing is left to do")

			w.mailer.Respond = nil
			_, err = w.RetryRun(t.Context(), run.ID)
			require.NoError(t, err)
			w.drain()
			assert.Equal(t, automation.RunCompleted, w.run().Status)
			assert.Len(t, w.mailer.Emails(), 2)
		})
	}
}

// rewrite replaces the stored state of a run, as a newer version of the library
// or a failing disk does.
func (w *world) rewrite(id string, change func(state []byte) []byte) {
	w.t.Helper()
	rec := w.stored(id)
	works, err := w.store.Claim(w.t.Context(), automation.ClaimParams{
		Now: w.clock.Now(), Lease: time.Minute, Limit: 1, Contact: automation.ContactRef{ID: rec.ContactID},
	})
	require.NoError(w.t, err)
	require.Len(w.t, works, 1)
	rec.State = change(bytes.Clone(rec.State))
	results, err := w.store.Commit(w.t.Context(), []automation.Transition{{
		Key: works[0].Key, Token: works[0].Token, Now: w.clock.Now(), Release: true,
		Runs: []automation.RunChange{{RunRecord: rec}},
	}})
	require.NoError(w.t, err)
	require.NoError(w.t, results[0].Err)
}

func TestCase10_RunThatCannotBeRead(t *testing.T) {
	t.Parallel()
	newer := func(b []byte) []byte { b[0] = 200; return b }
	damaged := func(b []byte) []byte { return b[:len(b)/2] }
	for name, tc := range map[string]struct {
		spoil func([]byte) []byte
		fails bool
	}{
		"damaged":                {damaged, true},
		"written by a newer one": {newer, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, automation.Options{})
			w.create(flowOf(pause("pause", "1 hour"), email("later")))
			for range 3 {
				w.send("user.created", nil)
			}
			w.drain()
			bad := w.runs()[1].ID
			good := w.stored(bad).State
			w.rewrite(bad, tc.spoil)
			kept := w.stored(bad).State

			w.pass(time.Hour)
			assert.Len(t, w.mailer.Emails(), 2, "all others go on")
			run, err := w.GetRun(t.Context(), bad)
			require.NoError(t, err)
			assert.Equal(t, automation.RunRunning, run.Status)
			assert.Equal(t, automation.FailedDamaged, run.Error.Code)
			assert.Empty(t, run.Steps)
			assert.Equal(t, w.clock.Now().Add(time.Second), run.DueAt, "it is tried again after a back-off")

			for range 20 {
				w.pass(5 * time.Minute)
			}
			rec := w.stored(bad)
			assert.Equal(t, kept, rec.State, "what is stored stays untouched")
			if tc.fails {
				assert.Equal(t, automation.RunFailed, rec.Status)
				assert.NotZero(t, rec.CompletedAt)
			} else {
				assert.Equal(t, automation.RunRunning, rec.Status, "it is left to a node that can read it")
			}

			w.rewrite(bad, func([]byte) []byte { return good })
			if tc.fails {
				_, err := w.RetryRun(t.Context(), bad)
				require.NoError(t, err)
			}
			w.pass(5 * time.Minute)
			run, err = w.GetRun(t.Context(), bad)
			require.NoError(t, err)
			assert.Equal(t, automation.RunCompleted, run.Status, "once it can be read it goes on")
			assert.Nil(t, run.Error)
			assert.Len(t, w.mailer.Emails(), 3)
		})
	}
	t.Run("it can be cancelled", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(pause("pause", "1 hour")))
		w.send("user.created", nil)
		w.drain()
		id := w.run().ID
		w.rewrite(id, damaged)
		_, err := w.CancelRun(t.Context(), id)
		require.NoError(t, err)
		assert.Equal(t, automation.RunCancelled, w.stored(id).Status)
	})
	t.Run("its contact can be deleted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(pause("pause", "1 hour")))
		w.send("user.created", nil)
		w.drain()
		id := w.run().ID
		w.rewrite(id, newer)
		w.pass(time.Hour)
		require.NoError(t, w.DeleteContact(t.Context(), w.contact().ID))
		w.drain()
		assert.Equal(t, automation.RunCancelled, w.stored(id).Status)
	})
	t.Run("an event that came meanwhile is not missed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(wait("wait", "order.paid"), email("thanks")))
		w.send("user.created", nil)
		w.drain()
		id := w.run().ID
		good := w.stored(id).State
		w.rewrite(id, newer)
		w.clock.Add(time.Minute)
		w.send("order.paid", nil)
		w.drain()
		require.Empty(t, w.mailer.Emails())
		w.rewrite(id, func([]byte) []byte { return good })
		w.pass(time.Minute)
		assert.Len(t, w.mailer.Emails(), 1)
	})
}

// stored returns the run as the store has it.
func (w *world) stored(id string) automation.RunRecord {
	w.t.Helper()
	rec, err := w.store.Store.FindRun(w.t.Context(), id)
	require.NoError(w.t, err)
	return rec
}

func TestCase11_ClockJumps(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) *world {
		w := newWorld(t, automation.Options{})
		w.create(flowOf(automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.days").Exists()}},
			pause("pause", "1 day"), email("later"), pause("more", "1 day"), email("last")))
		for i := range 5 {
			_, err := w.Send(t.Context(), automation.Event{Name: "user.created", Email: fmt.Sprintf("c%d@example.com", i), Payload: []byte(`{"days":1}`)})
			require.NoError(t, err)
			w.pass(time.Minute)
		}
		return w
	}
	t.Run("forward a year", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		w.pass(365 * 24 * time.Hour)
		emails := w.mailer.Emails()
		require.Len(t, emails, 5)
		for i, e := range emails {
			assert.Equal(t, fmt.Sprintf("c%d@example.com", i), e.To, "oldest first")
			assert.Equal(t, "later", e.TemplateID)
		}
		w.drain()
		assert.Len(t, w.mailer.Emails(), 5, "the next delay counts from now")
		w.pass(24 * time.Hour)
		assert.Len(t, w.mailer.Emails(), 10)
	})
	t.Run("backward", func(t *testing.T) {
		t.Parallel()
		w := setUp(t)
		w.pass(24 * time.Hour)
		require.Len(t, w.mailer.Emails(), 5)
		now := w.clock.Now()
		w.clock.Set(now.Add(-12 * time.Hour))
		w.drain()
		w.clock.Set(now)
		w.drain()
		assert.Len(t, w.mailer.Emails(), 5, "nothing runs twice")
		w.pass(24 * time.Hour)
		assert.Len(t, w.mailer.Emails(), 10)
	})
	t.Run("backward while events arrive", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(email("welcome")))
		w.send("user.created", nil)
		w.drain()
		w.clock.Set(w.clock.Now().Add(-time.Hour))
		w.send("user.created", nil)
		w.drain()
		assert.Len(t, w.mailer.Emails(), 2)
	})
}

func TestCase12_AllNodesDownForAWeek(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limit time.Duration
		sent  []string
	}{
		"overdue emails are sent":          {0, []string{"welcome", "later", "last"}},
		"a lateness limit skips them":      {24 * time.Hour, []string{"welcome", "last"}},
		"a wide lateness limit skips none": {8 * 24 * time.Hour, []string{"welcome", "later", "last"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, automation.Options{MaxLateness: tc.limit})
			w.create(flowOf(email("welcome"), pause("pause", "1 hour"), email("later"), pause("more", "1 hour"), email("last")))
			w.send("user.created", nil)
			w.drain()
			w.pass(7 * 24 * time.Hour) // nobody was at work in between
			w.pass(time.Hour)
			var sent []string
			for _, e := range w.mailer.Emails() {
				sent = append(sent, e.TemplateID)
			}
			assert.Equal(t, tc.sent, sent, "what follows an overdue step is in time again")
			assert.Equal(t, automation.RunCompleted, w.run().Status)
			if later := stepOf(t, w.run(), "later"); len(sent) == 2 {
				assert.Equal(t, automation.StepSkipped, later.Status)
				assert.JSONEq(t, `{"reason":"too_late"}`, string(later.Output))
			}
		})
	}
	t.Run("an event that was accepted then is handled now", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{MaxLateness: 24 * time.Hour})
		w.create(flowOf(email("welcome"), pause("pause", "1 hour"), email("later")))
		w.send("user.created", nil)
		w.pass(7 * 24 * time.Hour)
		w.pass(time.Hour)
		require.Len(t, w.mailer.Emails(), 1)
		assert.Equal(t, "later", w.mailer.Emails()[0].TemplateID)
	})
}

// runAtEveryStep starts runs and leaves one at each kind of step that takes
// time: a delay, a wait and a back-off.
func (w *world) runAtEveryStep() automation.Automation {
	w.t.Helper()
	a := flowOf(
		automation.Step{Key: "is", Config: automation.Condition{Rule: automation.Field("event.at").Eq("send")}},
		email("send"), pause("pause", "1 day"), wait("wait", "order.paid"), email("end"))
	a.Connections = []automation.Connection{
		{From: "start", To: "is"},
		{From: "is", To: "send", Type: automation.ConnectionConditionMet},
		{From: "is", To: "pause", Type: automation.ConnectionConditionNotMet},
		{From: "send", To: "wait"},
		{From: "pause", To: "wait"},
		{From: "wait", To: "end"},
	}
	a = w.create(a)
	w.send("user.created", map[string]string{"at": "send"})
	w.drain() // is at wait
	require.Len(w.t, w.mailer.Emails(), 1)
	w.mailer.Reset()
	w.mailer.Respond = func(context.Context, automation.Email) error { return errors.New("busy") }
	w.send("user.created", map[string]string{"at": "send"})
	w.drain() // is backing off
	w.mailer.Respond = nil
	w.send("user.created", map[string]string{"at": "pause"})
	w.drain() // is at pause
	var at []string
	for _, r := range w.runs() {
		at = append(at, r.Step)
	}
	require.Equal(w.t, []string{"pause", "send", "wait"}, at)
	return a
}

// finish lets all runs come to their end.
func (w *world) finish() {
	w.t.Helper()
	w.pass(time.Minute)
	w.pass(24 * time.Hour)
	w.clock.Add(time.Second)
	w.send("order.paid", nil)
	w.drain()
}

func (w *world) requireAll(status automation.RunStatus) {
	w.t.Helper()
	for _, r := range w.runs() {
		require.Equal(w.t, status, r.Status, "%s: %v", r.Step, r.Error)
		require.Zero(w.t, r.DueAt)
		require.False(w.t, r.CompletedAt.IsZero())
	}
	next, err := w.store.NextDue(w.t.Context())
	require.NoError(w.t, err)
	require.Zero(w.t, next)
}

func TestCase13_AutomationChangesUnderItsRuns(t *testing.T) {
	t.Parallel()
	t.Run("updated", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.runAtEveryStep()
		next := flowOf(email("other"))
		name := "Renamed"
		b, err := w.UpdateAutomation(t.Context(), a.ID, automation.AutomationUpdate{Name: &name, Steps: next.Steps, Connections: next.Connections})
		require.NoError(t, err)
		require.Equal(t, 2, b.Version)
		w.finish()
		w.requireAll(automation.RunCompleted)
		for _, r := range w.runs() {
			assert.Equal(t, 1, r.Version)
			assert.Equal(t, automation.StepCompleted, stepOf(t, r, "end").Status)
		}
		w.send("user.created", nil)
		w.drain()
		assert.Equal(t, 2, w.runs()[0].Version)
		last := w.mailer.Emails()
		assert.Equal(t, "other", last[len(last)-1].TemplateID)
	})
	t.Run("updated by two at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.create(flowOf(email("welcome")))
		one, two := "One", "Two"
		_, err := w.UpdateAutomation(t.Context(), a.ID, automation.AutomationUpdate{Name: &one, Revision: a.Revision})
		require.NoError(t, err)
		_, err = w.UpdateAutomation(t.Context(), a.ID, automation.AutomationUpdate{Name: &two, Revision: a.Revision})
		require.ErrorIs(t, err, automation.ErrConflict)
		a, err = w.GetAutomation(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, "One", a.Name)
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.runAtEveryStep()
		_, err := w.StopAutomation(t.Context(), a.ID, automation.StopOptions{})
		require.NoError(t, err)
		w.send("user.created", nil)
		w.drain()
		require.Len(t, w.runs(), 3, "no new run starts")
		w.finish()
		w.requireAll(automation.RunCompleted)
	})
	t.Run("stopped, and its runs cancelled", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.runAtEveryStep()
		_, err := w.StopAutomation(t.Context(), a.ID, automation.StopOptions{CancelRuns: true})
		require.NoError(t, err)
		w.drain()
		w.requireAll(automation.RunCancelled)
		w.finish()
		assert.Empty(t, w.mailer.Emails())
	})
	t.Run("stopped between the claim and the start", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.create(flowOf(email("welcome")))
		w.send("user.created", nil)
		w.drainToContact()
		w.store.claim = func(works []automation.Work) {
			w.store.claim = nil
			_, err := w.StopAutomation(t.Context(), a.ID, automation.StopOptions{})
			require.NoError(t, err)
		}
		w.drain()
		assert.Empty(t, w.runs())
		assert.Empty(t, w.mailer.Emails())
		next, err := w.store.NextDue(t.Context())
		require.NoError(t, err)
		assert.Zero(t, next)
	})
	t.Run("duplicated", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.runAtEveryStep()
		b, err := w.DuplicateAutomation(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, "Flow (copy)", b.Name)
		assert.Equal(t, automation.StatusDisabled, b.Status)
		assert.NotEqual(t, a.ID, b.ID)
		w.finish()
		w.requireAll(automation.RunCompleted)
		assert.Len(t, w.runs(), 3)
	})
	t.Run("deleted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.runAtEveryStep()
		ids := w.runs()
		require.NoError(t, w.DeleteAutomation(t.Context(), a.ID))
		w.drain()
		for _, r := range ids {
			r, err := w.GetRun(t.Context(), r.ID)
			require.NoError(t, err, "runs stay readable")
			assert.Equal(t, automation.RunCancelled, r.Status)
			assert.Len(t, r.Steps, 6)
		}
		w.finish()
		assert.Empty(t, w.mailer.Emails())
	})
	t.Run("deleted between the claim and the start", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.create(flowOf(email("welcome")))
		w.send("user.created", nil)
		w.drainToContact()
		fresh := w.node(w.opts) // it has never read the definition
		w.store.claim = func(works []automation.Work) {
			w.store.claim = nil
			require.NoError(t, w.DeleteAutomation(t.Context(), a.ID))
		}
		_, err := fresh.Drain(t.Context())
		require.NoError(t, err)
		w.pass(time.Minute)
		assert.Empty(t, w.runs())
		assert.Empty(t, w.mailer.Emails())
	})
}

func TestCase14_ContactChangesUnderItsRuns(t *testing.T) {
	t.Parallel()
	t.Run("unsubscribes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.runAtEveryStep()
		yes := true
		_, err := w.UpdateContact(t.Context(), w.contact().ID, automation.ContactChange{Unsubscribed: &yes})
		require.NoError(t, err)
		w.finish()
		w.requireAll(automation.RunCompleted)
		assert.Empty(t, w.mailer.Emails())
		for _, r := range w.runs() {
			assert.Equal(t, automation.StepSkipped, stepOf(t, r, "end").Status)
			assert.JSONEq(t, `{"reason":"unsubscribed"}`, string(stepOf(t, r, "end").Output))
		}
	})
	t.Run("changes email and name", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.runAtEveryStep()
		address, name := "lovelace@example.com", "Augusta"
		_, err := w.UpdateContact(t.Context(), w.contact().ID, automation.ContactChange{Email: &address, FirstName: &name})
		require.NoError(t, err)
		w.pass(time.Minute)
		w.pass(24 * time.Hour)
		w.clock.Add(time.Second)
		_, err = w.Send(t.Context(), automation.Event{Name: "order.paid", Email: "LOVELACE@example.com"})
		require.NoError(t, err)
		w.drain()
		w.requireAll(automation.RunCompleted)
		require.Len(t, w.mailer.Emails(), 4)
		for _, e := range w.mailer.Emails() {
			assert.Equal(t, address, e.To)
			assert.Equal(t, name, e.Contact.FirstName)
		}
	})
	t.Run("is deleted", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.runAtEveryStep()
		old := w.contact().ID
		require.NoError(t, w.DeleteContact(t.Context(), old))
		// One with the same email does not revive them.
		_, err := w.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com"})
		require.NoError(t, err)
		w.send("order.paid", nil)
		w.drain()
		w.requireAll(automation.RunCancelled)
		for _, r := range w.runs() {
			assert.Equal(t, automation.CancelledContactGone, r.Error.Code)
		}
		w.finish()
		assert.Empty(t, w.mailer.Emails())
	})
	// A change that happens while an email is in flight is seen by the next step.
	for name, tc := range map[string]struct {
		next   automation.Step
		change func(t *testing.T, w *world)
		check  func(t *testing.T, w *world)
	}{
		"is deleted while a send is in flight, before a wait": {
			wait("next", "order.paid"), deleteContact, checkCancelled,
		},
		"is deleted while a send is in flight, before a delay": {
			pause("next", "1 hour"), deleteContact, checkCancelled,
		},
		"is deleted while a send is in flight, before another": {
			email("next"), deleteContact, checkCancelled,
		},
		"unsubscribes while a send is in flight": {
			email("next"),
			func(t *testing.T, w *world) {
				yes := true
				_, err := w.UpdateContact(t.Context(), w.contact().ID, automation.ContactChange{Unsubscribed: &yes})
				require.NoError(t, err)
			},
			func(t *testing.T, w *world) {
				assert.Equal(t, automation.StepSkipped, stepOf(t, w.run(), "next").Status)
				assert.Len(t, w.mailer.Emails(), 1)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, automation.Options{})
			w.create(flowOf(email("first"), tc.next))
			w.mailer.Respond = func(context.Context, automation.Email) error {
				w.mailer.Respond = nil
				tc.change(t, w)
				return nil
			}
			w.send("user.created", nil)
			w.drain()
			tc.check(t, w)
			assert.Equal(t, automation.StepCompleted, stepOf(t, w.run(), "first").Status)
		})
	}
	t.Run("is deleted by a run of its own", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(wait("wait", "account.closed"), automation.Step{Key: "delete", Config: automation.ContactDelete{}}, email("never")))
		w.create(flowOf(wait("wait", "account.closed"), automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "gone"}}))
		w.create(flowOf(pause("pause", "1 day"), email("later")))
		w.send("user.created", nil)
		w.drain()
		w.clock.Add(time.Second)
		w.send("account.closed", nil)
		w.drain()
		runs := w.runs()
		require.Len(t, runs, 3)
		assert.Equal(t, automation.RunCancelled, runs[0].Status)
		assert.Equal(t, automation.RunCancelled, runs[1].Status)
		assert.Equal(t, automation.CancelledContactGone, runs[1].Error.Code)
		assert.Equal(t, automation.RunCompleted, runs[2].Status)
		assert.Equal(t, automation.StepSkipped, stepOf(t, runs[2], "never").Status)
	})
	t.Run("is deleted by the first of the runs that an event starts", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(automation.Step{Key: "delete", Config: automation.ContactDelete{}}))
		w.create(flowOf(automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "gone"}}))
		w.send("user.created", nil)
		w.drain()
		runs := w.runs()
		require.Len(t, runs, 2, "the event starts a run of every automation")
		assert.Equal(t, automation.RunCancelled, runs[0].Status)
		assert.Equal(t, automation.CancelledContactGone, runs[0].Error.Code)
		assert.Equal(t, automation.RunCompleted, runs[1].Status)
	})
}

func deleteContact(t *testing.T, w *world) {
	require.NoError(t, w.DeleteContact(t.Context(), w.contact().ID))
}

func checkCancelled(t *testing.T, w *world) {
	run := w.run()
	require.Equal(t, automation.RunCancelled, run.Status, "at %s", run.Step)
	assert.Equal(t, automation.CancelledContactGone, run.Error.Code)
	assert.Len(t, w.mailer.Emails(), 1)
}

func TestCase15_CancelRacesASend(t *testing.T) {
	t.Parallel()
	t.Run("while it is in flight", func(t *testing.T) {
		t.Parallel()
		for name, tc := range map[string]struct {
			next   automation.Step
			status automation.RunStatus
		}{
			"before another": {email("next"), automation.RunCancelled},
			"before a wait":  {wait("next", "order.paid"), automation.RunCancelled},
			"before a delay": {pause("next", "1 hour"), automation.RunCancelled},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, automation.Options{})
				w.create(flowOf(email("first"), tc.next))
				w.mailer.Respond = func(_ context.Context, e automation.Email) error {
					for range 2 {
						run, err := w.node(w.opts).CancelRun(t.Context(), e.RunID)
						assert.NoError(t, err)
						assert.Equal(t, automation.RunRunning, run.Status, "the node at work will do it")
					}
					return nil
				}
				w.send("user.created", nil)
				w.drain()
				run := w.run()
				assert.Equal(t, tc.status, run.Status)
				assert.Equal(t, automation.CancelledByRequest, run.Error.Code)
				assert.Equal(t, automation.StepCompleted, stepOf(t, run, "first").Status, "what was in flight is recorded")
				assert.Equal(t, automation.StepCancelled, stepOf(t, run, "next").Status)
				assert.Len(t, w.mailer.Emails(), 1)
			})
		}
	})
	t.Run("while it fails", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(email("first")))
		w.mailer.Respond = func(_ context.Context, e automation.Email) error {
			_, err := w.node(w.opts).CancelRun(t.Context(), e.RunID)
			assert.NoError(t, err)
			return errors.New("busy")
		}
		w.send("user.created", nil)
		w.drain()
		assert.Equal(t, automation.RunCancelled, w.run().Status)
		assert.Len(t, stepOf(t, w.run(), "first").Attempts, 1)
		w.pass(time.Hour)
		assert.Empty(t, w.mailer.Emails())
	})
	t.Run("just before it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(pause("pause", "1 hour"), email("first")))
		w.send("user.created", nil)
		w.drain()
		w.clock.Add(time.Hour)
		w.store.commit = func([]automation.Transition) error {
			w.store.commit = nil
			_, err := w.CancelRun(t.Context(), w.run().ID)
			assert.NoError(t, err)
			return nil
		}
		w.drain()
		assert.Equal(t, automation.StepCancelled, stepOf(t, w.run(), "first").Status)
		assert.Empty(t, w.mailer.Emails())
	})
	t.Run("at any moment", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(pause("pause", "1 hour"), email("first"), email("second")))
		const contacts = 100
		for i := range contacts {
			_, err := w.Send(t.Context(), automation.Event{Name: "user.created", Email: fmt.Sprintf("c%d@example.com", i)})
			require.NoError(t, err)
		}
		w.drain()
		runs := w.runs()
		require.Len(t, runs, contacts)
		w.clock.Add(time.Hour)
		other := w.node(w.opts)
		var all sync.WaitGroup
		all.Go(func() {
			for _, r := range runs {
				_, err := other.CancelRun(t.Context(), r.ID)
				assert.NoError(t, err)
			}
		})
		for _, node := range []*automation.Runner{w.Runner, other} {
			all.Go(func() {
				_, err := node.Drain(t.Context())
				assert.NoError(t, err)
			})
		}
		all.Wait()
		w.drain()
		w.requireSentAsRecorded()
	})
}

// requireSentAsRecorded checks that all runs have ended, and that an email was
// sent if and only if its step says so.
func (w *world) requireSentAsRecorded() {
	w.t.Helper()
	sent := map[string]int{}
	for _, e := range w.mailer.Emails() {
		sent[e.RunID+"/"+e.StepKey]++
	}
	for _, r := range w.runs() {
		require.NotEqual(w.t, automation.RunRunning, r.Status)
		for _, s := range r.Steps {
			if s.Type != automation.TypeSendEmail {
				continue
			}
			want := 0
			if s.Status == automation.StepCompleted {
				want = 1
			}
			require.Equal(w.t, want, sent[r.ID+"/"+s.Key], "step %s is %s", s.Key, s.Status)
		}
	}
}

func TestCase16_EventNamesWithDots(t *testing.T) {
	t.Parallel()
	w := newWorld(t, automation.Options{})
	w.create(flowOf(
		wait("short", "feedback"), wait("long", "feedback.received"),
		automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("wait_events.feedback.received.response").Eq("yes")}},
		automation.Step{Key: "thanks", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "thanks", Variables: map[string]automation.Value{
			"LONG":  automation.Var("wait_events.feedback.received.response"),
			"SHORT": automation.Var("wait_events.feedback.response"),
			"DEEP":  automation.Var("wait_events.feedback.received.by.name"),
		}}}},
	))
	w.send("user.created", nil)
	w.drain()
	for name, payload := range map[string]any{
		"feedback": map[string]any{"response": "short", "received": map[string]any{"response": "wrong"}},
	} {
		w.clock.Add(time.Second)
		w.send(name, payload)
		w.drain()
	}
	w.clock.Add(time.Second)
	w.send("feedback.received", map[string]any{"response": "yes", "by": map[string]any{"name": "Ada"}})
	w.drain()
	require.Len(t, w.mailer.Emails(), 1)
	assert.Equal(t, map[string]any{"LONG": "yes", "SHORT": "short", "DEEP": "Ada"}, w.mailer.Emails()[0].Variables)
}

func TestCase17_AwkwardData(t *testing.T) {
	t.Parallel()
	variables := map[string]automation.Value{
		"BIG": automation.Var("event.big"), "DOTTED": automation.Var("event.a.b"), "HTML": automation.Var("event.html"),
	}
	flow := flowOf(
		automation.Step{Key: "exact", Config: automation.Condition{Rule: automation.Field("event.big").Eq(json.Number("9007199254740993"))}},
		automation.Step{Key: "keep", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"big": automation.Var("event.big")}}},
		automation.Step{Key: "send", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "t", Variables: variables}}},
	)
	t.Run("is exact to the end", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flow)
		deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
		payload := `{"big":9007199254740993,"a":{"b":"nested"},"":{"":1},"html":"<b>&</b>","deep":` + deep + `}`
		w.send("user.created", json.RawMessage(payload))
		w.drain()
		require.Len(t, w.mailer.Emails(), 1)
		assert.Equal(t, map[string]any{"BIG": json.Number("9007199254740993"), "DOTTED": "nested", "HTML": "<b>&</b>"},
			w.mailer.Emails()[0].Variables, "escaping is left to the template")
		assert.Equal(t, json.Number("9007199254740993"), w.contact().Properties["big"])
		assert.Contains(t, string(stepOf(t, w.run(), "send").Output), "9007199254740993")

		w.send("user.created", json.RawMessage(`{"big":9007199254740992}`))
		w.drain()
		assert.Len(t, w.mailer.Emails(), 1, "the neighbour is another number")
	})
	t.Run("keys with dots and empty keys are kept", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(wait("wait", "order.paid")))
		w.send("user.created", nil)
		w.drain()
		w.clock.Add(time.Second)
		payload := `{"a.b":1,"":2,"c":{"":{"d.":null}}}`
		receipt := w.send("order.paid", json.RawMessage(payload))
		w.drain()
		e, err := w.GetEvent(t.Context(), receipt.ID)
		require.NoError(t, err)
		assert.JSONEq(t, payload, string(e.Payload))
		var out struct{ Payload json.RawMessage }
		require.NoError(t, json.Unmarshal(stepOf(t, w.run(), "wait").Output, &out))
		assert.JSONEq(t, payload, string(out.Payload))
	})
	t.Run("no payload and null are the same", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.plan").IsEmpty()}}, email("send")))
		w.send("user.created", nil)
		w.send("user.created", json.RawMessage(`null`))
		w.drain()
		assert.Len(t, w.mailer.Emails(), 2)
	})
	t.Run("is refused, and nothing stored", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(email("send")))
		deep := strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5)
		for name, e := range map[string]automation.Event{
			"invalid UTF-8":             {Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage("{\"a\":\"\xff\"}")},
			"nested too deep":           {Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage(`{"a":` + deep + `}`)},
			"a key twice":               {Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage(`{"a":1,"a":2}`)},
			"an array":                  {Name: "user.created", Email: "ada@example.com", Payload: json.RawMessage(`[]`)},
			"a line break in the email": {Name: "user.created", Email: "ada@example.com\r\nBcc: all@example.com"},
			"both id and email":         {Name: "user.created", Email: "ada@example.com", ContactID: "x"},
			"neither id nor email":      {Name: "user.created"},
			"no name":                   {Email: "ada@example.com"},
			"a reserved name":           {Name: "resend:x", Email: "ada@example.com"},
			"a name that is not text":   {Name: "user\xff", Email: "ada@example.com"},
		} {
			good := automation.Event{Name: "user.created", Email: "bob@example.com"}
			_, err := w.Send(t.Context(), good, e)
			require.ErrorIs(t, err, automation.ErrInvalid, name)
		}
		_, err := w.Send(t.Context(), automation.Event{Name: "user.created", ContactID: "nobody"})
		require.ErrorIs(t, err, automation.ErrNotFound)
		w.drain()
		assert.Empty(t, w.runs())
	})
	t.Run("line breaks in headers are refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		for _, header := range []automation.SendEmail{
			{Subject: "Hi\r\nBcc: all@example.com"}, {From: "a@example.com\nX: y"}, {ReplyTo: "a@example.com\r"},
		} {
			header.Template.ID = "t"
			_, err := w.CreateAutomation(t.Context(), flowOf(automation.Step{Key: "send", Config: header}))
			require.ErrorIs(t, err, automation.ErrInvalid)
		}
		address := "ada@example.com\r\nBcc: all@example.com"
		_, err := w.CreateContact(t.Context(), automation.Contact{Email: address})
		require.ErrorIs(t, err, automation.ErrInvalid)
		c, err := w.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com"})
		require.NoError(t, err)
		_, err = w.UpdateContact(t.Context(), c.ID, automation.ContactChange{Email: &address})
		require.ErrorIs(t, err, automation.ErrInvalid)
	})
}

func TestCase18_ManyAndLarge(t *testing.T) {
	t.Parallel()
	const many = 10_000
	count := func(t *testing.T, w *world, a automation.Automation, status automation.RunStatus) int {
		counts, err := w.CountRuns(t.Context(), a.ID)
		require.NoError(t, err)
		n := 0
		for _, c := range counts {
			if c.Status == status {
				n += c.Count
			}
		}
		return n
	}
	batch := func(name, email string) []automation.Event {
		events := make([]automation.Event, many)
		for i := range events {
			events[i] = automation.Event{Name: name, Email: email}
		}
		return events
	}
	t.Run("10,000 runs resumed by one event", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.create(flowOf(wait("wait", "order.paid")))
		_, err := w.Send(t.Context(), batch("user.created", "ada@example.com")...)
		require.NoError(t, err)
		w.drain()
		require.Equal(t, many, count(t, w, a, automation.RunRunning))
		w.clock.Add(time.Second)
		w.send("order.paid", nil)
		w.drain()
		assert.Equal(t, many, count(t, w, a, automation.RunCompleted))
	})
	t.Run("10,000 runs resumed by the clock", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.create(flowOf(pause("pause", "1 hour")))
		_, err := w.Send(t.Context(), batch("user.created", "ada@example.com")...)
		require.NoError(t, err)
		w.drain()
		w.pass(time.Hour)
		assert.Equal(t, many, count(t, w, a, automation.RunCompleted))
	})
	t.Run("10,000 events for one contact", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		a := w.create(flowOf(automation.Step{Key: "join", Config: automation.AddToSegment{SegmentID: "beta"}}))
		_, err := w.Send(t.Context(), batch("user.created", "ada@example.com")...)
		require.NoError(t, err)
		n, err := w.Drain(t.Context())
		require.NoError(t, err)
		assert.GreaterOrEqual(t, n, 2*many)
		assert.Equal(t, many, count(t, w, a, automation.RunCompleted))
	})
	t.Run("10,000 events that do nothing create nobody", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		_, err := w.Send(t.Context(), batch("page.viewed", "ada@example.com")...)
		require.NoError(t, err)
		w.drain()
		page, err := w.ListContacts(t.Context(), automation.ContactQuery{})
		require.NoError(t, err)
		assert.Empty(t, page.Data)
		next, err := w.store.NextDue(t.Context())
		require.NoError(t, err)
		assert.Zero(t, next)
	})
	t.Run("a payload at the limit", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(wait("wait", "order.paid"), automation.Step{Key: "send", Config: automation.SendEmail{Template: automation.TemplateRef{
			ID: "t", Variables: map[string]automation.Value{"TEXT": automation.Var("wait_events.order.paid.text"), "MORE": automation.Var("event.text")},
		}}}))
		const limit = 256 << 10
		text := strings.Repeat("x", limit-len(`{"text":""}`))
		w.send("user.created", json.RawMessage(`{"text":"`+text+`"}`))
		w.drain()
		w.clock.Add(time.Second)
		w.send("order.paid", json.RawMessage(`{"text":"`+text+`"}`))
		w.drain()
		require.Len(t, w.mailer.Emails(), 1)
		assert.Equal(t, text, w.mailer.Emails()[0].Variables["TEXT"])
		assert.Equal(t, text, w.mailer.Emails()[0].Variables["MORE"])

		over := json.RawMessage(`{"text":"` + text + `x"}`)
		_, err := w.Send(t.Context(), automation.Event{Name: "user.created", Email: "ada@example.com", Payload: over})
		require.ErrorIs(t, err, automation.ErrInvalid)
	})
}

// pager is a step type that only newer nodes know.
type pager struct {
	Team string `json:"team"`
}

func (pager) StepType() automation.StepType { return "acme.pager" }

// deploy is a world with a node that does not know the type of a step and one
// that does.
type deploy struct {
	*world
	newer *automation.Runner
	paged int // how often the step was executed
}

func newDeploy(t *testing.T) *deploy {
	t.Helper()
	d := &deploy{world: newWorld(t, automation.Options{})}
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, pager) (automation.Result, error) {
		d.paged++
		return automation.Result{}, nil
	}, automation.StepOptions{})
	opts := d.opts
	opts.Registry = reg
	d.newer = d.node(opts)
	return d
}

func (d *deploy) drainNewer() {
	d.t.Helper()
	_, err := d.newer.Drain(d.t.Context())
	require.NoError(d.t, err)
}

func TestCase19_RollingDeploy(t *testing.T) {
	t.Parallel()
	page := automation.Step{Key: "page", Config: pager{Team: "ops"}}

	t.Run("an older node starts a run that it cannot read", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		_, err := w.newer.CreateAutomation(t.Context(), flowOf(page, email("after")))
		require.NoError(t, err)
		w.create(flowOf(email("welcome")))
		w.send("user.created", nil)
		w.drain()
		require.Len(t, w.mailer.Emails(), 1, "what the older node can read goes on")
		runs := w.runs()
		require.Len(t, runs, 2, "the event has started both")
		require.Equal(t, automation.RunRunning, runs[1].Status)
		for range 30 {
			w.pass(10 * time.Minute)
		}
		require.Equal(t, automation.RunRunning, w.runs()[1].Status, "it is left to a newer node, for ever")
		w.clock.Add(10 * time.Minute)
		w.drainNewer()
		run, err := w.newer.GetRun(t.Context(), runs[1].ID)
		require.NoError(t, err)
		assert.Equal(t, automation.RunCompleted, run.Status)
		assert.Nil(t, run.Error)
		assert.Equal(t, 1, w.paged)
		assert.Len(t, w.mailer.Emails(), 2)
	})
	t.Run("an older node comes across runs in progress", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		_, err := w.newer.CreateAutomation(t.Context(), flowOf(wait("wait", "order.paid"), page, pause("pause", "1 hour")))
		require.NoError(t, err)
		w.send("user.created", nil)
		w.drainNewer()
		id := w.run().ID
		w.clock.Add(time.Minute)
		w.send("order.paid", nil)
		w.drain() // the older node handles the event
		require.Zero(t, w.paged)
		w.clock.Add(10 * time.Minute)
		w.drainNewer()
		require.Equal(t, 1, w.paged, "the event is not missed")
		w.pass(2 * time.Hour)
		require.Equal(t, automation.RunRunning, w.stored(id).Status)
		w.clock.Add(10 * time.Minute)
		w.drainNewer()
		assert.Equal(t, automation.RunCompleted, w.stored(id).Status)
		assert.Equal(t, 1, w.paged)
	})
	t.Run("a timeout that an older node comes across is not lost", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		timed := automation.Step{Key: "wait", Config: automation.WaitForEvent{EventName: "order.paid", Timeout: automation.MustParseDuration("1 hour")}}
		_, err := w.newer.CreateAutomation(t.Context(), flowOf(timed, page))
		require.NoError(t, err)
		w.send("user.created", nil)
		w.drainNewer()
		w.pass(time.Hour) // the older node finds it due
		w.clock.Add(time.Minute)
		w.send("order.paid", nil) // too late
		w.clock.Add(10 * time.Minute)
		w.drainNewer()
		run, err := w.newer.GetRun(t.Context(), w.run().ID)
		require.NoError(t, err)
		assert.Equal(t, automation.RunCompleted, run.Status)
		assert.Contains(t, string(stepOf(t, run, "wait").Output), "timed_out_at")
		assert.Equal(t, 1, w.paged)
	})
	t.Run("cancelling and retrying by way of an older node", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		_, err := w.newer.CreateAutomation(t.Context(), flowOf(email("first"), page))
		require.NoError(t, err)
		w.mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(errors.New("no")) }
		w.send("user.created", nil)
		w.drainNewer()
		id := w.run().ID
		require.Equal(t, automation.RunFailed, w.stored(id).Status)
		w.mailer.Respond = nil
		_, err = w.RetryRun(t.Context(), id)
		require.NoError(t, err)
		w.drain() // the older node comes first
		w.pass(time.Minute)
		require.Zero(t, w.paged)
		w.clock.Add(10 * time.Minute)
		w.drainNewer()
		assert.Equal(t, automation.RunCompleted, w.stored(id).Status, "the request is kept for a node that can read the run")
		assert.Equal(t, 1, w.paged)
	})
	t.Run("a run of an unknown type can be cancelled", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		_, err := w.newer.CreateAutomation(t.Context(), flowOf(pause("pause", "1 hour"), page))
		require.NoError(t, err)
		w.send("user.created", nil)
		w.drainNewer()
		_, err = w.CancelRun(t.Context(), w.run().ID)
		require.NoError(t, err)
		w.pass(time.Minute)
		assert.Equal(t, automation.RunCancelled, w.run().Status)
	})
	t.Run("an automation of an unknown type is read and refused, not lost", func(t *testing.T) {
		t.Parallel()
		w := newDeploy(t)
		a, err := w.newer.CreateAutomation(t.Context(), flowOf(page))
		require.NoError(t, err)
		seen, err := w.GetAutomation(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, automation.RawConfig{Type: "acme.pager", Config: json.RawMessage(`{"team":"ops"}`)}, seen.Steps[1].Config)
		_, err = w.CreateAutomation(t.Context(), seen)
		require.ErrorIs(t, err, automation.ErrInvalid)
	})
}

func TestCase20_StoreUnavailable(t *testing.T) {
	t.Parallel()
	t.Run("Send and Drain say so, and nothing is lost", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(email("welcome"), pause("pause", "10 seconds"), email("later")))
		w.send("user.created", nil)
		w.store.down.Store(true)
		_, err := w.Send(t.Context(), automation.Event{Name: "user.created", Email: "ada@example.com"})
		require.ErrorIs(t, err, errDown)
		for range 6 {
			_, err := w.Drain(t.Context())
			require.ErrorIs(t, err, errDown)
			w.clock.Add(10 * time.Second)
		}
		w.store.down.Store(false)
		w.drain()
		w.pass(10 * time.Second)
		assert.Equal(t, automation.RunCompleted, w.run().Status)
		assert.Len(t, w.mailer.Emails(), 2)
	})
	t.Run("in the middle of Drain", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(email("welcome"), email("more")))
		w.mailer.Respond = func(context.Context, automation.Email) error {
			w.mailer.Respond = nil
			w.store.down.Store(true)
			return nil
		}
		w.send("user.created", nil)
		_, err := w.Drain(t.Context())
		require.ErrorIs(t, err, errDown)
		w.clock.Add(time.Minute)
		w.store.down.Store(false)
		w.drain()
		assert.Equal(t, automation.RunCompleted, w.run().Status)
		assert.Len(t, w.mailer.Emails(), 2)
	})
	t.Run("Run backs off and recovers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, automation.Options{})
		w.create(flowOf(email("welcome"), pause("pause", "10 seconds"), email("later")))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		var sent atomic.Int32
		w.mailer.Respond = func(_ context.Context, e automation.Email) error {
			if sent.Add(1) == 1 {
				w.store.down.Store(true) // while an email is in flight
			}
			return nil
		}
		w.send("user.created", nil)
		w.clock.pace(w.store.down.Load)
		back := w.clock.Now().Add(time.Minute)
		asked := w.store.asked.Load()
		_, err := w.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
		require.ErrorIs(t, err, errDown)
		w.clock.pace(func() bool { return !w.clock.Now().Before(back) })
		asked = w.store.asked.Load() - asked
		assert.Less(t, asked, int64(200), "it does not storm a store that is down")

		w.store.down.Store(false)
		w.send("user.created", nil)
		w.clock.pace(func() bool { return len(w.mailer.Emails()) == 4 })
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		for _, r := range w.runs() {
			assert.Equal(t, automation.RunCompleted, r.Status)
		}
	})
}
