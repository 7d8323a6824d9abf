package enginetest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seed-b636437c/automation"
)

// faults are the faults of engines, each with a check that must find it.
var faults = []struct {
	name, check string
	fault       func(f *faulty)
}{
	{"drops every 7th event", "branches/a condition takes exactly one", func(f *faulty) {
		n := 0
		f.appending = func(events []automation.NewEvent) ([]automation.EventReceipt, error) {
			receipts := make([]automation.EventReceipt, len(events))
			for i, e := range events {
				receipts[i].ID = e.Event.ID
			}
			kept := slices.DeleteFunc(events, func(automation.NewEvent) bool { n++; return n%7 == 0 })
			_, err := f.Store.AppendEvents(context.Background(), kept)
			return receipts, err
		}
	}},
	{"handles events without their runs", "branches/a condition takes exactly one", func(f *faulty) {
		n := 0
		f.claimed = eachEvent(func(e *automation.PendingEvent) {
			if n++; n%7 == 0 {
				e.Starts = nil
			}
		})
	}},
	{"handles the events of a contact in reverse", "order/events of a contact are handled as they were accepted", func(f *faulty) {
		f.claimed = func(works []automation.Work) {
			for i := range works {
				slices.Reverse(works[i].Events)
			}
		}
	}},
	{"starts a run twice", "branches/a condition takes exactly one", func(f *faulty) {
		f.claimed = eachEvent(func(e *automation.PendingEvent) { e.Starts = append(slices.Clone(e.Starts), e.Starts...) })
	}},
	{"forgets requests", "requests/a run that sleeps is cancelled at once", func(f *faulty) {
		f.requested = func(id string) (automation.RunRecord, error) { return f.FindRun(context.Background(), id) }
	}},
	{"forgets requests to retry", "requests/a failed run goes on from the step that failed", func(f *faulty) {
		f.requested = func(id string) (automation.RunRecord, error) { return f.FindRun(context.Background(), id) }
	}},
	{"forgets requests during an effect", "requests/a run is cancelled during an effect, after its outcome", func(f *faulty) {
		f.requested = func(id string) (automation.RunRecord, error) { return f.FindRun(context.Background(), id) }
	}},
	{"cancels no runs of a stopped automation", "requests/all runs of an automation are cancelled when it is stopped", func(f *faulty) {
		f.cancelRuns = func() int { return 0 }
	}},
	{"ignores that an automation is disabled", "changes/no run starts after an automation was disabled", func(f *faulty) {
		f.updating = func(a automation.AutomationRecord) error {
			a.Status = automation.StatusEnabled
			return f.Store.UpdateAutomation(context.Background(), a)
		}
	}},
	{"disables a moment later", "changes/no run starts after an automation was disabled", func(f *faulty) {
		f.updating = func(a automation.AutomationRecord) error {
			time.AfterFunc(500*time.Millisecond, func() { _ = f.Store.UpdateAutomation(context.Background(), a) })
			return nil
		}
	}},
	{"moves runs to the current version", "changes/a run stays on its version, and later events start the new one", func(f *faulty) {
		f.claimed = eachRun(func(r *automation.ClaimedRun) {
			if a, err := f.FindAutomation(context.Background(), r.AutomationID); err == nil {
				r.Version = a.Version
			}
		})
	}},
	{"performs effects before the commit", "fence/processes at once perform each effect once", func(f *faulty) {
		f.commit = f.commitOutcomesOnly
	}},
	{"hands every email over twice", "fence/processes at once perform each effect once", func(f *faulty) {
		f.mailer = wrapped(func(ctx context.Context, e automation.Email, next automation.Mailer) (string, error) {
			_, _ = next.SendEmail(ctx, e)
			return next.SendEmail(ctx, e)
		})
	}},
	{"loses lookback", "waits/lookback finds an event that came since the run started", func(f *faulty) {
		f.contactEvents = func() []automation.Event { return nil }
	}},
	{"loses lookback in a race", "waits/no wake-up is lost when an event and a wait come at once", func(f *faulty) {
		f.claimed = func(works []automation.Work) { // a payment that comes together with a signup is lost
			for i := range works {
				w := &works[i]
				signup := slices.ContainsFunc(w.Events, func(e automation.PendingEvent) bool { return e.Name == "signup" })
				for k := range w.Events {
					if e := &w.Events[k]; signup && e.Name == "paid" {
						e.Name = "lost"
					}
				}
			}
		}
		f.contactEvents = func() []automation.Event { return nil }
	}},
	{"loses wake-ups", "waits/an event right after the start of a wait resumes it", func(f *faulty) {
		n := 0
		f.claimed = eachRun(func(r *automation.ClaimedRun) {
			if n++; n%20 == 0 && len(r.Listens) > 0 {
				r.State = nil // the run cannot be decoded
			}
		})
	}},
	{"lets a timeout win over an earlier event", "branches/an event in time wins over the timeout, however late both are handled", func(f *faulty) {
		f.claimed = func(works []automation.Work) {
			for i := range works {
				if slices.ContainsFunc(works[i].Runs, func(r automation.ClaimedRun) bool { return !r.DueAt.IsZero() && !r.DueAt.After(time.Now()) }) {
					works[i].Events = nil
				}
			}
		}
	}},
	{"loses changes to contacts", "contacts/later steps see what a step changed", loseChanges},
	{"loses changes before the next event", "order/a change to the contact is read by the runs of later events", loseChanges},
	{"makes a contact for every event", "contacts/an event that starts nothing makes no contact", func(f *faulty) {
		f.appending = func(events []automation.NewEvent) ([]automation.EventReceipt, error) {
			for _, e := range events {
				_ = f.InsertContact(context.Background(), automation.Contact{ID: e.Event.ID, Email: e.Event.Email})
			}
			return f.Store.AppendEvents(context.Background(), events)
		}
	}},
	{"forgets keys", "sends/a key makes a repeat harmless", func(f *faulty) {
		f.appending = eachNew(f, func(e *automation.NewEvent) { e.Event.IdempotencyKey = "" })
	}},
	{"forgets keys of events at once", "sends/at once with one key are accepted once", func(f *faulty) {
		f.appending = eachNew(f, func(e *automation.NewEvent) { e.Event.IdempotencyKey = "" })
	}},
	{"compares no content", "sends/a key with another content is refused", func(f *faulty) {
		f.appending = eachNew(f, func(e *automation.NewEvent) { e.ContentHash = "" })
	}},
	{"keeps half of a Send that fails", "sends/of several contacts are all or nothing, and can be repeated", func(f *faulty) {
		f.appending = func(events []automation.NewEvent) (all []automation.EventReceipt, err error) {
			for i := range events {
				receipts, err := f.Store.AppendEvents(context.Background(), events[i:i+1])
				if err != nil {
					return nil, err
				}
				all = append(all, receipts...)
			}
			return all, nil
		}
	}},
	{"lists a moment later", "history/runs are listed by what they are, newest first and page by page", func(f *faulty) {
		f.listedRuns = func(p *automation.Page[automation.RunRecord]) {
			p.Data = slices.DeleteFunc(p.Data, func(r automation.RunRecord) bool { return time.Since(r.CreatedAt) < 500*time.Millisecond })
		}
	}},
	{"forgets what an event resumed", "waits/one event resumes all runs that wait for it", func(f *faulty) {
		f.committing = eachTransition(func(t *automation.Transition) {
			t.Handled = slices.Clone(t.Handled)
			for i := range t.Handled {
				t.Handled[i].Resumed = nil
			}
		})
	}},
	{"forgets why an event did nothing", "history/events show what became of them", func(f *faulty) {
		f.committing = eachTransition(func(t *automation.Transition) {
			t.Handled = slices.Clone(t.Handled)
			for i := range t.Handled {
				t.Handled[i].Reason = ""
			}
		})
	}},
	{"erases nothing", "erasing/removes the data of a contact and cancels its runs", func(f *faulty) {
		f.committing = eachTransition(func(t *automation.Transition) { t.Erase, t.EraseEmail = false, "" })
	}},
	{"loses large outputs", "scale/large payloads and outputs stay whole", func(f *faulty) {
		f.outputs = func() []automation.StepOutput { return nil }
	}},
	{"resumes few of many runs", "scale/a thousand runs of one contact start and are resumed by one event", func(f *faulty) {
		f.claimed = func(works []automation.Work) {
			for i := range works {
				works[i].Runs = works[i].Runs[:min(100, len(works[i].Runs))]
			}
		}
	}},
	{"has timers that are early", "timers/fire neither early nor too late", func(f *faulty) {
		f.options = func(o *automation.Options) { o.Clock = fastClock{time.Now()} }
	}},
	{"has timers that never fire", "timers/of one contact fire in their order", func(f *faulty) {
		f.claimed = func(works []automation.Work) {
			for i := range works {
				works[i].Runs = nil
			}
		}
	}},
	{"takes a rate limit for a failure", "outcomes/a rate limit spends no attempt", func(f *faulty) {
		f.mailer = wrapped(func(ctx context.Context, e automation.Email, next automation.Mailer) (string, error) {
			id, err := next.SendEmail(ctx, e)
			if err != nil {
				err = errors.New(err.Error())
			}
			return id, err
		})
	}},
	{"takes an unknown outcome for a failure", "outcomes/an unknown one fails the step under AtMostOnce", func(f *faulty) {
		f.mailer = wrapped(func(ctx context.Context, e automation.Email, next automation.Mailer) (string, error) {
			id, err := next.SendEmail(ctx, e)
			if err != nil {
				err = errors.New(err.Error())
			}
			return id, err
		})
	}},
	{"never repeats an unknown outcome", "outcomes/an unknown one is repeated with the same key under AtLeastOnce", func(f *faulty) {
		f.options = func(o *automation.Options) { o.Delivery = automation.AtMostOnce }
	}},
	{"makes a key for each attempt", "outcomes/a failed attempt is repeated with back-off", func(f *faulty) {
		n := 0
		f.mailer = wrapped(func(ctx context.Context, e automation.Email, next automation.Mailer) (string, error) {
			f.mu.Lock()
			n++
			e.IdempotencyKey += string(rune('0' + n))
			f.mu.Unlock()
			return next.SendEmail(ctx, e)
		})
	}},
	{"tries again at once", "outcomes/a failed attempt is repeated with back-off", func(f *faulty) {
		f.options = func(o *automation.Options) { o.Retry.Initial = time.Millisecond }
	}},
	{"does not stop", "workers/one that stops lets its effects finish, and another goes on", func(f *faulty) {
		f.work = func(tb testing.TB, next func(context.Context) error) func(context.Context) error {
			end, cancel := context.WithCancel(context.Background())
			tb.Cleanup(cancel)
			return func(context.Context) error { return next(end) }
		}
	}},
	{"spends an attempt when it stops", "workers/one that stops hands over effects that do not finish", func(f *faulty) {
		f.mailer = wrapped(func(ctx context.Context, e automation.Email, next automation.Mailer) (string, error) {
			done := make(chan error, 1)
			go func() { _, err := next.SendEmail(ctx, e); done <- err }()
			select {
			case err := <-done:
				if err != nil {
					err = automation.Permanent(err)
				}
				return "email", err
			case <-time.After(50 * time.Millisecond): // the outcome is decided before the stop
				return "", errors.New("stopped")
			}
		})
	}},
	{"starts a run beside one that should keep it out", "entry/a run of the same unit keeps another one from starting", withoutRuns("cart")},
	{"leaves a run running that another one replaces", "entry/a run replaces the running one of its unit", withoutRuns("cart")},
	{"forgets how many runs have started", "entry/no more runs of a unit start than the limit allows", func(f *faulty) {
		f.committing = eachTransition(func(t *automation.Transition) { t.Entries = nil })
	}},
	{"forgets decisions", "entry/only an event that passes the filters starts a run", func(f *faulty) {
		f.committing = eachTransition(func(t *automation.Transition) { t.Decisions = nil })
	}},
	{"knows the first trigger only", "entry/each of several triggers starts runs", func(f *faulty) {
		f.claimed = eachEvent(func(e *automation.PendingEvent) {
			if e.Name != "signup" {
				e.Starts = nil
			}
		})
	}},
	{"ends no runs that an event does not resume", "exits/an event ends the runs that it matches, wherever they are", withoutRuns("paid")},
	{"loses exits during an effect", "exits/an event during an email ends the run after the outcome", goOnAfterExits},
	{"begins effects although events have come", "exits/no email begins after an exit was accepted", goOnAfterExits},
	{"remembers contacts as they were", "exits/a run ends when it acts and its rule does not hold", func(f *faulty) {
		f.claimed = func(works []automation.Work) {
			for i := range works {
				if c := works[i].Contact; c != nil {
					works[i].Contact = &automation.Contact{ID: c.ID, Email: c.Email, CreatedAt: c.CreatedAt}
				}
			}
		}
	}},
	{"has no timers for the age of runs", "exits/a run is cancelled when it is too old", func(f *faulty) {
		f.committing = eachTransition(func(t *automation.Transition) {
			t.Runs = slices.Clone(t.Runs)
			for i := range t.Runs {
				t.Runs[i].DueAt = time.Time{}
			}
		})
	}},
	{"loses what came while a run was failed", "exits/a failed run cannot be retried past an exit", func(f *faulty) {
		f.contactEvents = func() []automation.Event { return nil }
	}},
	{"is silent", "observers/get a notice of each run and each event once", func(f *faulty) {
		f.options = func(o *automation.Options) { o.Observer = nil }
	}},
}

// withoutRuns makes claims that bring events with a name bring no runs.
func withoutRuns(name string) func(f *faulty) {
	return func(f *faulty) {
		f.claimed = func(works []automation.Work) {
			for i := range works {
				if slices.ContainsFunc(works[i].Events, func(e automation.PendingEvent) bool { return e.Name == name }) {
					works[i].Runs = nil
				}
			}
		}
	}
}

// goOnAfterExits answers commits as if no events had come.
func goOnAfterExits(f *faulty) {
	f.commit = func(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
		results, err := f.Store.Commit(ctx, ts)
		for i := range results {
			results[i].Pending = false
		}
		return results, err
	}
}

func loseChanges(f *faulty) {
	f.committing = eachTransition(func(t *automation.Transition) { t.Change = nil })
}

// commitOutcomesOnly answers a commit that opens an attempt as if it were written. It writes
// what comes of the attempt.
func (f *faulty) commitOutcomesOnly(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	results := make([]automation.CommitResult, len(ts))
	for i, t := range ts {
		opens := slices.ContainsFunc(t.Runs, func(r automation.RunChange) bool { return r.New && r.DueAt.Equal(t.Now) })
		if opens {
			c, err := f.FindContact(ctx, t.Key)
			results[i] = automation.CommitResult{Contact: &c, Err: err}
			continue
		}
		one, err := f.Store.Commit(ctx, ts[i:i+1])
		if err != nil {
			return nil, err
		}
		results[i] = one[0]
	}
	return results, nil
}

func eachEvent(change func(e *automation.PendingEvent)) func(works []automation.Work) {
	return func(works []automation.Work) {
		for i := range works {
			for k := range works[i].Events {
				change(&works[i].Events[k])
			}
		}
	}
}

func eachRun(change func(r *automation.ClaimedRun)) func(works []automation.Work) {
	return func(works []automation.Work) {
		for i := range works {
			for k := range works[i].Runs {
				change(&works[i].Runs[k])
			}
		}
	}
}

func eachNew(f *faulty, change func(e *automation.NewEvent)) func(events []automation.NewEvent) ([]automation.EventReceipt, error) {
	return func(events []automation.NewEvent) ([]automation.EventReceipt, error) {
		for i := range events {
			change(&events[i])
		}
		return f.Store.AppendEvents(context.Background(), events)
	}
}

func eachTransition(change func(t *automation.Transition)) func(ts []automation.Transition) []automation.Transition {
	return func(ts []automation.Transition) []automation.Transition {
		for i := range ts {
			change(&ts[i])
		}
		return ts
	}
}

// mailerFunc is a Mailer that is a function.
type mailerFunc func(ctx context.Context, e automation.Email) (string, error)

func (m mailerFunc) SendEmail(ctx context.Context, e automation.Email) (string, error) {
	return m(ctx, e)
}

func wrapped(send func(ctx context.Context, e automation.Email, next automation.Mailer) (string, error)) func(automation.Mailer) automation.Mailer {
	return func(next automation.Mailer) automation.Mailer {
		return mailerFunc(func(ctx context.Context, e automation.Email) (string, error) { return send(ctx, e, next) })
	}
}

// fastClock runs twice as fast as time.
type fastClock struct{ start time.Time }

func (c fastClock) Now() time.Time { return c.start.Add(2 * time.Since(c.start)) }

func (c fastClock) After(d time.Duration) <-chan time.Time { return time.After(d / 2) }
