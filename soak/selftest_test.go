//go:build unix

package soak

import (
	"context"
	"errors"
	"slices"
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
// problems that check finds. patience is how long the nodes may take to finish their work.
func rehearse(t *testing.T, store automation.Store, patience time.Duration) error {
	t.Helper()
	l := newLedger(seed(t), populate(t, store))
	socket := l.listen(t)
	stopA, stopB := serve(t, store, "a", socket), serve(t, store, "b", socket)
	l.grant(300)
	require.True(t, l.allSent(time.Minute))
	idle := awaitIdle(t.Context(), store, patience)
	stopA()
	stopB()
	l.report(t)
	return errors.Join(append(check(t.Context(), store, l), idle)...)
}

func TestCheck_AcceptsASoundStore(t *testing.T) {
	t.Parallel()
	require.NoError(t, rehearse(t, memory.New(), time.Minute))
}

// brokenStore is a store that does one thing wrong, now and then.
type brokenStore struct {
	automation.Store
	calls     atomic.Int64
	append    func(events []automation.NewEvent) []automation.NewEvent
	claim     func(works []automation.Work)
	commit    func(t *automation.Transition)
	countRuns func(counts []automation.RunCount)
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
			s.claim = func(works []automation.Work) {
				for _, w := range works {
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
			s.commit = func(t *automation.Transition) {
				if t.Release && s.now() {
					t.Release, t.Extend = false, t.Now.Add(time.Hour)
				}
			}
		}, "is still leased"},
		"a counter is wrong": {func(s *brokenStore) {
			s.countRuns = func(counts []automation.RunCount) { counts[0].Count++ }
		}, "counting gives"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &brokenStore{Store: memory.New()}
			test.breakIt(s)
			require.ErrorContains(t, rehearse(t, s, 3*time.Second), test.finding)
		})
	}
}
