package world

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-b636437c/automation"
)

// ErrOutage is the error of a store, a mailer or a contact directory during an outage.
var ErrOutage = errors.New("connection refused")

// Store is a store with switches and hooks for what may go wrong.
//
// A hook On… replaces a method, and gets the store behind the hooks as next. A hook
// Before… runs before the method. If it returns an error, the method is not called. A
// hook After… gets the result. A test sets hooks before a Run uses the store, or inside a
// hook during a Drain. It may turn the switches at any time.
type Store struct {
	automation.Store

	// Down makes AppendEvents, StartRuns, Claim, Commit, NextDue, Stats and Prune fail with ErrOutage.
	Down atomic.Bool
	// WorkDown makes only Claim and Commit fail, so that a test can send and read.
	WorkDown atomic.Bool

	OnAppendEvents   func(ctx context.Context, next automation.Store, events []automation.NewEvent) ([]automation.EventReceipt, error)
	OnStartRuns      func(ctx context.Context, next automation.BulkStarter, step automation.BulkStep) ([]automation.StartOutcome, error)
	OnFindAutomation func(ctx context.Context, next automation.Store, id string) (automation.AutomationRecord, error)
	OnClaim          func(ctx context.Context, next automation.Store, p automation.ClaimParams) ([]automation.Work, error)
	OnCommit         func(ctx context.Context, next automation.Store, ts []automation.Transition) ([]automation.CommitResult, error)

	BeforeCommit                func(ts []automation.Transition) error
	BeforeFindAutomationVersion func(ctx context.Context) error
	BeforeFindContact           func(ctx context.Context) error
	BeforeFindEventDefinition   func(ctx context.Context) error
	BeforeListContactEvents     func(ctx context.Context) error
	BeforeListRuns              func(ctx context.Context) error
	BeforePrune                 func(ctx context.Context) error
	BeforeStats                 func(ctx context.Context) error
	BeforeFindRunOutputs        func(ctx context.Context) error

	// AfterClaim may change the claimed work.
	AfterClaim func(works []automation.Work)
	// AfterCommit may return an error for a commit that the store has written.
	AfterCommit func(ts []automation.Transition) error

	mu    sync.Mutex
	calls map[string]int
}

// Unwrap returns the store behind the hooks, so that a Runner finds its optional
// interfaces.
func (s *Store) Unwrap() automation.Store {
	if next, ok := automation.StoreAs[automation.BulkStarter](s.Store); ok {
		return &bulkStarter{BulkStarter: next, Store: s.Store, hooks: s}
	}
	return s.Store
}

// bulkStarter is a store that starts the runs of bulks, with the hooks for that.
type bulkStarter struct {
	automation.BulkStarter
	automation.Store
	hooks *Store
}

// Unwrap returns the store behind the hooks.
func (s *bulkStarter) Unwrap() automation.Store { return s.Store }

// StartRuns implements automation.BulkStarter.
func (s *bulkStarter) StartRuns(ctx context.Context, step automation.BulkStep) ([]automation.StartOutcome, error) {
	if err := s.hooks.begin("StartRuns", s.hooks.up); err != nil {
		return nil, err
	}
	if s.hooks.OnStartRuns != nil {
		return s.hooks.OnStartRuns(ctx, s.BulkStarter, step)
	}
	return s.BulkStarter.StartRuns(ctx, step)
}

// Calls returns how often these methods were called. It counts only methods with a hook
// or a switch.
func (s *Store) Calls(methods ...string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range methods {
		n += s.calls[m]
	}
	return n
}

// begin counts a call, and returns the first error of the functions that run before it.
func (s *Store) begin(method string, before ...func() error) error {
	s.mu.Lock()
	if s.calls == nil {
		s.calls = map[string]int{}
	}
	s.calls[method]++
	s.mu.Unlock()
	for _, f := range before {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) up() error {
	if s.Down.Load() {
		return ErrOutage
	}
	return nil
}

func (s *Store) working() error {
	if s.WorkDown.Load() {
		return ErrOutage
	}
	return s.up()
}

// with returns a function for begin that calls a hook with a context.
func with(ctx context.Context, hook func(ctx context.Context) error) func() error {
	return func() error {
		if hook == nil {
			return nil
		}
		return hook(ctx)
	}
}

// AppendEvents implements automation.EventWriter.
func (s *Store) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	if err := s.begin("AppendEvents", s.up); err != nil {
		return nil, err
	}
	if s.OnAppendEvents != nil {
		return s.OnAppendEvents(ctx, s.Store, events)
	}
	return s.Store.AppendEvents(ctx, events)
}

// FindEventDefinition implements automation.EventWriter.
func (s *Store) FindEventDefinition(ctx context.Context, idOrName string) (automation.EventDefinition, error) {
	if err := s.begin("FindEventDefinition", with(ctx, s.BeforeFindEventDefinition)); err != nil {
		return automation.EventDefinition{}, err
	}
	return s.Store.FindEventDefinition(ctx, idOrName)
}

// ListContactEvents implements automation.EventReader.
func (s *Store) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]automation.Event, error) {
	if err := s.begin("ListContactEvents", with(ctx, s.BeforeListContactEvents)); err != nil {
		return nil, err
	}
	return s.Store.ListContactEvents(ctx, contactID, name, since)
}

// FindAutomation implements automation.AutomationStore.
func (s *Store) FindAutomation(ctx context.Context, id string) (automation.AutomationRecord, error) {
	_ = s.begin("FindAutomation")
	if s.OnFindAutomation != nil {
		return s.OnFindAutomation(ctx, s.Store, id)
	}
	return s.Store.FindAutomation(ctx, id)
}

// FindAutomationVersion implements automation.AutomationStore.
func (s *Store) FindAutomationVersion(ctx context.Context, v automation.VersionRef) (automation.VersionRecord, error) {
	if err := s.begin("FindAutomationVersion", with(ctx, s.BeforeFindAutomationVersion)); err != nil {
		return automation.VersionRecord{}, err
	}
	return s.Store.FindAutomationVersion(ctx, v)
}

// FindContact implements automation.ContactStore.
func (s *Store) FindContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if err := s.begin("FindContact", with(ctx, s.BeforeFindContact)); err != nil {
		return automation.Contact{}, err
	}
	return s.Store.FindContact(ctx, ref)
}

// ListRuns implements automation.RunReader.
func (s *Store) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	if err := s.begin("ListRuns", with(ctx, s.BeforeListRuns)); err != nil {
		return automation.Page[automation.RunRecord]{}, err
	}
	return s.Store.ListRuns(ctx, q)
}

// FindRunOutputs implements automation.RunReader.
func (s *Store) FindRunOutputs(ctx context.Context, runID string) ([]automation.StepOutput, error) {
	if err := s.begin("FindRunOutputs", with(ctx, s.BeforeFindRunOutputs)); err != nil {
		return nil, err
	}
	return s.Store.FindRunOutputs(ctx, runID)
}

// Claim implements automation.WorkStore.
func (s *Store) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	if err := s.begin("Claim", s.working); err != nil {
		return nil, err
	}
	claim := s.Store.Claim
	if s.OnClaim != nil {
		claim = func(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
			return s.OnClaim(ctx, s.Store, p)
		}
	}
	works, err := claim(ctx, p)
	if s.AfterClaim != nil {
		s.AfterClaim(works)
	}
	return works, err
}

// Commit implements automation.WorkStore.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	before := func() error {
		if s.BeforeCommit == nil {
			return nil
		}
		return s.BeforeCommit(ts)
	}
	if err := s.begin("Commit", s.working, before); err != nil {
		return nil, err
	}
	commit := s.Store.Commit
	if s.OnCommit != nil {
		commit = func(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
			return s.OnCommit(ctx, s.Store, ts)
		}
	}
	results, err := commit(ctx, ts)
	if s.AfterCommit != nil && err == nil {
		if err := s.AfterCommit(ts); err != nil {
			return nil, err
		}
	}
	return results, err
}

// NextDue implements automation.WorkStore.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) {
	if err := s.begin("NextDue", s.up); err != nil {
		return time.Time{}, err
	}
	return s.Store.NextDue(ctx)
}

// Prune implements automation.Pruner.
func (s *Store) Prune(ctx context.Context, p automation.PruneParams) (automation.PruneResult, error) {
	if err := s.begin("Prune", s.up, with(ctx, s.BeforePrune)); err != nil {
		return automation.PruneResult{}, err
	}
	return s.Store.Prune(ctx, p)
}

// Stats implements automation.StatsReader.
func (s *Store) Stats(ctx context.Context, p automation.StatsParams) (automation.StoreStats, error) {
	if err := s.begin("Stats", s.up, with(ctx, s.BeforeStats)); err != nil {
		return automation.StoreStats{}, err
	}
	return s.Store.Stats(ctx, p)
}
