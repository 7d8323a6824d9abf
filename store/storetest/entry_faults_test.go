package storetest_test

import (
	"context"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// entryFaults are mistakes about triggers, decisions, counts of starts and exits.
var entryFaults = []struct {
	name, caught string
	inject       func(s *faulty)
}{
	{"keeps the name of the first event only", "triggers/an automation is kept with the names of all its events", firstTrigger},
	{"sorts the names of the events", "triggers/an automation is kept with the names of all its events", func(s *faulty) {
		s.foundRecord = func(a *automation.AutomationRecord, err error) error { slices.Sort(a.EventNames); return err }
	}},
	{"starts by the first event only", "triggers/each event starts the automation", firstTrigger},
	{"keeps triggers of older versions", "triggers/only events of the newest version start the automation", func(s *faulty) {
		var names []string
		s.inserting = func(a *automation.AutomationRecord) { names = a.EventNames }
		s.updating = func(_ context.Context, a *automation.AutomationRecord) {
			a.EventNames = append([]string{a.EventName}, append(names, a.EventNames...)...)
		}
	}},
	{"takes one run for all of its step", "triggers/runs are listed by the event that started them", func(s *faulty) {
		s.listedRuns = func(ctx context.Context, q automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			name := q.EventName
			q.EventName = ""
			all, err := s.Store.ListRuns(ctx, q)
			if len(all.Data) > 0 && all.Data[0].EventName != name {
				all.Data = nil
			}
			return all, err
		}
	}},
	{"gathers nothing", "gathering/a claim brings all running runs of an automation that gathers", forgetGathers},
	{"gathers runs without what started them", "gathering/a claim brings all running runs of an automation that gathers", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			for i := range w.Runs {
				w.Runs[i].TriggerPayload = nil
			}
		})
	}},
	{"gathers youngest first", "gathering/a claim brings all running runs of an automation that gathers", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) { slices.Reverse(w.Runs) })
	}},
	{"gathers with every event", "gathering/only an event that starts the automation gathers its runs", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			p, _ := s.Store.ListRuns(context.Background(), automation.RunQuery{ContactID: w.Key.ID, PageQuery: automation.PageQuery{Limit: 10}})
			for _, r := range p.Data {
				if len(w.Runs) == 0 {
					w.Runs = append(w.Runs, automation.ClaimedRun{RunRecord: r})
				}
			}
		})
	}},
	{"gathers runs that are there already", "gathering/a run that comes anyway comes once", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			if len(w.Events) > 0 && len(w.Runs) > 0 {
				w.Runs = append(w.Runs, w.Runs[0])
			}
		})
	}},
	{"forgets the run of an expired lease", "gathering/the run of an expired lease is gathered", forgetGathers},
	{"never reports pending events", "gathering/heed reports pending events", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) { t.Heed = false })
	}},
	{"always reports pending events", "gathering/heed reports pending events", func(s *faulty) {
		s.committed = func(_ context.Context, ts []automation.Transition, results []automation.CommitResult) {
			for i := range ts {
				results[i].Pending = ts[i].Heed
			}
		}
	}},
	{"reports pending events that were not asked for", "gathering/heed reports pending events", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) { t.Heed = true })
	}},
	{"heeds no events for emails", "gathering/heed reports events for the email", func(s *faulty) {
		mailed := false
		s.appending = func(events []automation.NewEvent) []automation.NewEvent {
			mailed = mailed || slices.ContainsFunc(events, func(n automation.NewEvent) bool { return n.Event.Email != "" })
			return events
		}
		s.committed = func(_ context.Context, _ []automation.Transition, results []automation.CommitResult) {
			for i := range results {
				results[i].Pending = results[i].Pending && !mailed
			}
		}
	}},
	{"forgets decisions", "decisions/are kept with their event", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) { t.Decisions = nil })
	}},
	{"returns decisions in any order", "decisions/are kept with their event", func(s *faulty) {
		s.foundDecisions = func(_ string, ds []automation.Decision) []automation.Decision { slices.Reverse(ds); return ds }
	}},
	{"forgets when it was decided", "decisions/are kept with their event", func(s *faulty) {
		s.foundDecisions = func(_ string, ds []automation.Decision) []automation.Decision {
			for i := range ds {
				ds[i].At = time.Time{}
			}
			return ds
		}
	}},
	{"keeps a decision twice", "decisions/writing twice is writing once", func(s *faulty) {
		written := map[string]int{}
		s.committing = eachTransition(func(t *automation.Transition) {
			for _, d := range t.Decisions {
				written[d.EventID]++
			}
		})
		s.foundDecisions = func(id string, ds []automation.Decision) []automation.Decision {
			return slices.Repeat(ds, max(1, written[id]))
		}
	}},
	{"keeps decisions of a refused transition", "decisions/a refused transition leaves none behind", rememberDecisions},
	{"prunes events without their decisions", "decisions/go with their event", rememberDecisions},
	{"prunes runs without decisions about their events", "decisions/of an event that started another automation go with its run", rememberDecisions},
	{"erases without the evidence of decisions", "decisions/lose their evidence when a contact is erased", rememberDecisions},
	{"erases an email without the evidence of decisions", "decisions/lose their evidence when an email is erased", rememberDecisions},
	{"forgets counts of starts", "entries/are kept for a contact an automation and a key", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) { t.Entries = nil })
	}},
	{"counts all keys as one", "entries/are kept for a contact an automation and a key", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Entries = slices.Clone(t.Entries)
			for i := range t.Entries {
				t.Entries[i].Key = ""
			}
		})
	}},
	{"adds to a count", "entries/are replaced as a whole", func(s *faulty) {
		counts := map[automation.EntryRef]int{}
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Entries = slices.Clone(t.Entries)
			for i := range t.Entries {
				counts[t.Entries[i].EntryRef] += t.Entries[i].Count
				t.Entries[i].Count = counts[t.Entries[i].EntryRef]
			}
		})
	}},
	{"writes the counts of a refused transition", "entries/a refused transition leaves none behind", rememberEntries},
	{"prunes counts with the runs", "entries/survive the runs and events that they count", func(s *faulty) {
		pruned := false
		s.pruned = func(res *automation.PruneResult) { pruned = pruned || res.Runs > 0 }
		s.foundEntries = func(_ string, counts []automation.EntryCount) []automation.EntryCount {
			if pruned {
				return nil
			}
			return counts
		}
	}},
	{"never prunes counts", "entries/go when they have expired", func(s *faulty) {
		s.pruning = func(p *automation.PruneParams) { p.Now = time.Time{} }
	}},
	{"prunes counts too early", "entries/go when they have expired", func(s *faulty) {
		s.pruning = func(p *automation.PruneParams) { p.Now = p.Now.Add(time.Second) }
	}},
	{"keeps counts of a deleted contact", "entries/go with the contact", rememberEntries},
	{"writes counts of a contact that is gone", "entries/of a contact that is gone are not kept", rememberEntries},
	{"keeps counts of an erased contact", "entries/go when the contact is erased", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) { t.Erase = false })
	}},
	{"keeps counts of a deleted automation", "entries/go with the automation", rememberEntries},
	{"returns its own counts", "entries/those that were returned may be changed", func(s *faulty) {
		var held []automation.EntryCount
		s.foundEntries = func(_ string, counts []automation.EntryCount) []automation.EntryCount {
			if held == nil {
				held = counts
			}
			return held
		}
	}},
	{"forgets why a run ended early", "exits/are read as they were written", forgetExits},
	{"lists runs without their exits", "exits/are read as they were written", func(s *faulty) {
		s.listedRuns = func(_ context.Context, _ automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			for i := range p.Data {
				p.Data[i].Exit = nil
			}
			return p, nil
		}
	}},
	{"drops an exit that is written again", "exits/writing twice is writing once", func(s *faulty) {
		written := map[string]bool{}
		s.committing = eachRun(func(r *automation.RunChange) {
			if written[r.ID] && r.Exit != nil {
				r.Exit = nil
			}
			written[r.ID] = r.Exit != nil
		})
	}},
	{"loses the exit of a run that began with its lease", "exits/of a run that began with its lease", forgetExits},
	{"projects no exits", "projections/exits decisions and entries are kept", func(s *faulty) {
		s.projecting = eachProjectedRun(func(r *automation.RunChange) { r.Exit = nil })
	}},
	{"projects no decisions", "projections/exits decisions and entries are kept", func(s *faulty) {
		s.projecting = func(p *automation.Projection) { p.Decisions = nil }
	}},
	{"projects the first of two counts", "projections/entries and decisions are replaced and kept once", func(s *faulty) {
		s.projecting = func(p *automation.Projection) { p.Entries = p.Entries[:min(1, len(p.Entries))] }
	}},
}

func firstTrigger(s *faulty) {
	s.inserting = func(a *automation.AutomationRecord) { a.EventNames = nil }
}

func forgetGathers(s *faulty) {
	s.inserting = func(a *automation.AutomationRecord) { a.Gathers = false }
}

func forgetExits(s *faulty) {
	s.committing = eachRun(func(r *automation.RunChange) { r.Exit = nil })
}

// rememberDecisions keeps decisions for good, whatever becomes of the transition and the event.
func rememberDecisions(s *faulty) {
	kept := map[string][]automation.Decision{}
	s.committing = eachTransition(func(t *automation.Transition) {
		for _, d := range t.Decisions {
			kept[d.EventID] = append(kept[d.EventID], d)
		}
	})
	s.foundDecisions = func(id string, _ []automation.Decision) []automation.Decision { return kept[id] }
}

// rememberEntries keeps counts for good, whatever becomes of the transition and the contact.
func rememberEntries(s *faulty) {
	kept := map[string]map[automation.EntryRef]automation.EntryCount{}
	s.committing = eachTransition(func(t *automation.Transition) {
		for _, c := range t.Entries {
			if kept[t.Key.ID] == nil {
				kept[t.Key.ID] = map[automation.EntryRef]automation.EntryCount{}
			}
			kept[t.Key.ID][c.EntryRef] = c
		}
	})
	s.findEntries = func(_ context.Context, contact string, refs []automation.EntryRef) (found []automation.EntryCount, _ error) {
		for _, ref := range refs {
			if c, ok := kept[contact][ref]; ok {
				found = append(found, c)
			}
		}
		return found, nil
	}
}
