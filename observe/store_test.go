package observe_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/storetest"
)

func TestStore_IsAStore(t *testing.T) {
	t.Parallel()
	m, err := observe.New(&journal{}, observe.Options{})
	require.NoError(t, err)
	storetest.Run(t, func(testing.TB) storetest.Target { return storetest.Sole(m.Store(memory.New())) })
}

// Every method of a store is measured, and gets its arguments.
func TestWrapStore_MeasuresEveryMethod(t *testing.T) {
	t.Parallel()
	var called []string
	closed := memory.New()
	require.NoError(t, closed.Close())
	store := reflect.ValueOf(observe.WrapStore(closed, observe.StoreHooks{
		Called: func(_ context.Context, method string, took time.Duration, err error) {
			assert.GreaterOrEqual(t, took, time.Duration(0))
			assert.ErrorIs(t, err, automation.ErrClosed, method)
			called = append(called, method)
		},
	}))
	var want []string
	methods := reflect.TypeFor[automation.Store]()
	for i := range methods.NumMethod() {
		method := methods.Method(i)
		want = append(want, method.Name)
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for i := 1; i < method.Type.NumIn(); i++ {
			args = append(args, reflect.Zero(method.Type.In(i)))
		}
		call := store.MethodByName(method.Name).Call
		if method.Type.IsVariadic() {
			call = store.MethodByName(method.Name).CallSlice
		}
		results := call(args)
		err, _ := results[len(results)-1].Interface().(error)
		assert.ErrorIs(t, err, automation.ErrClosed, method.Name)
	}
	assert.Equal(t, want, called)
}

func TestWrapStore_WorksWithoutHooks(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Runner = w.On(observe.WrapStore(w.Store, observe.StoreHooks{}), w.Opts)
	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	assert.Equal(t, []string{"hello"}, w.Sent())
}

// A Runner finds the Watcher of the store behind the hooks.
func TestWrapStore_KeepsOptionalInterfaces(t *testing.T) {
	world.Bubble(t, func(t *testing.T) {
		w := world.InBubble(t, automation.Options{PollInterval: time.Hour, Lease: 24 * time.Hour})
		w.Create(world.Flow("welcome", "signup", world.Email("hello")))
		store := observe.WrapStore(w.Memory, observe.StoreHooks{})
		assert.Same(t, w.Memory, store.(interface{ Unwrap() automation.Store }).Unwrap())
		w.Serve(w.On(store, w.Opts))
		synctest.Wait()
		w.Send(world.Signup("ada@example.com"))
		synctest.Wait()
		assert.Equal(t, []string{"hello"}, w.Sent())
	})
}

// The suite finds the Projector behind the hooks in the same way.
func TestWrapStore_KeepsTheProjector(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, c := range storetest.Checks() {
		if !strings.HasPrefix(c.Name, "projections/") {
			continue
		}
		checked++
		target := storetest.Sole(observe.WrapStore(memory.New(), observe.StoreHooks{}))
		assert.NoError(t, c.Run(t.Context(), target), c.Name)
	}
	assert.Greater(t, checked, 10)
}

// transaction is the writer of a host's transaction.
type transaction struct{ automation.EventWriter }

type inTransaction struct{}

func (transaction) WithTx(ctx context.Context) context.Context {
	return context.WithValue(ctx, inTransaction{}, true)
}

func TestWrapWriter_IsATxCarrierIfItsWriterIsOne(t *testing.T) {
	t.Parallel()
	plain := observe.WrapWriter(memory.New(), observe.StoreHooks{})
	assert.NotImplements(t, (*automation.TxCarrier)(nil), plain)

	carrier := observe.WrapWriter(transaction{memory.New()}, observe.StoreHooks{})
	require.Implements(t, (*automation.TxCarrier)(nil), carrier)
	ctx := carrier.(automation.TxCarrier).WithTx(t.Context())
	assert.Equal(t, true, ctx.Value(inTransaction{}))
}

func TestWrapWriter_CallsTheHooks(t *testing.T) {
	t.Parallel()
	var lines []string
	var mu sync.Mutex
	note := func(line string) { mu.Lock(); lines = append(lines, line); mu.Unlock() }
	s := memory.New()
	w := observe.WrapWriter(s, observe.StoreHooks{
		Called: func(_ context.Context, method string, _ time.Duration, _ error) { note(method) },
		Appending: func(_ context.Context, events []automation.NewEvent) func([]automation.EventReceipt, error) {
			note("before " + events[0].Event.Name)
			assert.NotEmpty(t, events[0].Event.ID)
			return func(receipts []automation.EventReceipt, err error) {
				assert.NoError(t, err)
				note("after " + receipts[0].ID)
			}
		},
	})
	receipts, err := automation.Send(t.Context(), w, world.Signup("ada@example.com"))
	require.NoError(t, err)
	assert.Equal(t, []string{"FindEventDefinition", "before signup", "AppendEvents", "after " + receipts[0].ID}, lines)
}

func TestStore_SortsErrorsIntoResults(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"refused":   automation.ErrConflict,
		"failed":    world.ErrOutage,
		"cancelled": context.Canceled,
	} {
		w, _, j := measured(t, observe.Options{})
		w.Store.OnAppendEvents = func(context.Context, automation.Store, []automation.NewEvent) ([]automation.EventReceipt, error) {
			return nil, err
		}
		_, got := w.Runner.Send(w.Ctx, world.Signup("ada@example.com"))
		require.ErrorIs(t, got, err)
		assert.Len(t, j.of("store.call.duration AppendEvents "+want), 1, want)
		assert.Empty(t, j.lines("events"))
	}
}

func TestStore_FollowsLeases(t *testing.T) {
	t.Parallel()
	j := &journal{}
	m, err := observe.New(j, observe.Options{})
	require.NoError(t, err)
	w := world.New(t, automation.Options{})
	w.AddContacts(3)
	w.Send(world.Signups(3)...)
	store := m.Store(w.Memory)
	now := w.Clock.Now()
	claim := func(at time.Time) []automation.Work {
		works, err := store.Claim(w.Ctx, automation.ClaimParams{Now: at, Lease: time.Minute, Limit: 10, Events: 9, Runs: 9})
		require.NoError(t, err)
		return works
	}
	commit := func(t automation.Transition) error {
		results, err := store.Commit(w.Ctx, []automation.Transition{t})
		return errors.Join(err, results[0].Err)
	}
	works := claim(now)
	require.Len(t, works, 3)
	assert.Equal(t, 3., gauges(t, m)["leases.held"])

	require.NoError(t, commit(automation.Transition{Key: works[0].Key, Token: works[0].Token, Now: now, Release: true, Handled: []automation.HandledEvent{{ID: works[0].Events[0].ID}}}))
	assert.Equal(t, 2., gauges(t, m)["leases.held"])
	require.NoError(t, commit(automation.Transition{Key: works[1].Key, Token: works[1].Token, Now: now, Extend: now.Add(time.Hour)}))

	// The third lease expires, and the same process claims the contact again.
	require.Len(t, claim(now.Add(2*time.Minute)), 1)
	assert.Equal(t, 2., gauges(t, m)["leases.held"])
	require.ErrorIs(t, commit(automation.Transition{Key: works[2].Key, Token: works[2].Token, Now: now, Release: true}), automation.ErrLeaseLost)

	claim(now.Add(24 * time.Hour))
	assert.Equal(t, []string{"lease.changes claimed: 6", "lease.changes lost: 1", "lease.changes released: 1"}, j.lines("lease"))
	claim(now.Add(48 * time.Hour))
}
