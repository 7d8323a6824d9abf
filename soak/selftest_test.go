//go:build unix

package soak

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
)

// serve runs a node in this process. The function stop ends the node.
func serve(t *testing.T, store automation.Store, name, socket string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- runNode(ctx, store, name, socket, t.Output()) }()
	return func() {
		t.Helper()
		cancel()
		require.NoError(t, <-ended)
	}
}

// rehearse runs two nodes on a store in memory without any disturbance, and returns the
// problems that check finds. The nodes may take so long to finish their work once all is sent.
func rehearse(t *testing.T, store automation.Store, limit time.Duration) error {
	t.Helper()
	l := newLedger(seed(t), populate(t, store))
	if s, ok := store.(*brokenStore); ok {
		l.calm = s.calm
	}
	socket := l.listen(t)
	stopA, stopB := serve(t, store, "a", socket), serve(t, store, "b", socket)
	l.grant(300)
	require.True(t, l.allSent(patience))
	idle := awaitIdle(t.Context(), store, limit)
	stopA()
	stopB()
	l.report(t)
	return errors.Join(append(check(t.Context(), store, l), idle)...)
}

func TestCheck_AcceptsASoundStore(t *testing.T) {
	t.Parallel()
	require.NoError(t, rehearse(t, memory.New(), patience))
}

// brokenStore is a store that does one thing wrong, now and then.
type brokenStore struct {
	automation.Store
	calm      bool // that of the ledger
	calls     atomic.Int64
	append    func(events []automation.NewEvent) []automation.NewEvent
	claim     func(works []automation.Work)
	commit    func(t *automation.Transition)
	countRuns func(counts []automation.RunCount)
	request   func(c automation.RunRequest) (lost bool)
	remove    func() (lost bool)
	prune     func(p *automation.PruneParams) (lost bool)
	entries   func(contact string, counts []automation.EntryCount) []automation.EntryCount
	findEvent func() (lost bool)
	findRun   func() (lost bool)
	outputs   func() []automation.StepOutput
	earlier   func(name string) (lost bool)
}

// often means that one in so many calls goes wrong.
const often = 40

func (s *brokenStore) now() bool { return s.calls.Add(1)%often == 0 }

func (s *brokenStore) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	if s.append == nil || !s.now() {
		return s.Store.AppendEvents(ctx, events)
	}
	receipts := make([]automation.EventReceipt, len(events))
	for i := range events {
		receipts[i].ID = events[i].Event.ID
	}
	_, err := s.Store.AppendEvents(ctx, s.append(slices.Clone(events)))
	return receipts, err
}

func (s *brokenStore) Claim(ctx context.Context, p automation.ClaimParams) ([]automation.Work, error) {
	works, err := s.Store.Claim(ctx, p)
	if s.claim != nil {
		s.claim(works)
	}
	return works, err
}

func (s *brokenStore) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	ts = slices.Clone(ts)
	for i := range ts {
		if s.commit != nil {
			ts[i].Runs = slices.Clone(ts[i].Runs)
			s.commit(&ts[i])
		}
	}
	return s.Store.Commit(ctx, ts)
}

func (s *brokenStore) CountRuns(ctx context.Context, automationIDs ...string) ([]automation.RunCount, error) {
	counts, err := s.Store.CountRuns(ctx, automationIDs...)
	if s.countRuns != nil {
		s.countRuns(counts)
	}
	return counts, err
}

func (s *brokenStore) RecordRunRequest(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error) {
	if s.request != nil && s.request(c) {
		return s.FindRun(ctx, id)
	}
	return s.Store.RecordRunRequest(ctx, id, c, now)
}

func (s *brokenStore) DeleteContact(ctx context.Context, id string, now time.Time) error {
	if s.remove != nil && s.remove() {
		return nil
	}
	return s.Store.DeleteContact(ctx, id, now)
}

func (s *brokenStore) Prune(ctx context.Context, p automation.PruneParams) (automation.PruneResult, error) {
	if s.prune != nil && s.prune(&p) {
		return automation.PruneResult{}, nil
	}
	return s.Store.Prune(ctx, p)
}

func (s *brokenStore) FindEntries(ctx context.Context, contact string, refs []automation.EntryRef) ([]automation.EntryCount, error) {
	counts, err := s.Store.FindEntries(ctx, contact, refs)
	if s.entries != nil {
		counts = s.entries(contact, counts)
	}
	return counts, err
}

func (s *brokenStore) FindEvent(ctx context.Context, id string) (automation.EventRecord, error) {
	if s.findEvent != nil && s.findEvent() {
		return automation.EventRecord{}, automation.ErrNotFound
	}
	return s.Store.FindEvent(ctx, id)
}

func (s *brokenStore) FindRun(ctx context.Context, id string) (automation.RunRecord, error) {
	if s.findRun != nil && s.findRun() {
		return automation.RunRecord{}, automation.ErrNotFound
	}
	return s.Store.FindRun(ctx, id)
}

func (s *brokenStore) FindRunOutputs(ctx context.Context, id string) ([]automation.StepOutput, error) {
	if s.outputs != nil {
		return s.outputs(), nil
	}
	return s.Store.FindRunOutputs(ctx, id)
}

func (s *brokenStore) ListContactEvents(ctx context.Context, contact, name string, since time.Time) ([]automation.Event, error) {
	if s.earlier != nil && s.earlier(name) {
		return nil, nil
	}
	return s.Store.ListContactEvents(ctx, contact, name, since)
}

func TestCheck_FindsWhatABrokenStoreDoes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		breakIt func(s *brokenStore)
		finding string
	}{
		"an event is lost": {func(s *brokenStore) {
			s.append = func([]automation.NewEvent) []automation.NewEvent { return nil }
		}, "does not have it"},
		"events are handled out of order": {func(s *brokenStore) {
			// Most claims bring one event of a contact. Such an event is held back for a while.
			var mu sync.Mutex
			held := map[string]int{}
			s.claim = func(works []automation.Work) {
				mu.Lock()
				defer mu.Unlock()
				for i := range works {
					w := &works[i]
					if len(w.Events) == 1 && held[w.Events[0].ID] < 100 {
						held[w.Events[0].ID]++
						w.Events = nil
					}
					slices.Reverse(w.Events)
				}
			}
		}, "after event"},
		"a change is lost": {func(s *brokenStore) {
			s.commit = func(t *automation.Transition) {
				// More often: the next change of the same contact hides a lost one.
				if t.Change != nil && s.calls.Add(1)%4 == 0 {
					t.Change = nil
				}
			}
		}, "before the contact had it"},
		"a new run is lost": {func(s *brokenStore) {
			s.commit = func(t *automation.Transition) {
				if len(t.Runs) > 0 && t.Runs[0].New && s.now() {
					t.Runs = t.Runs[1:]
				}
			}
		}, "0 runs instead of one"},
		"a run is doubled": {func(s *brokenStore) {
			s.commit = func(t *automation.Transition) {
				if len(t.Runs) > 0 && t.Runs[0].New && s.now() {
					double := t.Runs[0]
					double.ID += "2"
					t.Runs = append(t.Runs, double)
				}
			}
		}, "2 runs instead of one"},
		"an event is handled again": {func(s *brokenStore) {
			s.commit = func(t *automation.Transition) {
				if len(t.Handled) > 0 && s.now() {
					t.Handled = t.Handled[1:]
				}
			}
		}, "is committed twice"},
		"the progress of a run is lost": {func(s *brokenStore) {
			s.commit = func(t *automation.Transition) {
				if len(t.Runs) > 0 && !t.Runs[0].New && s.now() {
					t.Runs = t.Runs[1:]
				}
			}
		}, "is committed twice"},
		"a contact stays leased": {func(s *brokenStore) {
			s.calm = true // such a contact cannot be erased
			s.commit = func(t *automation.Transition) {
				if t.Release && s.now() {
					t.Release, t.Extend = false, t.Now.Add(time.Hour)
				}
			}
		}, "is still leased"},
		"a retry is lost": {func(s *brokenStore) {
			s.request = func(c automation.RunRequest) bool { return c == automation.RequestRetry }
		}, "a retry of run"},
		"a retry goes past an event that ends the run": {func(s *brokenStore) {
			s.earlier = func(name string) bool { return name == evReview }
		}, "was retried past event|is not the first review after its own"}, // a later review may end the run meanwhile
		"a deletion is lost": {func(s *brokenStore) {
			s.remove = func() bool { return true }
		}, "is still there after its deletion"},
		"runs of a contact that is gone stay": {func(s *brokenStore) {
			s.commit = func(t *automation.Transition) {
				t.Runs = slices.DeleteFunc(t.Runs, func(r automation.RunChange) bool {
					return r.Error != nil && r.Error.Code == automation.CancelledContactGone
				})
			}
		}, "is running after the"},
		"an erasure leaves events": {func(s *brokenStore) {
			s.commit = func(t *automation.Transition) { t.Erase, t.EraseEmail = false, "" }
		}, "after the erasure of contact"},
		"an erasure leaves outputs": {func(s *brokenStore) {
			var states sync.Map
			s.commit = func(t *automation.Transition) {
				for i := range t.Runs {
					if last, ok := states.Load(t.Runs[i].ID); ok && t.Runs[i].DropOutputs {
						t.Runs[i].State = last.([]byte)
					}
					states.Store(t.Runs[i].ID, t.Runs[i].State)
				}
			}
		}, "has the output of step"},
		"counts of starts outlive their contact": {func(s *brokenStore) {
			var kept sync.Map
			s.entries = func(contact string, counts []automation.EntryCount) []automation.EntryCount {
				if len(counts) > 0 {
					kept.Store(contact, counts)
				}
				last, _ := kept.LoadOrStore(contact, counts)
				return last.([]automation.EntryCount)
			}
		}, "has counts of starts after its"},
		"counts of starts are lost": {func(s *brokenStore) {
			s.entries = func(string, []automation.EntryCount) []automation.EntryCount { return nil }
		}, "a run that no event started"},
		"runs are pruned too early": {func(s *brokenStore) {
			s.prune = func(p *automation.PruneParams) bool {
				p.Before = p.Now
				return false
			}
		}, "0 runs instead of one"},
		"what is pruned stays": {func(s *brokenStore) {
			s.prune = func(*automation.PruneParams) bool { return true }
		}, "is pruned, and found"},
		"a run in progress is pruned": {func(s *brokenStore) {
			var all atomic.Bool
			s.prune = func(p *automation.PruneParams) bool {
				all.Store(p.Now.Sub(p.Before) < retention)
				return false
			}
			s.findRun = all.Load
		}, "is running, and pruned"},
		"outputs of a run that is pruned stay": {func(s *brokenStore) {
			s.outputs = func() []automation.StepOutput { return []automation.StepOutput{{Step: 1, Output: []byte("{}")}} }
		}, "is pruned, and has outputs"},
		"the event of a run that stays is pruned": {func(s *brokenStore) {
			var pruned atomic.Bool
			s.prune = func(*automation.PruneParams) bool {
				pruned.Store(true)
				return false
			}
			s.findEvent = pruned.Load
		}, "and its event"},
		"a counter is wrong": {func(s *brokenStore) {
			s.countRuns = func(counts []automation.RunCount) { counts[0].Count++ }
		}, "counting gives"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &brokenStore{Store: memory.New()}
			test.breakIt(s)
			err := rehearse(t, s, 3*time.Second)
			require.Error(t, err)
			require.Regexp(t, test.finding, err.Error())
		})
	}
}
