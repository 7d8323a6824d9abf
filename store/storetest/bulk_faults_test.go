package storetest_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/storetest"
)

// faultyStarter is a correct store until one of its hooks is set.
type faultyStarter struct {
	*memory.Store
	beginning func(b *automation.BulkRecord)
	begun     func(b *automation.BulkRecord)
	listed    func(after int64, marks []automation.BulkMark) []automation.BulkMark
	pending   func(contacts []automation.ContactRef)
	starting  func(s *automation.BulkStep)
	started   func(s *automation.BulkStep, outcomes []automation.StartOutcome)
	pruning   func(p *automation.PruneParams)
}

func (s *faultyStarter) BeginBulk(ctx context.Context, b automation.BulkRecord) (automation.BulkRecord, error) {
	if s.beginning != nil {
		s.beginning(&b)
	}
	b, err := s.Store.BeginBulk(ctx, b)
	if s.begun != nil {
		s.begun(&b)
	}
	return b, err
}

func (s *faultyStarter) ListBulkMarks(ctx context.Context, id string, after int64) ([]automation.BulkMark, int64, error) {
	marks, last, err := s.Store.ListBulkMarks(ctx, id, after)
	if s.listed != nil {
		marks = s.listed(after, marks)
	}
	return marks, last, err
}

func (s *faultyStarter) FindPending(ctx context.Context, contacts []automation.ContactRef) ([]bool, error) {
	if s.pending != nil {
		contacts = slices.Clone(contacts)
		s.pending(contacts)
	}
	return s.Store.FindPending(ctx, contacts)
}

func (s *faultyStarter) StartRuns(ctx context.Context, step automation.BulkStep) ([]automation.StartOutcome, error) {
	if s.starting != nil {
		step.Starts = slices.Clone(step.Starts)
		s.starting(&step)
	}
	outcomes, err := s.Store.StartRuns(ctx, step)
	if s.started != nil && err == nil {
		s.started(&step, outcomes)
	}
	return outcomes, err
}

func (s *faultyStarter) Prune(ctx context.Context, p automation.PruneParams) (automation.PruneResult, error) {
	if s.pruning != nil {
		s.pruning(&p)
	}
	return s.Store.Prune(ctx, p)
}

// eachStart returns a fault that changes every start of a step, on a copy of its turn.
func eachStart(change func(s *faultyStarter, start *automation.RunStart)) func(s *faultyStarter) {
	return func(s *faultyStarter) {
		s.starting = func(step *automation.BulkStep) {
			for i := range step.Starts {
				start := &step.Starts[i]
				if start.Turn != nil {
					tr := *start.Turn
					tr.Runs, tr.Handled = slices.Clone(tr.Runs), slices.Clone(tr.Handled)
					start.Turn = &tr
				}
				change(s, start)
			}
		}
	}
}

// current makes every step the next one.
func current(s *faultyStarter) {
	s.starting = func(step *automation.BulkStep) {
		b, err := s.Store.BeginBulk(context.Background(), automation.BulkRecord{ID: step.BulkID, BegunAt: step.BegunAt, ContentHash: "hash", ExpiresAt: step.ExpiresAt})
		if err == nil {
			step.After = b.Step
		}
	}
}

var bulkFaults = []struct {
	name, caught string
	inject       func(s *faultyStarter)
}{
	{"ignores the content", "bulks/begin once and go on", func(s *faultyStarter) {
		s.beginning = func(b *automation.BulkRecord) { b.ContentHash = "same" }
	}},
	{"forgets the step", "bulks/begin once and go on", func(s *faultyStarter) {
		s.begun = func(b *automation.BulkRecord) { b.Step = 0 }
	}},
	{"lets every caller begin", "bulks/of steps at once one is written", func(s *faultyStarter) {
		s.beginning = func(b *automation.BulkRecord) { b.ContentHash = "same" }
	}},
	{"never expires", "bulks/begin anew when they have expired", func(s *faultyStarter) {
		s.beginning = func(b *automation.BulkRecord) { b.ExpiresAt = b.ExpiresAt.Add(1000 * time.Hour) }
		s.starting = func(step *automation.BulkStep) { step.ExpiresAt = step.ExpiresAt.Add(1000 * time.Hour) }
	}},
	{"is not put off by a step", "bulks/begin once and go on", func(s *faultyStarter) {
		s.starting = func(step *automation.BulkStep) { step.ExpiresAt = step.BegunAt.Add(time.Hour) }
	}},
	{"starts late", "bulks/a step writes runs and their events", eachStart(func(_ *faultyStarter, start *automation.RunStart) {
		if start.Turn != nil && !start.Turn.Runs[0].DueAt.IsZero() {
			start.Turn.Runs[0].DueAt = start.Turn.Runs[0].DueAt.Add(time.Hour)
		}
	})},
	{"leaves the event pending", "bulks/a step writes runs and their events", eachStart(func(_ *faultyStarter, start *automation.RunStart) {
		start.Turn.Handled = nil
	})},
	{"forgets decisions", "bulks/a step writes what starts no run", eachStart(func(_ *faultyStarter, start *automation.RunStart) {
		start.Turn.Decisions = nil
	})},
	{"forgets the reason", "bulks/a step writes what starts no run", eachStart(func(_ *faultyStarter, start *automation.RunStart) {
		start.Turn.Handled[0].Reason = ""
	})},
	{"writes any step", "bulks/only the next step is written", current},
	{"writes every step at once", "bulks/of steps at once one is written", current},
	{"reverses the marks", "bulks/marks come in the order of the steps", func(s *faultyStarter) {
		s.listed = func(_ int64, marks []automation.BulkMark) []automation.BulkMark { slices.Reverse(marks); return marks }
	}},
	{"forgets the marks of pending events", "bulks/what is pending comes first", func(s *faultyStarter) {
		s.listed = func(int64, []automation.BulkMark) []automation.BulkMark { return nil }
	}},
	{"ignores emails", "bulks/what is pending comes first", func(s *faultyStarter) {
		s.pending = func(contacts []automation.ContactRef) {
			for i := range contacts {
				contacts[i].Email = ""
			}
		}
	}},
	{"starts before what is pending under the email", "bulks/what is pending comes first", eachStart(func(_ *faultyStarter, start *automation.RunStart) {
		start.Email = ""
	})},
	{"overlooks what came meanwhile", "bulks/a run hears what came since the read", func(s *faultyStarter) {
		s.starting = func(step *automation.BulkStep) { step.ReadAt = step.ReadAt.Add(time.Hour) }
	}},
	{"fears what came before", "bulks/a run hears what came since the read", func(s *faultyStarter) {
		s.starting = func(step *automation.BulkStep) { step.ReadAt = time.Time{} }
	}},
	{"starts older versions", "bulks/only the newest version of an enabled automation starts", func(s *faultyStarter) {
		s.starting = func(step *automation.BulkStep) {
			if a, err := s.FindAutomation(context.Background(), step.Version.AutomationID); err == nil {
				step.Version.Version = a.Version
			}
		}
	}},
	{"starts runs in a catalog", "bulks/a catalog of an engine starts nothing", func(s *faultyStarter) {
		s.starting = func(*automation.BulkStep) { _ = s.Disengage(context.Background(), "engine") }
	}},
	{"starts runs of nobody", "bulks/contacts that do not exist are left out", eachStart(func(_ *faultyStarter, start *automation.RunStart) {
		start.Event.HostContact = true
	})},
	{"marks contacts that do not exist", "bulks/contacts that do not exist are left out", func(s *faultyStarter) {
		s.listed = func(after int64, marks []automation.BulkMark) []automation.BulkMark {
			if after == 0 {
				marks = append(marks, automation.BulkMark{})
			}
			return marks
		}
	}},
	{"ignores definitions", "bulks/a step for another definition is refused", eachStart(func(s *faultyStarter, start *automation.RunStart) {
		d, _ := s.FindEventDefinition(context.Background(), start.Event.Event.Name)
		start.Event.Schema = string(d.Schema)
	})},
	{"ends the lease", "bulks/a run that starts under a lease is claimed after it", eachStart(func(s *faultyStarter, start *automation.RunStart) {
		_, _ = s.Claim(context.Background(), automation.ClaimParams{
			Now: origin.Add(time.Hour), Lease: -time.Hour, Limit: 1, Contact: automation.ContactRef{ID: start.Event.Event.ContactID},
		})
	})},
	{"forgets what a run listens to", "bulks/a run listens from its start", eachStart(func(_ *faultyStarter, start *automation.RunStart) {
		start.Turn.Runs[0].Listens = nil
	})},
	{"keeps bulks for ever", "bulks/are pruned when they have expired", func(s *faultyStarter) {
		s.pruning = func(p *automation.PruneParams) { p.Now = time.Time{} }
	}},
	{"prunes bulks early", "bulks/are pruned when they have expired", func(s *faultyStarter) {
		s.pruning = func(p *automation.PruneParams) { p.Now = p.Now.Add(time.Hour) }
	}},
	{"loses a part of a large step", "bulks/may be large", func(s *faultyStarter) {
		s.starting = func(step *automation.BulkStep) {
			if len(step.Starts) > 500 {
				step.Starts[501].Mark = automation.BulkMark{}
			}
		}
	}},
}

// origin is that of package storetest.
var origin = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func TestChecks_FindFaultsOfBulks(t *testing.T) {
	t.Parallel()
	for _, c := range bulkFaults {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &faultyStarter{Store: memory.New()}
			c.inject(s)
			err := checkNamed(t, c.caught).Run(t.Context(), storetest.Sole(s))
			require.Error(t, err)
			assert.NotErrorIs(t, err, storetest.ErrSkipped)
		})
	}
}
