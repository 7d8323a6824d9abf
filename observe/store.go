package observe

import (
	"context"
	"errors"
	"time"

	"github.com/seed-b636437c/automation"
)

// StoreHooks are functions that WrapStore and WrapWriter call. Each of them may be nil. They
// are called in the goroutine of the call, so they must not block, and must be safe for
// concurrent use. They must not change or keep what they get.
type StoreHooks struct {
	// Called is called after each method, with its name, its real duration and its
	// error. The context is that of the call.
	Called func(ctx context.Context, method string, took time.Duration, err error)
	// Appending is called before AppendEvents, with events that have their ids. The
	// function that it returns, if it is not nil, is called with the result. An event
	// may be handled before that.
	Appending func(ctx context.Context, events []automation.NewEvent) func([]automation.EventReceipt, error)
	// Claimed is called after a Claim without an error.
	Claimed func(p automation.ClaimParams, works []automation.Work)
	// Committed is called after a Commit without an error.
	Committed func(ts []automation.Transition, results []automation.CommitResult)
}

// WrapStore returns a store that does what next does, and calls hooks. It has a method
// Unwrap, which returns next. Therefore a Runner finds the optional interfaces that next
// has, such as automation.Watcher, and no others. To use the other methods of next, such as
// Close or Tx, keep next.
func WrapStore(next automation.Store, hooks StoreHooks) automation.Store {
	return &hookedStore{Store: next, hooks: hooks}
}

// hookedStore embeds the store, so that it also has methods of a later version.
type hookedStore struct {
	automation.Store
	hooks StoreHooks
}

// Unwrap returns the store behind the hooks.
func (s *hookedStore) Unwrap() automation.Store { return s.Store }

// call calls a method with one result, and then the hook.
func call[T any](ctx context.Context, h *StoreHooks, method string, do func() (T, error)) (T, error) {
	if h.Called == nil {
		return do()
	}
	began := time.Now()
	result, err := do()
	h.Called(ctx, method, time.Since(began), err)
	return result, err
}

// run calls a method without a result, and then the hook.
func run(ctx context.Context, h *StoreHooks, method string, do func() error) error {
	_, err := call(ctx, h, method, func() (struct{}, error) { return struct{}{}, do() })
	return err
}

// appendEvents calls AppendEvents of w, and the hooks.
func appendEvents(ctx context.Context, h *StoreHooks, w automation.EventWriter, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	done := func([]automation.EventReceipt, error) {}
	if h.Appending != nil {
		if f := h.Appending(ctx, events); f != nil {
			done = f
		}
	}
	receipts, err := call(ctx, h, "AppendEvents", func() ([]automation.EventReceipt, error) { return w.AppendEvents(ctx, events) })
	done(receipts, err)
	return receipts, err
}

// AppendEvents implements automation.EventWriter.
func (s *hookedStore) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	return appendEvents(ctx, &s.hooks, s.Store, events)
}

// Claim implements automation.WorkStore.
func (s *hookedStore) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	works, err := call(ctx, &s.hooks, "Claim", func() ([]automation.Work, error) { return s.Store.Claim(ctx, p) })
	if err == nil && s.hooks.Claimed != nil {
		s.hooks.Claimed(p, works)
	}
	return works, err
}

// Commit implements automation.WorkStore.
func (s *hookedStore) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	results, err := call(ctx, &s.hooks, "Commit", func() ([]automation.CommitResult, error) { return s.Store.Commit(ctx, ts) })
	if err == nil && s.hooks.Committed != nil {
		s.hooks.Committed(ts, results)
	}
	return results, err
}

// WrapWriter is WrapStore for a writer that writes inside the host's own transaction: the
// result of the method Tx of a store. The result is an automation.TxCarrier if next is one.
func WrapWriter(next automation.EventWriter, hooks StoreHooks) automation.EventWriter {
	w := &hookedWriter{next: next, hooks: hooks}
	if tx, ok := next.(automation.TxCarrier); ok {
		return struct {
			*hookedWriter
			automation.TxCarrier
		}{w, tx}
	}
	return w
}

type hookedWriter struct {
	next  automation.EventWriter
	hooks StoreHooks
}

// AppendEvents implements automation.EventWriter.
func (w *hookedWriter) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	return appendEvents(ctx, &w.hooks, w.next, events)
}

// FindEventDefinition implements automation.EventWriter.
func (w *hookedWriter) FindEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error) {
	return call(ctx, &w.hooks, "FindEventDefinition", func() (automation.EventDefinition, error) {
		return w.next.FindEventDefinition(ctx, idOrName)
	})
}

// Store returns a store that does what next does, and whose calls are measured: their
// durations, the sizes of batches, and the leases of this process. WrapStore has the rules
// about its optional interfaces.
func (m *Metrics) Store(next automation.Store) automation.Store {
	return WrapStore(next, StoreHooks{
		Called: m.called,
		Appending: func(_ context.Context, events []automation.NewEvent) func([]automation.EventReceipt, error) {
			m.recorder.Record(batchSize, float64(len(events)), "AppendEvents")
			return nil
		},
		Claimed:   m.claimed,
		Committed: m.committed,
	})
}

func (m *Metrics) called(_ context.Context, method string, took time.Duration, err error) {
	m.recorder.Record(storeCall, seconds(took), method, result(err))
}

// result returns the label of an error of a store.
func result(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, automation.ErrNotFound), errors.Is(err, automation.ErrConflict), errors.Is(err, automation.ErrDefinitionChanged):
		return "refused"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	default:
		return "failed"
	}
}

func (m *Metrics) claimed(p automation.ClaimParams, works []automation.Work) {
	m.leases.claimed(p, works)
	if len(works) > 0 {
		m.recorder.Record(batchSize, float64(len(works)), "Claim")
		m.recorder.Add(leaseChanges, len(works), "claimed")
	}
}

func (m *Metrics) committed(ts []automation.Transition, results []automation.CommitResult) {
	released, lost := m.leases.committed(ts, results)
	m.recorder.Record(batchSize, float64(len(ts)), "Commit")
	if released > 0 {
		m.recorder.Add(leaseChanges, released, "released")
	}
	if lost > 0 {
		m.recorder.Add(leaseChanges, lost, "lost")
	}
}
