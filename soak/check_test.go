//go:build unix

package soak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// audit compares the content of a store, after all work is done, with the ledger. It
// collects all problems instead of failing at the first.
type audit struct {
	ctx      context.Context
	store    automation.Store
	runner   *automation.Runner
	ledger   *ledger
	accepted map[string]time.Time     // when the store accepted each event
	people   map[string]*personRecord // by contact id
	runs     []automation.Run         // with steps
	seen     map[string]int           // runs by "<automation> <event>"
	branches map[automation.ConnectionType]int
	problems []error
}

// personRecord is what a contact must look like after its runs.
type personRecord struct {
	person  int
	contact automation.Contact
	events  []*sent // in the order in which they were sent
	last    map[string]int
	gold    bool
}

// check returns the problems of the store and the ledger. Only waits without a time-out may
// still be in progress.
func check(ctx context.Context, store automation.Store, l *ledger) []error {
	runner, err := automation.New(store, noMailer{}, automation.Options{})
	if err != nil {
		return []error{err}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &audit{
		ctx: ctx, store: store, runner: runner, ledger: l,
		accepted: map[string]time.Time{}, people: map[string]*personRecord{}, seen: map[string]int{},
		branches: map[automation.ConnectionType]int{},
		problems: slices.Clone(l.problems),
	}
	for _, step := range []func() error{a.readEvents, a.readPeople, a.readRuns} {
		if err := step(); err != nil {
			return append(a.problems, fmt.Errorf("read the store: %w", err))
		}
	}
	a.checkStarts()
	for i := range a.runs {
		a.checkRun(&a.runs[i])
	}
	a.checkOrder()
	a.checkEmails()
	a.checkContacts()
	a.checkCounts()
	a.checkLeases()
	a.checkKeys()
	return a.problems
}

func (a *audit) problem(format string, args ...any) {
	a.problems = append(a.problems, fmt.Errorf(format, args...))
}

func (a *audit) readEvents() error {
	for id := range a.ledger.events {
		e, err := a.store.FindEvent(a.ctx, id)
		if err != nil {
			a.problem("the store accepted event %s and does not have it: %w", id, err)
		}
		a.accepted[id] = e.AcceptedAt
	}
	return nil
}

// readPeople reads the contacts. A person without any event has no contact.
func (a *audit) readPeople() error {
	for _, s := range a.ledger.scripts {
		c, err := a.runner.GetContact(a.ctx, automation.ContactRef{Email: address(s.person)})
		if errors.Is(err, automation.ErrNotFound) && s.n == 0 {
			continue
		}
		if err != nil {
			return err
		}
		a.people[c.ID] = &personRecord{person: s.person, contact: c, events: a.eventsOf(s.person), last: map[string]int{}}
	}
	return nil
}

func (a *audit) eventsOf(person int) []*sent {
	var events []*sent
	for _, e := range a.ledger.events {
		if e.Person == person {
			events = append(events, e)
		}
	}
	slices.SortFunc(events, func(x, y *sent) int { return cmp.Compare(x.N, y.N) })
	return events
}

// readRuns reads all runs.
func (a *audit) readRuns() error {
	for _, flow := range flows() {
		for listed, err := range automation.Each(a.ctx, a.runner.ListRuns, automation.RunQuery{AutomationID: flow.ID}) {
			if err != nil {
				return err
			}
			run, err := a.runner.GetRun(a.ctx, listed.ID)
			if err != nil {
				return err
			}
			a.runs = append(a.runs, run)
			a.seen[run.AutomationID+" "+run.EventID]++
		}
	}
	slices.Reverse(a.runs) // oldest first, automation by automation
	return nil
}

// checkStarts checks that every accepted event started each of its runs once.
func (a *audit) checkStarts() {
	expected := map[string]int{}
	for id, e := range a.ledger.events {
		for _, flow := range startedBy[e.Name] {
			expected[flow+" "+id] = 1
		}
	}
	for start, n := range expected {
		if a.seen[start] != n {
			a.problem("automation and event %s: %d runs instead of one", start, a.seen[start])
		}
	}
	for start := range a.seen {
		if expected[start] == 0 {
			a.problem("automation and event %s: a run that no event started", start)
		}
	}
}

// checkOrder checks that the events of a contact were handled in the order in which they
// were sent: on each node, and by the times at which their runs began.
func (a *audit) checkOrder() {
	for node, handled := range a.ledger.handled {
		last := map[int]int{}
		for _, id := range handled {
			if e := a.ledger.events[id]; e != nil {
				if e.N <= last[e.Person] {
					a.problem("node %s handled event %d of person %d after event %d", node, e.N, e.Person, last[e.Person])
				}
				last[e.Person] = e.N
			}
		}
	}
	type line struct{ automation, contact string }
	last := map[line]*automation.Run{}
	runs := slices.Clone(a.runs)
	slices.SortStableFunc(runs, func(x, y automation.Run) int {
		return cmp.Compare(a.numberOf(&x), a.numberOf(&y))
	})
	for i := range runs {
		run := &runs[i]
		l := line{run.AutomationID, run.ContactID}
		if before := last[l]; before != nil && run.CreatedAt.Before(before.CreatedAt) {
			a.problem("run %s for event %d began before run %s for event %d", run.ID, a.numberOf(run), before.ID, a.numberOf(before))
		}
		last[l] = run
	}
}

func (a *audit) numberOf(run *automation.Run) int {
	if e := a.ledger.events[run.EventID]; e != nil {
		return e.N
	}
	return 0
}

// checkEmails checks that every email that arrived belongs to a step.
func (a *audit) checkEmails() {
	steps := map[string]automation.StepRun{}
	for _, run := range a.runs {
		for _, s := range run.Steps {
			steps["run/"+run.ID+"/"+s.Key] = s
		}
	}
	for key, d := range a.ledger.emails {
		s, ok := steps[key]
		unknown := d.Once && s.Error != nil && s.Error.Code == automation.FailedUnknown
		// A run that ends early does not repeat an attempt that was cut off.
		cutOff := s.Status == automation.StepCancelled && len(s.Attempts) > 0
		if !ok || s.Status != automation.StepCompleted && !unknown && !cutOff {
			a.problem("email %s arrived, and its step is %q", key, s.Status)
		}
	}
}

// checkContacts checks that every change was made, and the latest change last.
func (a *audit) checkContacts() {
	for _, p := range a.people {
		got := map[string]int{}
		for name, v := range p.contact.Properties {
			var n int
			if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
				a.problem("contact %s: property %s is %v", p.contact.ID, name, v)
			}
			got[name] = n
		}
		if !maps.Equal(got, p.last) {
			a.problem("contact %s has properties %v instead of %v", p.contact.ID, got, p.last)
		}
		var segments []string
		if p.gold {
			segments = []string{goldSegment}
		}
		if !slices.Equal(p.contact.Segments, segments) {
			a.problem("contact %s is in segments %v instead of %v", p.contact.ID, p.contact.Segments, segments)
		}
	}
}

// checkCounts checks that the counters equal the counts of the runs that were read.
func (a *audit) checkCounts() {
	for _, flow := range flows() {
		counted := map[automation.RunCount]int{}
		for _, run := range a.runs {
			if run.AutomationID == flow.ID {
				counted[automation.RunCount{Version: run.Version, Step: run.Step, Status: run.Status}]++
			}
		}
		counts, err := a.runner.CountRuns(a.ctx, flow.ID)
		if err != nil {
			a.problem("counting runs: %w", err)
		}
		kept := map[automation.RunCount]int{}
		for _, c := range counts {
			kept[automation.RunCount{Version: c.Version, Step: c.Step, Status: c.Status}] = c.Count
		}
		if !maps.Equal(counted, kept) {
			a.problem("automation %s: the counters are %v, counting gives %v", flow.ID, kept, counted)
		}
	}
}

// checkLeases checks that no contact is leased and no contact has work left.
func (a *audit) checkLeases() {
	if due, err := a.store.NextDue(a.ctx); err != nil || !due.IsZero() {
		a.problem("something is due at %s: %v", due, err)
	}
	for id := range a.people {
		ref := automation.ContactRef{ID: id}
		now := time.Now().UTC()
		works, err := a.store.Claim(a.ctx, automation.ClaimParams{Now: now, Lease: lease, Limit: 1, Events: 1, Runs: 1, Contact: ref})
		if err != nil || len(works) != 1 {
			a.problem("contact %s is still leased: %v", id, err)
			continue
		}
		if len(works[0].Events) > 0 || len(works[0].Runs) > 0 {
			a.problem("contact %s has work left: %+v", id, works[0])
		}
		results, err := a.store.Commit(a.ctx, []automation.Transition{{Key: ref, Token: works[0].Token, Now: now, Release: true}})
		if err == nil {
			err = results[0].Err
		}
		if err != nil {
			a.problem("contact %s cannot be released: %w", id, err)
		}
	}
}

// checkKeys checks that sending an accepted event again, with its key, has no effect.
func (a *audit) checkKeys() {
	for id, e := range a.ledger.events {
		receipts, err := a.runner.Send(a.ctx, e.event())
		if err != nil || !receipts[0].Duplicate || receipts[0].ID != id {
			a.problem("event %s with key %s is accepted again: %+v, %v", id, e.SendKey, receipts, err)
		}
	}
}

// noMailer is the mailer of a Runner that sends no email.
type noMailer struct{}

func (noMailer) SendEmail(context.Context, automation.Email) (string, error) {
	return "", errors.New("this Runner sends no email")
}
