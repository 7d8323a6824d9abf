package automation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// journal is an Observer that keeps a line for each notice.
type journal struct {
	mu    sync.Mutex
	lines []string
	times []time.Time
}

func (j *journal) Observe(n automation.Notice) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line(n))
	j.times = append(j.times, n.When())
}

// take returns the lines since it was last called.
func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

func line(n automation.Notice) string {
	switch n := n.(type) {
	case *automation.EventAccepted:
		return "accepted " + n.Event.Name
	case *automation.EventHandled:
		return fmt.Sprintf("handled %s, started %d, resumed %d", n.Event.Name, len(n.Started), len(n.Resumed))
	case *automation.RunStarted:
		return "started " + n.Run.AutomationID
	case *automation.StepChanged:
		return fmt.Sprintf("step %s %s, %d failed", n.Step.Key, n.Step.Status, len(n.Step.Attempts))
	case *automation.RunEnded:
		return "ended " + string(n.Run.Status)
	case *automation.ContactCreated:
		return "created " + n.Contact.Email
	case *automation.ContactChanged:
		return "changed " + *n.Change.FirstName
	case *automation.ContactDeleted:
		return "deleted"
	default:
		return fmt.Sprintf("unknown %T", n)
	}
}

func TestObserver_IsToldOfAWholeFlowInOrder(t *testing.T) {
	t.Parallel()
	j := &journal{}
	r := setup(t, automation.Options{Observer: j, Retry: automation.RetryPolicy{Jitter: -1}})
	r.create(linear("welcome", "signup",
		automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String("Ada")}},
		mailing("hello"), waiting("confirmed", "confirm"),
		automation.Step{Key: "bye", Config: automation.ContactDelete{}}))
	fails := 1
	r.mailer.Respond = func(context.Context, automation.Email) error {
		if fails--; fails >= 0 {
			return errOutage
		}
		return nil
	}

	r.send(signup("ada@example.com"))
	assert.Equal(t, []string{"accepted signup"}, j.take())
	r.drain()
	assert.Equal(t, []string{
		"created ada@example.com", "started welcome", "step start completed, 0 failed",
		"step name running, 0 failed", "changed Ada", "step name completed, 0 failed",
		"step hello running, 0 failed", "handled signup, started 1, resumed 0",
		"step hello running, 1 failed",
	}, j.take())
	r.pass(time.Second)
	assert.Equal(t, []string{"step hello completed, 1 failed", "step confirmed waiting, 0 failed"}, j.take())
	r.send(automation.Event{Name: "confirm", Email: "ada@example.com"})
	r.drain()
	assert.Equal(t, []string{
		"accepted confirm", "step confirmed completed, 0 failed", "step bye running, 0 failed", "deleted",
		"step bye completed, 0 failed", "ended completed", "handled confirm, started 0, resumed 1",
	}, j.take())
	assert.IsNonDecreasing(t, micros(j.times))
}

func micros(times []time.Time) []int64 {
	var out []int64
	for _, at := range times {
		out = append(out, at.UnixMicro())
	}
	return out
}

func TestObserver_IsNotToldOfDuplicatesAndRefusals(t *testing.T) {
	t.Parallel()
	j := &journal{}
	r := setup(t, automation.Options{Observer: j})
	e := signup("ada@example.com")
	e.IdempotencyKey = "once"
	r.send(e)
	r.send(e)
	_, err := r.Send(r.ctx, signup("nobody"))
	require.ErrorIs(t, err, automation.ErrInvalid)
	assert.Equal(t, []string{"accepted signup"}, j.take())
}

func TestObserver_IsToldOfACancelledRun(t *testing.T) {
	t.Parallel()
	j := &journal{}
	r := setup(t, automation.Options{Observer: j})
	r.create(linear("welcome", "signup", delaying("rest", "1 day")))
	r.send(signup("ada@example.com"))
	r.drain()
	j.take()
	_, err := r.CancelRun(r.ctx, r.run().ID)
	require.NoError(t, err)
	assert.Equal(t, []string{"step rest cancelled, 0 failed", "ended cancelled"}, j.take())
}

// failing is a store whose commits fail while it is told so.
type failing struct {
	automation.Store
	err error
}

func (f *failing) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Store.Commit(ctx, ts)
}

func TestObserver_IsNotToldOfWhatWasNotCommitted(t *testing.T) {
	t.Parallel()
	j := &journal{}
	r := setup(t, automation.Options{Observer: j})
	store := &failing{Store: r.store, err: errOutage}
	r.Runner = r.on(store, r.opts)
	r.create(linear("welcome", "signup", mailing("hello")))
	r.contact(automation.Contact{Email: "ada@example.com"})
	r.send(signup("ada@example.com"))
	j.take()
	_, err := r.Drain(r.ctx)
	require.ErrorIs(t, err, errOutage)
	assert.Empty(t, j.take())

	store.err = nil
	r.pass(time.Minute)
	assert.Equal(t, "ended completed", j.take()[5])
}

// turnstile lets one commit at a time through, once it is closed.
type turnstile struct {
	automation.Store
	mu   sync.Mutex
	turn chan struct{} // nil: open
}

func (s *turnstile) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	s.mu.Lock()
	turn := s.turn
	s.mu.Unlock()
	if turn != nil {
		<-turn
	}
	return s.Store.Commit(ctx, ts)
}

// Two effects of one contact end while the store is busy: each notice has to
// wait for its own commit.
func TestObserver_IsToldAfterTheCommitOfEachEffect(t *testing.T) {
	bubble(t, func(t *testing.T) {
		j := &journal{}
		r := setupReal(t, automation.Options{Observer: j})
		store := &turnstile{Store: r.store}
		r.Runner = r.on(store, r.opts)
		gates := map[string]*gate{"one": newGate(), "two": newGate()}
		r.mailer.Respond = func(ctx context.Context, e automation.Email) error {
			return gates[e.TemplateID].respond(ctx, e)
		}
		r.create(linear("first", "signup", mailing("one")))
		r.create(linear("second", "signup", mailing("two")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		j.take()

		store.mu.Lock()
		store.turn = make(chan struct{})
		store.mu.Unlock()
		close(gates["one"].open)
		synctest.Wait()
		close(gates["two"].open)
		synctest.Wait()
		assert.Empty(t, j.take())
		store.turn <- struct{}{}
		synctest.Wait()
		assert.Equal(t, []string{"step one completed, 0 failed", "ended completed"}, j.take())
		store.turn <- struct{}{}
		synctest.Wait()
		assert.Equal(t, []string{"step two completed, 0 failed", "ended completed"}, j.take())
	})
}

// What is written in the host's transaction is not committed yet.
func TestObserver_IsNotToldOfATransactionThatMayRollBack(t *testing.T) {
	t.Parallel()
	j := &journal{}
	r := setup(t, automation.Options{Observer: j})
	tx := &transaction{EventWriter: r.store}
	_, err := r.SendTo(r.ctx, tx, signup("ada@example.com"))
	require.NoError(t, err)
	assert.Empty(t, j.take())
}

// transaction is an EventWriter that keeps events back until they are committed.
type transaction struct {
	automation.EventWriter
	held []automation.NewEvent
}

func (tx *transaction) AppendEvents(_ context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	tx.held = append(tx.held, events...)
	receipts := make([]automation.EventReceipt, len(events))
	for i, e := range events {
		receipts[i].ID = e.Event.ID
	}
	return receipts, nil
}

func (tx *transaction) commit(ctx context.Context) error {
	if tx.held == nil {
		return errors.New("nothing to commit")
	}
	_, err := tx.EventWriter.AppendEvents(ctx, tx.held)
	tx.held = nil
	return err
}
