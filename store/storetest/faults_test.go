package storetest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

// faults contains mistakes of stores, each with the check that finds it.
var faults = []struct {
	name, caught string
	inject       func(s *faulty)
}{
	{"ignores the token", "commit/a stale token is refused and the rest of the batch is written", ignoreToken},
	{"releases on a stale token", "commit/a stale token is refused and the rest of the batch is written", releaseOnStale},
	{"accepts a token after the release", "commit/a released lease is refused", ignoreRelease},
	{"forgets to clear the lease", "commit/extends the lease or releases it", keepLease},
	{"claims twice", "claim/a leased contact is not claimed again", claimTwice},
	{"claims twice when many claim", "claim/claimers at once never share a contact", claimTwice},
	{"ignores the limit", "claim/longest due first, up to the limit", func(s *faulty) {
		s.claiming = func(p *automation.ClaimParams) { p.Limit = 1000 }
	}},
	{"ignores the bound on events", "claim/brings a bounded part of a contact's work", func(s *faulty) {
		s.claiming = func(p *automation.ClaimParams) { p.Events = 1000 }
	}},
	{"claims the youngest first", "claim/longest due first, up to the limit", func(s *faulty) {
		s.claimed = func(works []automation.Work) []automation.Work { slices.Reverse(works); return works }
	}},
	{"rounds to seconds", "due/a run is claimed when its time has come and not before", func(s *faulty) {
		s.claiming = func(p *automation.ClaimParams) { p.Now = p.Now.Add(time.Second) }
	}},
	{"loses the order of events", "events/come in the order in which they were accepted", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) { slices.Reverse(w.Events) })
	}},
	{"orders events by id", "events/come in the order in which they were accepted", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			slices.SortFunc(w.Events, func(a, b automation.PendingEvent) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
		})
	}},
	{"skips events older than the last seen", "events/one that is older than those handled is not skipped", skipOlder},
	{"forgets what an event resumed", "event records/an event that resumed runs", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Handled = slices.Clone(t.Handled)
			for i := range t.Handled {
				t.Handled[i].Resumed = nil
			}
		})
	}},
	{"forgets why an event matched nothing", "event records/an event that matched nothing", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Handled = slices.Clone(t.Handled)
			for i := range t.Handled {
				t.Handled[i].Reason = ""
			}
		})
	}},
	{"announces nothing later", "event records/a claim brings what was not announced", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			for i := range w.Events {
				w.Events[i].Unannounced = false
			}
		})
	}},
	{"ignores definitions", "definitions/an event that was checked against another is refused", func(s *faulty) {
		s.appendEvents = func(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
			events = slices.Clone(events)
			for i := range events {
				d, _ := s.FindEventDefinition(ctx, events[i].Event.Name)
				events[i].Schema = string(d.Schema)
			}
			return s.Store.AppendEvents(ctx, events)
		}
	}},
	{"keeps half of a refused append", "events/an append is all or nothing", appendOneByOne},
	{"forgets who stopped an automation", "automations/keep who stopped them", func(s *faulty) {
		s.updating = func(_ context.Context, a *automation.AutomationRecord) { a.StoppedAt = time.Time{} }
	}},
	{"never lifts a stop", "automations/keep who stopped them", func(s *faulty) {
		var stopped time.Time
		s.updating = func(_ context.Context, a *automation.AutomationRecord) {
			if a.StoppedAt.IsZero() {
				a.StoppedAt = stopped
			}
			stopped = a.StoppedAt
		}
	}},
	{"forgets what was deleted", "automations/a deleted one is told from one that never was", func(s *faulty) {
		s.foundRecord = func(_ *automation.AutomationRecord, err error) error {
			if errors.Is(err, automation.ErrDeleted) {
				return automation.ErrNotFound
			}
			return err
		}
	}},
	{"forgets to match waits", "waits/an event after the wait brings its run", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			w.Runs = slices.DeleteFunc(w.Runs, func(r automation.ClaimedRun) bool { return r.DueAt.IsZero() })
		})
	}},
	{"matches a wait only with later events", "waits/an event before the commit of the wait brings its run", matchLaterEvents},
	{"loses wake-ups in a race", "waits/no wake-up is lost when both happen at once", matchLaterEventsInRace},
	{"brings a run by its first name only", "waits/an event with any of several names brings the run", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			w.Runs = slices.DeleteFunc(w.Runs, func(r automation.ClaimedRun) bool {
				return len(r.Listens) > 0 && !slices.ContainsFunc(w.Events, func(e automation.PendingEvent) bool { return e.Name == r.Listens[0] })
			})
		})
	}},
	{"brings a run once for each name", "waits/runs that share a name are brought with it, each once", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			var runs []automation.ClaimedRun
			for _, r := range w.Runs {
				for _, name := range r.Listens {
					if slices.ContainsFunc(w.Events, func(e automation.PendingEvent) bool { return e.Name == name }) {
						runs = append(runs, r)
					}
				}
			}
			w.Runs = runs
		})
	}},
	{"keeps what a run listened to first", "waits/a run whose names change is brought by the new ones", func(s *faulty) {
		first := map[string][]string{}
		s.committing = eachRun(func(r *automation.RunChange) {
			if first[r.ID] == nil {
				first[r.ID] = r.Listens
			}
			r.Listens = first[r.ID]
		})
	}},
	{"loses a set that another process uses, too", "waits/a set of names that processes use first at once", func(s *faulty) {
		used := map[string]bool{}
		s.committing = eachRun(func(r *automation.RunChange) {
			if names := strings.Join(r.Listens, " "); used[names] {
				r.Listens = nil
			} else {
				used[names] = true
			}
		})
	}},
	{"forgets what the run of a lease listens to", "waits/a run of an expired lease is brought by what it listens to", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Runs = slices.Clone(t.Runs)
			for i := range t.Runs {
				if !t.Release && !t.Runs[i].DueAt.After(t.Now) {
					t.Runs[i].Listens = nil
				}
			}
		})
	}},
	{"remembers a set that was refused", "waits/a set of names that was refused can be used", func(s *faulty) {
		used := map[string]bool{}
		s.committing = eachRun(func(r *automation.RunChange) {
			if names := strings.Join(r.Listens, " "); used[names] {
				r.Listens = nil
			} else {
				used[names] = true
			}
		})
	}},
	{"brings events after they were handled", "commit/handled events never come back", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) { t.Handled = nil })
	}},
	{"writes half of a refused transition", "commit/a run that may not start leaves nothing behind", writeHalf},
	{"starts a run again when it is written twice", "commit/writing twice is writing once", startTwice},
	{"forgets the automation of an event", "sent/an addressed event is read as it was sent", func(s *faulty) {
		s.appending = eachEvent(func(e *automation.NewEvent) { e.Event.AutomationID = "" })
	}},
	{"sends nothing", "sent/an event that a transition sends becomes pending with it", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) { t.Events = nil })
	}},
	{"sends events in any order", "sent/events are in their order, among those that were accepted", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Events = slices.Clone(t.Events)
			slices.Reverse(t.Events)
		})
	}},
	{"sends an event for each time that it is written", "sent/writing twice is sending once", func(s *faulty) {
		written := 0
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Events = slices.Clone(t.Events)
			for i := range t.Events {
				written++
				t.Events[i].Event.ID = fmt.Sprintf("ffffffff-0000-7000-8000-%012x", written)
			}
		})
	}},
	{"sends the events of a refused transition", "sent/a refused transition sends nothing", func(s *faulty) {
		s.committed = func(ctx context.Context, ts []automation.Transition, results []automation.CommitResult) {
			for i := range ts {
				if results[i].Err != nil {
					_, _ = s.Store.AppendEvents(ctx, ts[i].Events)
				}
			}
		}
	}},
	{"forgets what caused a run", "sent/a run comes with the cause of its event", func(s *faulty) {
		s.claimed = eachWork(func(w *automation.Work) {
			for i := range w.Runs {
				w.Runs[i].Cause = nil
			}
		})
	}},
	{"sends events for its own contacts only", "sent/events for a contact that is not in the store", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Events = slices.DeleteFunc(slices.Clone(t.Events), func(e automation.NewEvent) bool { return e.HostContact })
		})
	}},
	{"keeps causes", "sent/an event that a transition sends is erased", func(s *faulty) {
		causes := map[string]*automation.Cause{}
		s.committing = eachTransition(func(t *automation.Transition) {
			for _, e := range t.Events {
				causes[e.Event.ID] = e.Event.Cause
			}
		})
		s.foundEvent = func(e *automation.Event) {
			if e.Cause == nil {
				e.Cause = causes[e.ID]
			}
		}
	}},
	{"keeps states as text", "commit/runs are read as they were written", func(s *faulty) {
		s.foundRun = func(r *automation.RunRecord) { r.State = bytes.ToValidUTF8(r.State, []byte("?")) }
	}},
	{"counts an automation twice", "runs/of several automations are counted at once", func(s *faulty) {
		s.countRuns = func(ctx context.Context, ids []string) (all []automation.RunCount, err error) {
			slices.Sort(ids)
			for _, id := range ids {
				counts, err := s.Store.CountRuns(ctx, id)
				if err != nil {
					return nil, err
				}
				all = append(all, counts...)
			}
			return all, nil
		}
	}},
	{"counts without an automation that does not exist", "runs/of several automations are counted at once", func(s *faulty) {
		s.countRuns = func(ctx context.Context, ids []string) ([]automation.RunCount, error) {
			counts, err := s.Store.CountRuns(ctx, ids...)
			if len(ids) > 1 && errors.Is(err, automation.ErrNotFound) {
				return counts, nil
			}
			return counts, err
		}
	}},
	{"finds a part of many runs", "runs/are found by their ids at once", func(s *faulty) {
		s.foundRuns = func(rs []automation.RunRecord) []automation.RunRecord { return rs[:min(32, len(rs))] }
	}},
	{"finds runs without their states", "runs/are found by their ids at once", func(s *faulty) {
		s.foundRuns = func(rs []automation.RunRecord) []automation.RunRecord {
			for i := range rs {
				rs[i].State = nil
			}
			return rs
		}
	}},
	{"forgets outputs", "outputs/are kept beside the state of their run", func(s *faulty) {
		s.committing = eachRun(func(r *automation.RunChange) { r.Outputs = nil })
	}},
	{"keeps the latest outputs only", "outputs/are kept beside the state of their run", func(s *faulty) {
		s.committing = eachRun(func(r *automation.RunChange) { r.DropOutputs = r.DropOutputs || len(r.Outputs) > 0 })
	}},
	{"returns outputs in any order", "outputs/are kept beside the state of their run", func(s *faulty) {
		s.foundOutputs = func(_ string, outputs []automation.StepOutput) []automation.StepOutput {
			slices.Reverse(outputs)
			return outputs
		}
	}},
	{"keeps the first output of a step", "outputs/replace those of the same step", func(s *faulty) {
		written := map[string]bool{}
		s.committing = eachRun(func(r *automation.RunChange) {
			r.Outputs = slices.DeleteFunc(slices.Clone(r.Outputs), func(out automation.StepOutput) bool {
				id := fmt.Sprint(r.ID, out.Step)
				known := written[id]
				written[id] = true
				return known
			})
		})
	}},
	{"drops the outputs that it has just written", "outputs/writing twice is writing once", func(s *faulty) {
		s.committing = eachRun(func(r *automation.RunChange) {
			if r.DropOutputs {
				r.Outputs = nil
			}
		})
	}},
	{"writes outputs of a refused transition", "outputs/a refused transition leaves none behind", rememberOutputs},
	{"never drops outputs", "outputs/are dropped", func(s *faulty) {
		s.committing = eachRun(func(r *automation.RunChange) { r.DropOutputs = false })
	}},
	{"prunes runs without their outputs", "outputs/go with their run", rememberOutputs},
	{"returns its own outputs", "outputs/those that were returned may be changed", func(s *faulty) {
		held := map[string][]automation.StepOutput{}
		s.foundOutputs = func(runID string, outputs []automation.StepOutput) []automation.StepOutput {
			if held[runID] == nil {
				held[runID] = outputs
			}
			return held[runID]
		}
	}},
	{"does not compare the sequence", "projections/move a source from one sequence to the next", projectAnyway},
	{"lets each of two projectors win", "projections/of two projectors at once one wins", projectAnyway},
	{"keeps the events of a projection that it refuses", "projections/move a source from one sequence to the next", func(s *faulty) {
		s.project = func(ctx context.Context, p automation.Projection) error {
			err := s.Store.Project(ctx, p)
			if errors.Is(err, automation.ErrConflict) {
				_ = s.Store.Project(ctx, automation.Projection{Source: fmt.Sprint(p), Sequence: 1, Events: p.Events})
			}
			return err
		}
	}},
	{"keeps the good runs of a projection that it refuses", "projections/a projection that cannot be kept changes nothing", func(s *faulty) {
		s.project = func(ctx context.Context, p automation.Projection) error {
			err := s.Store.Project(ctx, p)
			if errors.Is(err, automation.ErrInvalid) && len(p.Runs) > 0 {
				_ = s.Store.Project(ctx, automation.Projection{Source: fmt.Sprint(p), Sequence: 1, Runs: p.Runs[:1]})
			}
			return err
		}
	}},
	{"takes all sources for one", "projections/move a source from one sequence to the next", func(s *faulty) {
		s.projecting = func(p *automation.Projection) { p.Source = "any" }
	}},
	{"forgets what a projected event resumed", "projections/events are read as they were handled", eachProjectedEvent(func(e *automation.ProjectedEvent) {
		e.Resumed = nil
	})},
	{"forgets why a projected event matched nothing", "projections/events are read as they were handled", eachProjectedEvent(func(e *automation.ProjectedEvent) {
		e.Reason = ""
	})},
	{"takes the time of acceptance for the time of handling", "projections/events are read as they were handled", eachProjectedEvent(func(e *automation.ProjectedEvent) {
		e.HandledAt = e.Event.AcceptedAt
	})},
	{"leaves out events without a contact", "projections/events are found by every filter", func(s *faulty) {
		s.projecting = func(p *automation.Projection) {
			p.Events = slices.DeleteFunc(slices.Clone(p.Events), func(e automation.ProjectedEvent) bool { return e.Event.ContactID == "" })
		}
	}},
	{"keeps an event twice", "projections/an event that exists is left as it is", func(s *faulty) {
		s.projecting = func(p *automation.Projection) {
			p.Events = slices.Clone(p.Events)
			for i := range p.Events {
				if _, err := s.Store.FindEvent(context.Background(), p.Events[i].Event.ID); err == nil {
					p.Events[i].Event.ID = fmt.Sprintf("ffffffff-0000-7000-8000-%012x", i)
				}
			}
		}
	}},
	{"never prunes projected events", "projections/are pruned", eachProjectedEvent(func(e *automation.ProjectedEvent) {
		e.HandledAt = e.HandledAt.AddDate(100, 0, 0)
	})},
	{"does not replace a run", "projections/a run is replaced", func(s *faulty) {
		s.projecting = func(p *automation.Projection) {
			p.Runs = slices.DeleteFunc(slices.Clone(p.Runs), func(r automation.RunChange) bool {
				_, err := s.Store.FindRun(context.Background(), r.ID)
				return err == nil
			})
		}
	}},
	{"replaces the status of a run only", "projections/a run is replaced", func(s *faulty) {
		s.projecting = eachProjectedRun(func(r *automation.RunChange) {
			if old, err := s.Store.FindRun(context.Background(), r.ID); err == nil {
				old.Status, old.CompletedAt, old.Error = r.Status, r.CompletedAt, r.Error
				r.RunRecord = old
			}
		})
	}},
	{"counts a replaced run twice", "projections/counts follow runs that are replaced", countReplaced},
	{"lists a run that goes on among those that ended", "projections/a run is replaced", func(s *faulty) {
		ended := map[string]automation.RunRecord{}
		s.projecting = eachProjectedRun(func(r *automation.RunChange) {
			if r.Status != automation.RunRunning {
				ended[r.ID] = r.RunRecord
			}
		})
		s.listedRuns = func(ctx context.Context, q automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			for _, old := range ended {
				if now, _ := s.Store.FindRun(ctx, old.ID); q.ByCompletion() && now.Status == automation.RunRunning {
					p.Data = append(p.Data, now)
				}
			}
			return p, nil
		}
	}},
	{"keeps the first of two states of a run", "projections/a run that is given twice is kept as it is last", func(s *faulty) {
		s.projecting = func(p *automation.Projection) { p.Runs = slices.Clone(p.Runs); slices.Reverse(p.Runs) }
	}},
	{"loses outputs of projected runs", "projections/outputs are kept replaced and dropped", func(s *faulty) {
		s.projecting = eachProjectedRun(func(r *automation.RunChange) { r.Outputs = nil })
	}},
	{"never drops outputs of projected runs", "projections/outputs are kept replaced and dropped", func(s *faulty) {
		s.projecting = eachProjectedRun(func(r *automation.RunChange) { r.DropOutputs = false })
	}},
	{"drops outputs of projected runs that change", "projections/outputs are kept replaced and dropped", func(s *faulty) {
		s.projecting = eachProjectedRun(func(r *automation.RunChange) { r.DropOutputs = true })
	}},
	{"refuses a run of an automation that it does not have", "projections/of what does not exist any more", func(s *faulty) {
		s.project = func(ctx context.Context, p automation.Projection) error {
			for _, r := range p.Runs {
				if _, err := s.Store.FindAutomation(ctx, r.AutomationID); err != nil {
					return err
				}
			}
			return s.Store.Project(ctx, p)
		}
	}},
	{"lets others claim from a catalog", "catalogs/only their engine claims and records requests", func(s *faulty) {
		s.claiming = func(p *automation.ClaimParams) { p.Engine = "an engine" }
	}},
	{"records requests in a catalog", "catalogs/only their engine claims and records requests", func(s *faulty) {
		s.recordRequest = func(ctx context.Context, id string, c automation.RunRequest, now time.Time) (automation.RunRecord, error) {
			err := s.Store.Disengage(ctx, "an engine")
			rec, recordErr := s.Store.RecordRunRequest(ctx, id, c, now)
			if err == nil {
				err = s.Store.Engage(ctx, "an engine")
			}
			return rec, errors.Join(recordErr, err)
		}
	}},
	{"lets several engines engage", "catalogs/of engines at once one engages", func(s *faulty) {
		s.engage = func(context.Context, string) error { return nil }
	}},
	{"keeps the sources of an engine that has left", "catalogs/are free again when the engine leaves", func(s *faulty) {
		s.disengaged = func(ctx context.Context, engine string) {
			_ = s.Store.Project(ctx, automation.Projection{Source: engine + "/1", Sequence: 5})
		}
	}},
	{"gives an engine what is leased", "catalogs/leases from before are kept and fenced", func(s *faulty) {
		s.taking = func(p *automation.TakeParams) { p.Now = p.Now.Add(time.Hour) }
	}},
	{"never gives an engine what was leased", "catalogs/leases from before are kept and fenced", func(s *faulty) {
		s.taking = func(p *automation.TakeParams) { p.Now = p.Now.Add(-time.Hour) }
	}},
	{"lists contacts with events only", "catalogs/list contacts whose work may be in the store only", func(s *faulty) {
		s.listing = func(q *automation.WaitingQuery) { q.Working = false }
	}},
	{"lists contacts with runs always", "catalogs/list contacts whose work may be in the store only", func(s *faulty) {
		s.listing = func(q *automation.WaitingQuery) { q.Working = true }
	}},
	{"does not show that an event came", "catalogs/list contacts whose work may be in the store only", func(s *faulty) {
		s.listed = func(list []automation.WaitingContact) {
			for i := range list {
				list[i].Newest = min(list[i].Newest, 1)
			}
		}
	}},
	{"lists the first page again and again", "catalogs/list contacts whose work may be in the store only", func(s *faulty) {
		s.listing = func(q *automation.WaitingQuery) { q.After = automation.ContactRef{} }
	}},
	{"gives an engine the runs that are due by time", "catalogs/give an engine all work of contacts", func(s *faulty) {
		s.taken = eachWork(func(w *automation.Work) {
			w.Runs = slices.DeleteFunc(w.Runs, func(r automation.ClaimedRun) bool { return r.DueAt.IsZero() })
		})
	}},
	{"gives an engine runs without their requests", "catalogs/give an engine all work of contacts", func(s *faulty) {
		s.taken = eachWork(func(w *automation.Work) {
			for i := range w.Runs {
				w.Runs[i].Request = automation.RequestNone
			}
		})
	}},
	{"gives an engine runs that it did not ask for", "catalogs/give an engine all work of contacts", func(s *faulty) {
		s.taking = func(p *automation.TakeParams) { p.Runs = true }
	}},
	{"gives an engine all events", "catalogs/give an engine the first events of a contact", func(s *faulty) {
		s.taking = func(p *automation.TakeParams) { p.Events = 1000 }
	}},
	{"leaves pending events pending", "catalogs/a projection handles pending events", func(s *faulty) {
		s.projecting = withoutEvents(s, func(e automation.EventRecord) bool { return e.Status == automation.EventStatusPending })
	}},
	{"looks for a pending event where it was", "catalogs/a projection handles an event that moved to its contact", func(s *faulty) {
		s.projecting = withoutEvents(s, func(e automation.EventRecord) bool { return e.ContactID != "" })
	}},
	{"forgets the keys of projected events", "catalogs/find and keep idempotency keys", eachProjectedEvent(func(e *automation.ProjectedEvent) {
		e.ContentHash = ""
	})},
	{"finds keys that have expired", "catalogs/find and keep idempotency keys", func(s *faulty) {
		s.findingKey = func(now *time.Time) { *now = now.AddDate(-1, 0, 0) }
	}},
	{"leaves out the end of a large projection", "projections/may be large", func(s *faulty) {
		s.projecting = func(p *automation.Projection) { p.Runs = p.Runs[:min(len(p.Runs), 1000)] }
	}},
	{"lists projected runs in the order in which they came", "projections/runs are listed in pages in both orders", listAsProjected},
	{"drops requests", "requests/a request made meanwhile is reported and kept", func(s *faulty) {
		s.committed = func(_ context.Context, _ []automation.Transition, results []automation.CommitResult) {
			for i := range results {
				results[i].Requests = nil
			}
		}
	}},
	{"takes every request for served", "requests/a request made meanwhile is reported and kept", func(s *faulty) {
		s.committing = eachTransition(func(t *automation.Transition) {
			t.Runs = slices.Clone(t.Runs)
			for i := range t.Runs {
				t.Runs[i].Served = automation.RequestCancel
			}
		})
	}},
	{"loses microseconds", "events/kept as they were sent", func(s *faulty) {
		s.foundEvent = func(e *automation.Event) { e.AcceptedAt = e.AcceptedAt.Truncate(time.Millisecond) }
	}},
	{"returns local times", "values/times come back in UTC with microseconds", func(s *faulty) {
		s.foundRun = func(r *automation.RunRecord) { r.CreatedAt = r.CreatedAt.In(time.FixedZone("here", 3600)) }
	}},
	{"takes 1970 for no time", "due/1970 is a time like any other", func(s *faulty) {
		s.nextDue = func(t time.Time) time.Time {
			if t.Unix() == 0 {
				return time.Time{}
			}
			return t
		}
	}},
	{"takes no time for 1970", "due/nothing is due in an empty store", func(s *faulty) {
		s.nextDue = func(t time.Time) time.Time {
			if t.IsZero() {
				return time.Unix(0, 0).UTC()
			}
			return t
		}
	}},
	{"reads numbers as floats", "events/kept as they were sent", func(s *faulty) {
		s.foundEvent = func(e *automation.Event) {
			var payload map[string]any
			if json.Unmarshal(e.Payload, &payload) == nil {
				e.Payload, _ = json.Marshal(payload)
			}
		}
	}},
	{"returns its own bytes", "values/what was returned may be changed", returnHeld},
	{"compares emails with case", "contacts/are kept as they were given", func(s *faulty) {
		s.foundContact = func(ref automation.ContactRef, c automation.Contact) error {
			if ref.Email != "" && ref.Email != c.Email {
				return automation.ErrNotFound
			}
			return nil
		}
	}},
	{"returns a contact for each repetition of its id", "contacts/are found by their ids", func(s *faulty) {
		s.foundContacts = func(_ []string, found []automation.Contact) []automation.Contact { return append(found, found...) }
	}},
	{"returns a contact for an id that no contact has", "contacts/are found by their ids", func(s *faulty) {
		s.foundContacts = func(ids []string, found []automation.Contact) []automation.Contact {
			return append(found, make([]automation.Contact, len(ids)-len(found))...)
		}
	}},
	{"takes the beginning of an email for a pattern", "contacts/are listed by the beginning of their emails", likePrefix},
	{"searches emails with case", "contacts/are listed by the beginning of their emails", exactPrefix},
	{"searches in all segments", "contacts/are listed in pages by the beginning of their emails", func(s *faulty) {
		s.listContacts = func(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
			q.Segment = ""
			return s.Store.ListContacts(ctx, q)
		}
	}},
	{"begins every page with the first email", "contacts/are listed in pages by the beginning of their emails", func(s *faulty) {
		s.listContacts = func(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
			q.After = ""
			return s.Store.ListContacts(ctx, q)
		}
	}},
	{"resolves emails with case", "events/an email finds its contact in any case", resolveWithCase},
	{"lets no contact leave a segment", "segments/are joined and left", func(s *faulty) {
		s.changing = func(ch *automation.ContactChange) { ch.RemoveSegments = nil }
	}},
	{"writes over a segment", "segments/an id is used once", func(s *faulty) {
		s.insertSegment = func(ctx context.Context, seg automation.Segment) error {
			_ = s.Store.DeleteSegment(ctx, seg.ID)
			return s.Store.InsertSegment(ctx, seg)
		}
	}},
	{"forgets the new name of a segment", "segments/are renamed", func(s *faulty) {
		s.renameSegment = func(ctx context.Context, id, name string) (automation.Segment, error) {
			seg, err := s.Store.FindSegment(ctx, id)
			seg.Name = name
			return seg, err
		}
	}},
	{"defines a property twice", "properties/a key and an id are used once", func(s *faulty) {
		s.insertProperty = func(ctx context.Context, p automation.ContactProperty) error {
			if old, err := s.FindContactProperty(ctx, p.Key); err == nil {
				_ = s.Store.DeleteContactProperty(ctx, old.ID)
			}
			return s.Store.InsertContactProperty(ctx, p)
		}
	}},
	{"finds no property by its key", "properties/are kept, changed and deleted", func(s *faulty) {
		s.foundProperty = func(p *automation.ContactProperty, idOrKey string) error {
			if idOrKey == p.Key {
				return automation.ErrNotFound
			}
			return nil
		}
	}},
	{"reads fallbacks as floats", "properties/are kept, changed and deleted", func(s *faulty) {
		s.foundProperty = func(p *automation.ContactProperty, _ string) error {
			if n, ok := p.Fallback.(json.Number); ok {
				f, _ := n.Float64()
				p.Fallback = f
			}
			return nil
		}
	}},
	{"leaves runs of a deleted contact asleep", "deleted contacts/their running runs get a request to cancel", func(s *faulty) {
		s.deleteContact = func(ctx context.Context, id string, _ time.Time) error {
			return s.Store.DeleteContact(ctx, id, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
		}
	}},
	{"ignores the hash of a key", "keys/another event with the same key is a conflict", func(s *faulty) {
		s.appending = eachEvent(func(e *automation.NewEvent) { e.ContentHash = "" })
	}},
	{"never lets a key expire", "keys/expire", func(s *faulty) {
		s.appending = eachEvent(func(e *automation.NewEvent) { e.KeyExpiresAt = e.KeyExpiresAt.AddDate(1, 0, 0) })
	}},
	{"keeps keys across names", "keys/belong to the name of the event", func(s *faulty) {
		s.appending = eachEvent(func(e *automation.NewEvent) { e.Event.Name = "any" })
	}},
	{"counts the cursor among the page", "runs/are listed in pages", countCursor},
	{"reports more after every full page", "runs/are listed in pages", func(s *faulty) {
		s.listedRuns = func(_ context.Context, q automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			p.HasMore = len(p.Data) == q.Limit
			return p, nil
		}
	}},
	{"leaves errors out of lists", "runs/every filter", func(s *faulty) {
		s.listedRuns = func(_ context.Context, _ automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			for i := range p.Data {
				p.Data[i].Error = nil
			}
			return p, nil
		}
	}},
	{"ignores the code of errors", "runs/every filter", func(s *faulty) {
		s.listedRuns = func(ctx context.Context, q automation.RunQuery, _ automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			q.ErrorCode = ""
			return s.Store.ListRuns(ctx, q)
		}
	}},
	{"compares codes up to a quote", "runs/with one code are listed in pages", func(s *faulty) {
		s.listedRuns = func(ctx context.Context, q automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			if before, _, quoted := strings.Cut(string(q.ErrorCode), `"`); quoted {
				q.ErrorCode = automation.StepErrorCode(before)
				return s.Store.ListRuns(ctx, q)
			}
			return p, nil
		}
	}},
	{"lists runs that ended in the order of creation", "runs/by their end are listed in pages", func(s *faulty) {
		s.listedRuns = func(_ context.Context, _ automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			slices.SortFunc(p.Data, func(a, b automation.RunRecord) int { return b.CreatedAt.Compare(a.CreatedAt) })
			return p, nil
		}
	}},
	{"requires the cursor to have ended", "runs/a run that has not ended is newer than all that have", func(s *faulty) {
		s.listedRuns = func(ctx context.Context, q automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
			if r, err := s.Store.FindRun(ctx, q.After+q.Before); err == nil && q.ByCompletion() && r.CompletedAt.IsZero() {
				return p, automation.ErrNotFound
			}
			return p, nil
		}
	}},
	{"requires the cursor to match", "runs/a cursor need not match the filter", matchCursor},
	{"overwrites concurrent updates", "automations/change by revision", func(s *faulty) {
		s.updating = func(ctx context.Context, a *automation.AutomationRecord) {
			if old, err := s.FindAutomation(ctx, a.ID); err == nil {
				a.Revision = old.Revision + 1
			}
		}
	}},
	{"forgets who made a version", "versions/have a time and an author, which no later update changes", func(s *faulty) {
		s.foundVersion = func(_ context.Context, v *automation.VersionRecord) error {
			v.Author = ""
			return nil
		}
	}},
	{"keeps the name of a deleted automation", "versions/the current one is marked, none of a deleted automation", func(s *faulty) {
		names := map[string]string{}
		s.foundVersion = func(_ context.Context, v *automation.VersionRecord) error {
			names[v.AutomationID] = cmp.Or(v.Name, names[v.AutomationID])
			v.Name = names[v.AutomationID]
			return nil
		}
	}},
	{"does not name the automation of a version", "versions/have a time and an author, which no later update changes", func(s *faulty) {
		s.foundVersion = func(_ context.Context, v *automation.VersionRecord) error {
			v.Name = ""
			return nil
		}
	}},
	{"takes the last change of an automation for the time of its version", "versions/have a time and an author, which no later update changes", func(s *faulty) {
		s.foundVersion = func(ctx context.Context, v *automation.VersionRecord) error {
			a, err := s.Store.FindAutomation(ctx, v.AutomationID)
			v.CreatedAt = a.UpdatedAt
			return err
		}
	}},
	{"takes an automation without versions for one on which the page is empty", "versions/are listed in pages", func(s *faulty) {
		s.listedVersions = func(p automation.Page[automation.VersionRecord], _ error) (automation.Page[automation.VersionRecord], error) {
			return p, nil
		}
	}},
	{"takes every version for the current one", "versions/the current one is marked, none of a deleted automation", func(s *faulty) {
		s.foundVersion = func(_ context.Context, v *automation.VersionRecord) error {
			v.Current = true
			return nil
		}
	}},
	{"prunes every version without runs", "prune/removes versions that nothing uses, except for the newest", func(s *faulty) {
		pruned := false
		s.pruning = func(*automation.PruneParams) { pruned = true }
		s.foundVersion = func(ctx context.Context, v *automation.VersionRecord) error {
			counts, err := s.CountRuns(ctx, v.AutomationID)
			unused := !slices.ContainsFunc(counts, func(c automation.RunCount) bool { return c.Version == v.Version })
			if pruned && unused && !v.Current {
				return automation.ErrNotFound
			}
			return err
		}
	}},
	{"prunes without bound", "prune/is bounded", func(s *faulty) {
		s.pruning = func(p *automation.PruneParams) { p.Limit = 1000 }
	}},
	{"counts what another pruner removed", "prune/pruners at once remove each run once", func(s *faulty) {
		s.pruned = func(res *automation.PruneResult) {
			if res.Runs > 0 {
				res.Runs++
			}
		}
	}},
	{"prunes runs that ended at the time", "prune/removes runs that ended before", func(s *faulty) {
		s.pruning = func(p *automation.PruneParams) { p.Before = p.Before.Add(time.Second) }
	}},
	{"takes sleeping runs for due", "stats/there is no work in what sleeps, waits or has ended", func(s *faulty) {
		s.measuring = func(p *automation.StatsParams) { p.Now = p.Now.Add(time.Hour) }
	}},
	{"counts without bound", "stats/counts end at the limit", func(s *faulty) {
		s.measuring = func(p *automation.StatsParams) { p.Limit = 1000 }
	}},
	{"takes work under a lease for overdue", "stats/the oldest due work is that of the contact without a lease", func(s *faulty) {
		s.measured = func(_ automation.StatsParams, st *automation.StoreStats) {
			if !st.OldestLeased.IsZero() && (st.OldestDue.IsZero() || st.OldestLeased.Before(st.OldestDue)) {
				st.OldestDue = st.OldestLeased
			}
		}
	}},
	{"takes the end of a lease for the time when its work was due", "stats/the work of an expired lease is due since before the lease", func(s *faulty) {
		s.measured = func(p automation.StatsParams, st *automation.StoreStats) {
			if st.ExpiredLeases > 0 {
				st.OldestDue, _ = s.Store.NextDue(context.Background())
			}
		}
	}},
	{"misses runs in leases", "stats/a run that has not slept is due like any other", func(s *faulty) {
		s.measured = func(_ automation.StatsParams, st *automation.StoreStats) {
			if st.Leases > 0 {
				st.DueRuns = 0
			}
		}
	}},
	{"finds set-aside runs only when they are due", "stats/runs that were set aside are counted until they are decoded", func(s *faulty) {
		s.measuring = func(p *automation.StatsParams) { p.SetAsideUntil = p.Now }
	}},
	{"ignores the context", "closing/a context that has ended stops every method", func(s *faulty) {
		s.appendEvents = func(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
			return s.Store.AppendEvents(context.WithoutCancel(ctx), events)
		}
	}},
	{"accepts calls after it was closed", "closing/every method of a closed store fails", func(s *faulty) {
		s.appendEvents = func(context.Context, []automation.NewEvent) ([]automation.EventReceipt, error) { return nil, nil }
	}},
}

func eachWork(do func(w *automation.Work)) func([]automation.Work) []automation.Work {
	return func(works []automation.Work) []automation.Work {
		for i := range works {
			do(&works[i])
		}
		return works
	}
}

func eachTransition(do func(t *automation.Transition)) func([]automation.Transition) []automation.Transition {
	return func(ts []automation.Transition) []automation.Transition {
		for i := range ts {
			do(&ts[i])
		}
		return ts
	}
}

func eachRun(do func(r *automation.RunChange)) func([]automation.Transition) []automation.Transition {
	return eachTransition(func(t *automation.Transition) {
		t.Runs = slices.Clone(t.Runs)
		for i := range t.Runs {
			do(&t.Runs[i])
		}
	})
}

func eachEvent(do func(e *automation.NewEvent)) func([]automation.NewEvent) []automation.NewEvent {
	return func(events []automation.NewEvent) []automation.NewEvent {
		for i := range events {
			do(&events[i])
		}
		return events
	}
}

func eachProjectedEvent(do func(e *automation.ProjectedEvent)) func(s *faulty) {
	return func(s *faulty) {
		s.projecting = func(p *automation.Projection) {
			p.Events = slices.Clone(p.Events)
			for i := range p.Events {
				do(&p.Events[i])
			}
		}
	}
}

func eachProjectedRun(do func(r *automation.RunChange)) func(*automation.Projection) {
	return func(p *automation.Projection) {
		p.Runs = slices.Clone(p.Runs)
		for i := range p.Runs {
			do(&p.Runs[i])
		}
	}
}

// projectAnyway projects from wherever the source is.
func projectAnyway(s *faulty) {
	s.project = func(ctx context.Context, p automation.Projection) error {
		for {
			err := s.Store.Project(ctx, p)
			if !errors.Is(err, automation.ErrConflict) {
				return err
			}
			if p.After, err = s.Store.ProjectedTo(ctx, p.Source); err != nil {
				return err
			}
			p.Sequence = max(p.Sequence, p.After+1)
		}
	}
}

// countReplaced counts a run where it is, and where it was before it was replaced.
func countReplaced(s *faulty) {
	replaced := 0
	s.project = func(ctx context.Context, p automation.Projection) error {
		for _, r := range p.Runs {
			if _, err := s.Store.FindRun(ctx, r.ID); err == nil {
				replaced++
			}
		}
		return s.Store.Project(ctx, p)
	}
	s.countRuns = func(ctx context.Context, ids []string) ([]automation.RunCount, error) {
		counts, err := s.Store.CountRuns(ctx, ids...)
		if len(counts) > 0 {
			counts[0].Count += replaced
		}
		return counts, err
	}
}

// listAsProjected lists runs in the order in which they were projected.
func listAsProjected(s *faulty) {
	place := map[string]int{}
	s.projecting = eachProjectedRun(func(r *automation.RunChange) { place[r.ID] = len(place) })
	s.listedRuns = func(_ context.Context, _ automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
		slices.SortFunc(p.Data, func(a, b automation.RunRecord) int { return place[b.ID] - place[a.ID] })
		return p, nil
	}
}

// tokens remembers the latest token of each contact.
func tokens(s *faulty) map[automation.ContactRef]int64 {
	latest := map[automation.ContactRef]int64{}
	s.claimed = eachWork(func(w *automation.Work) { latest[w.Key] = w.Token })
	return latest
}

func ignoreToken(s *faulty) {
	latest := tokens(s)
	s.committing = eachTransition(func(t *automation.Transition) { t.Token = latest[t.Key] })
}

func releaseOnStale(s *faulty) {
	latest := tokens(s)
	s.committed = func(ctx context.Context, ts []automation.Transition, results []automation.CommitResult) {
		for i, t := range ts {
			if errors.Is(results[i].Err, automation.ErrLeaseLost) && t.Release {
				owner := automation.Transition{Key: t.Key, Token: latest[t.Key], Now: t.Now, Release: true}
				_, _ = s.Store.Commit(ctx, []automation.Transition{owner})
			}
		}
	}
}

// ignoreRelease accepts commits under a lease that was released.
func ignoreRelease(s *faulty) {
	s.committed = func(ctx context.Context, ts []automation.Transition, results []automation.CommitResult) {
		for i, t := range ts {
			if !errors.Is(results[i].Err, automation.ErrLeaseLost) {
				continue
			}
			works, err := s.Store.Claim(ctx, automation.ClaimParams{Now: t.Now, Lease: time.Minute, Contact: t.Key})
			if err != nil || len(works) == 0 {
				continue
			}
			t.Token = works[0].Token
			again, _ := s.Store.Commit(ctx, []automation.Transition{t})
			results[i] = again[0]
		}
	}
}

func keepLease(s *faulty) {
	s.committing = eachTransition(func(t *automation.Transition) {
		if t.Release {
			t.Release, t.Extend = false, t.Now.Add(time.Hour)
		}
	})
}

// claimTwice returns the work of each claim to the next claim too.
func claimTwice(s *faulty) {
	var last []automation.Work
	s.claimed = func(works []automation.Work) []automation.Work {
		if len(works) == 0 {
			works, last = last, nil
			return works
		}
		last = works
		return works
	}
}

func skipOlder(s *faulty) {
	var seen time.Time
	s.claimed = eachWork(func(w *automation.Work) {
		w.Events = slices.DeleteFunc(w.Events, func(e automation.PendingEvent) bool { return e.AcceptedAt.Before(seen) })
		for _, e := range w.Events {
			seen = e.AcceptedAt
		}
	})
}

func appendOneByOne(s *faulty) {
	s.appendEvents = func(ctx context.Context, events []automation.NewEvent) (receipts []automation.EventReceipt, err error) {
		for i := range events {
			r, err := s.Store.AppendEvents(ctx, events[i:i+1])
			if err != nil {
				return nil, err
			}
			receipts = append(receipts, r...)
		}
		return receipts, nil
	}
}

// matchLaterEvents matches a wait only with events that are appended after it.
func matchLaterEvents(s *faulty) {
	appended, armed, clock := map[string]int{}, map[string]int{}, 0
	s.appending = eachEvent(func(e *automation.NewEvent) { clock++; appended[e.Event.ID] = clock })
	s.committing = eachTransition(func(t *automation.Transition) {
		for _, r := range t.Runs {
			clock++
			armed[r.ID] = clock
		}
	})
	s.claimed = eachWork(func(w *automation.Work) {
		w.Runs = slices.DeleteFunc(w.Runs, func(r automation.ClaimedRun) bool {
			return len(r.Listens) > 0 && slices.ContainsFunc(w.Events, func(e automation.PendingEvent) bool { return appended[e.ID] < armed[r.ID] })
		})
	})
}

// matchLaterEventsInRace is matchLaterEvents with a commit of the wait that always comes
// after the append of its event.
func matchLaterEventsInRace(s *faulty) {
	matchLaterEvents(s)
	pings := make(chan struct{}, 100)
	appending, committing := s.appending, s.committing
	s.appending = func(events []automation.NewEvent) []automation.NewEvent {
		if events[0].Event.Name == "ping" {
			pings <- struct{}{}
		}
		return appending(events)
	}
	s.committing = func(ts []automation.Transition) []automation.Transition {
		if len(ts[0].Runs) > 0 && slices.Equal(ts[0].Runs[0].Listens, []string{"ping"}) {
			s.mu.Unlock()
			<-pings
			s.mu.Lock()
		}
		return committing(ts)
	}
}

// writeHalf writes a part of each transition that it refuses.
func writeHalf(s *faulty) {
	s.committed = func(ctx context.Context, ts []automation.Transition, results []automation.CommitResult) {
		for i, t := range ts {
			if errors.Is(results[i].Err, automation.ErrConflict) {
				t.Runs, t.Release, t.Extend = nil, false, t.Now.Add(time.Minute)
				_, _ = s.Store.Commit(ctx, []automation.Transition{t})
			}
		}
	}
}

// rememberOutputs keeps outputs whatever becomes of their transitions and runs.
func rememberOutputs(s *faulty) {
	latest := map[string][]automation.StepOutput{}
	s.committing = eachRun(func(r *automation.RunChange) { latest[r.ID] = r.Outputs })
	s.foundOutputs = func(runID string, _ []automation.StepOutput) []automation.StepOutput { return latest[runID] }
}

func startTwice(s *faulty) {
	written := map[string]bool{}
	s.committing = eachTransition(func(t *automation.Transition) {
		t.Runs = slices.Clone(t.Runs)
		for i := range t.Runs {
			r := &t.Runs[i]
			if r.New && written[r.ID] {
				r.ID = "another " + r.ID
			}
			written[r.ID] = true
		}
	})
}

func returnHeld(s *faulty) {
	held := map[string]json.RawMessage{}
	s.foundEvent = func(e *automation.Event) {
		if held[e.ID] == nil {
			held[e.ID] = e.Payload
		}
		e.Payload = held[e.ID]
	}
}

func resolveWithCase(s *faulty) {
	s.appendEvents = func(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
		events = slices.Clone(events)
		for i := range events {
			email := events[i].Event.Email
			c, err := s.Store.FindContact(ctx, automation.ContactRef{Email: email})
			events[i].HostContact = email != "" && (err != nil || c.Email != email)
		}
		return s.Store.AppendEvents(ctx, events)
	}
}

func countCursor(s *faulty) {
	s.listedRuns = func(ctx context.Context, q automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
		if q.After == "" {
			return p, nil
		}
		r, err := s.Store.FindRun(ctx, q.After)
		p.Data = slices.Insert(p.Data, 0, r)
		return p, err
	}
}

func matchCursor(s *faulty) {
	s.listedRuns = func(ctx context.Context, q automation.RunQuery, p automation.Page[automation.RunRecord]) (automation.Page[automation.RunRecord], error) {
		r, err := s.Store.FindRun(ctx, q.After+q.Before)
		if err == nil && len(q.Statuses) > 0 && !slices.Contains(q.Statuses, r.Status) {
			return p, automation.ErrNotFound
		}
		return p, nil
	}
}

// likePrefix ignores % at the end of a prefix, as a pattern does.
func likePrefix(s *faulty) {
	s.listContacts = func(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
		if prefix := strings.TrimRight(q.EmailPrefix, "%"); prefix != "" {
			q.EmailPrefix = prefix
		}
		return s.Store.ListContacts(ctx, q)
	}
}

func exactPrefix(s *faulty) {
	s.listContacts = func(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
		p, err := s.Store.ListContacts(ctx, q)
		p.Data = slices.DeleteFunc(p.Data, func(c automation.Contact) bool { return !strings.HasPrefix(c.Email, q.EmailPrefix) })
		return p, err
	}
}

// withoutEvents leaves those events out of projections that the store has and that match.
func withoutEvents(s *faulty, match func(e automation.EventRecord) bool) func(p *automation.Projection) {
	return func(p *automation.Projection) {
		p.Events = slices.DeleteFunc(slices.Clone(p.Events), func(e automation.ProjectedEvent) bool {
			known, err := s.Store.FindEvent(context.Background(), e.Event.ID)
			return err == nil && match(known)
		})
	}
}
