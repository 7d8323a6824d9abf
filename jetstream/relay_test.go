package jetstream_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// handledEvents remembers the events that were handled, in order.
type handledEvents struct {
	mu       sync.Mutex
	payloads []string
	at       map[string]time.Time
}

func (h *handledEvents) Observe(n automation.Notice) {
	if e, ok := n.(*automation.EventHandled); ok {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.payloads = append(h.payloads, string(e.Event.Payload))
		h.at[string(e.Event.Payload)] = time.Now()
	}
}

func (h *handledEvents) list() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.payloads)
}

func numbered(name, email string, n int) automation.Event {
	return automation.Event{Name: name, Email: email, Payload: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))}
}

// inTx sends events in a transaction of the host, which commits or rolls back.
func (a *application) inTx(r *automation.Runner, end func(tx pgx.Tx, ctx context.Context) error, events ...automation.Event) {
	a.t.Helper()
	ctx := a.t.Context()
	tx, err := a.pool.Begin(ctx)
	require.NoError(a.t, err)
	_, err = r.SendTo(ctx, a.database().Tx(tx), events...)
	require.NoError(a.t, err)
	require.NoError(a.t, end(tx, ctx))
}

func TestSendTo_ReachesTheEngineWhenItsTransactionCommits(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	store, runner := a.onEngine()
	a.work(store, runner)
	_, err := runner.CreateAutomation(t.Context(), line("welcome", "signup", email("hello")))
	require.NoError(t, err)
	a.inTx(runner, pgx.Tx.Rollback, automation.Event{Name: "signup", Email: "never@example.com"})
	a.inTx(runner, pgx.Tx.Commit, automation.Event{Name: "signup", Email: "ada@example.com"})
	a.ended(runner, "welcome", automation.RunCompleted, 1)
	assert.Equal(t, 1, a.mailer.of("ada@example.com", "hello"))
	page, err := runner.ListEvents(t.Context(), automation.EventQuery{})
	require.NoError(t, err)
	require.Len(t, page.Data, 1, "the event of the transaction that was rolled back does not exist")
	assert.Equal(t, automation.EventStatusHandled, page.Data[0].Status)
	assert.Len(t, page.Data[0].Started, 1)
}

func TestSendTo_KeepsTheOrderOfAContact(t *testing.T) {
	t.Parallel()
	const events = 60
	a := newApplication(t)
	seen := &handledEvents{at: map[string]time.Time{}}
	store, _ := a.onEngine()
	runner := a.runner(store, func(o *automation.Options) { o.Observer = seen })
	a.work(store, runner)
	_, err := runner.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com"})
	require.NoError(t, err)
	var want []string
	for i := range events {
		e := numbered("ping", "ada@example.com", i)
		want = append(want, string(e.Payload))
		if i%3 == 2 { // a plain event does not overtake those of transactions that have committed
			_, err := runner.Send(t.Context(), e)
			require.NoError(t, err)
		} else {
			a.inTx(runner, pgx.Tx.Commit, e)
		}
	}
	a.eventually(func() bool { return len(seen.list()) >= events }, "all events are handled")
	assert.Equal(t, want, seen.list())
}

// A burst is more than one turn of a contact takes from the catalog, and the email is unknown.
func TestSendTo_OfManyEventsForAnUnknownEmail(t *testing.T) {
	t.Parallel()
	const events = 700
	a := newApplication(t)
	seen := &handledEvents{at: map[string]time.Time{}}
	store, _ := a.onEngine()
	runner := a.runner(store, func(o *automation.Options) { o.Observer = seen })
	_, err := runner.CreateAutomation(t.Context(), line("welcome", "signup", email("hello")))
	require.NoError(t, err)
	var burst []automation.Event
	var want []string
	for i := range events {
		e := numbered([]string{"ping", "ping", "signup", "ping"}[min(i, 3)], "ada@example.com", i)
		burst, want = append(burst, e), append(want, string(e.Payload))
	}
	a.inTx(runner, pgx.Tx.Commit, burst...)
	last := numbered("ping", "ada@example.com", events)
	_, err = runner.Send(t.Context(), last) // it is in the log before the worker begins
	require.NoError(t, err)
	a.work(store, runner)
	a.eventually(func() bool { return len(seen.list()) >= events+1 }, "all events are handled")
	assert.Equal(t, append(want, string(last.Payload)), seen.list())
	a.ended(runner, "welcome", automation.RunCompleted, 1)
}

func TestSendTo_TakesMilliseconds(t *testing.T) {
	t.Parallel()
	const sends = 20
	a := newApplication(t)
	seen := &handledEvents{at: map[string]time.Time{}}
	store, _ := a.onEngine()
	runner := a.runner(store, func(o *automation.Options) { o.Observer = seen })
	a.work(store, runner)
	var took []time.Duration
	for i := range sends {
		e := numbered("ping", "ada@example.com", i)
		a.inTx(runner, pgx.Tx.Commit, e)
		began := time.Now()
		require.Eventually(t, func() bool { return len(seen.list()) == i+1 }, 20*time.Second, time.Millisecond)
		seen.mu.Lock()
		took = append(took, seen.at[string(e.Payload)].Sub(began))
		seen.mu.Unlock()
	}
	slices.Sort(took)
	t.Logf("from the commit to the turn: median %s, slowest %s", took[sends/2], took[sends-1])
	assert.Less(t, took[sends/2], time.Second, "the relay is woken, and does not poll")
}

func TestSendTo_SharesIdempotencyKeysWithSend(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	store, runner := a.onEngine()
	a.work(store, runner)
	keyed := func(key string) automation.Event {
		return automation.Event{Name: "signup", Email: "ada@example.com", IdempotencyKey: key}
	}
	a.inTx(runner, pgx.Tx.Commit, keyed("one"))
	receipts, err := runner.Send(t.Context(), keyed("one"))
	require.NoError(t, err)
	assert.True(t, receipts[0].Duplicate)
	receipts, err = runner.Send(t.Context(), keyed("two"))
	require.NoError(t, err)
	require.False(t, receipts[0].Duplicate)
	a.eventually(func() bool {
		e, err := runner.GetEvent(t.Context(), receipts[0].ID)
		return err == nil && e.Status == automation.EventStatusHandled
	}, "the copy of the event is in the catalog")
	tx, err := a.pool.Begin(t.Context())
	require.NoError(t, err)
	again, err := runner.SendTo(t.Context(), a.database().Tx(tx), keyed("two"))
	require.NoError(t, err)
	require.NoError(t, tx.Commit(t.Context()))
	assert.Equal(t, []automation.EventReceipt{{ID: receipts[0].ID, Duplicate: true}}, again)
}
