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
	runs     []automation.Run         // with steps, also those that were pruned
	kept     map[string]bool          // runs that the store has
	found    map[string]bool          // events that the store has
	seen     map[string]int           // runs by "<automation> <event>"
	branches map[automation.ConnectionType]int
	problems []error
}

// personRecord is what a contact of a person must look like after its runs.
type personRecord struct {
	person, life int
	contact      automation.Contact
	events       []*sent // in the order in which they were sent
	gone         *sent   // the removal of the contact, nil if the contact is there
	last         map[string]int
	gold         bool
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
		kept: map[string]bool{}, found: map[string]bool{}, branches: map[automation.ConnectionType]int{},
		problems: slices.Clone(l.problems),
	}
	for _, step := range []func() error{a.readEvents, a.readPeople, a.readGone, a.readRuns, a.readPruned} {
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
	a.checkGone()
	a.checkPruned()
	a.pruneAll()
	return a.problems
}

func (a *audit) problem(format string, args ...any) {
	a.problems = append(a.problems, fmt.Errorf(format, args...))
}

// readEvents reads the events. An event may be pruned if a node has found it to be old enough.
func (a *audit) readEvents() error {
	for id := range a.ledger.events {
		e, err := a.store.FindEvent(a.ctx, id)
		at, old := a.ledger.archive.events[id]
		switch {
		case err == nil:
			a.accepted[id], a.found[id] = e.AcceptedAt, true
		case old && errors.Is(err, automation.ErrNotFound):
			a.accepted[id] = at
		default:
			a.problem("the store accepted event %s and does not have it: %w", id, err)
		}
	}
	return nil
}

// readPeople reads the contacts. A person without any event has no contact.
func (a *audit) readPeople() error {
	for _, s := range a.ledger.scripts {
		c, err := a.runner.GetContact(a.ctx, automation.ContactRef{Email: address(s.person)})
		if errors.Is(err, automation.ErrNotFound) && s.sent == 0 {
			continue
		}
		if err != nil {
			return err
		}
		a.people[c.ID] = a.newRecord(s.person, s.life)
		a.people[c.ID].contact = c
	}
	return nil
}

func (a *audit) newRecord(person, life int) *personRecord {
	p := &personRecord{person: person, life: life, last: map[string]int{}}
	for _, e := range a.ledger.events {
		if e.Person == person && e.Life == life {
			p.events = append(p.events, e)
		}
	}
	slices.SortFunc(p.events, func(x, y *sent) int { return cmp.Compare(x.N, y.N) })
	return p
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
			a.kept[run.ID] = true
			a.seen[run.AutomationID+" "+run.EventID]++
		}
	}
	slices.Reverse(a.runs) // oldest first, automation by automation
	return nil
}

// checkStarts checks that every accepted event started each of its runs once. The events of a
// contact that is gone did so up to one of them.
func (a *audit) checkStarts() {
	expected := map[string]bool{}
	for _, p := range a.people {
		gifts := map[string]bool{} // by plan
		var missed *sent           // the first event that was handled when the contact was gone
		for _, e := range p.events {
			starts := startedBy[e.Name]
			switch {
			case e.Name != evOrder:
			case !gifts[e.Plan]:
				gifts[e.Plan] = true
				starts = append(slices.Clone(starts), giftFlow)
			case p.gone != nil && a.startedInVain(giftFlow, e):
				expected[giftFlow+" "+e.eventID] = true
			}
			if p.gone != nil && len(starts) > 0 && a.seen[starts[0]+" "+e.eventID] == 0 {
				missed = cmp.Or(missed, e)
			}
			for _, flow := range starts {
				start := flow + " " + e.eventID
				expected[start] = true
				switch n := a.seen[start]; {
				case missed == nil && n != 1:
					a.problem("automation and event %s: %d runs instead of one", start, n)
				case missed != nil && n != 0:
					a.problem("automation and event %s: %d runs, although the contact was gone at event %s", start, n, missed.eventID)
				}
			}
		}
	}
	for start := range a.seen {
		if !expected[start] {
			a.problem("automation and event %s: a run that no event started", start)
		}
	}
}

// startedInVain reports whether an event started a run of the automation that was cancelled,
// because the contact was gone. If a contact is removed while a node has its lease, the counts of
// its starts are gone before the node learns about that, and do not keep a run from starting.
func (a *audit) startedInVain(flow string, e *sent) bool {
	i := slices.IndexFunc(a.runs, func(run automation.Run) bool { return run.AutomationID == flow && run.EventID == e.eventID })
	return i >= 0 && a.runs[i].Error != nil && a.runs[i].Error.Code == automation.CancelledContactGone
}

// checkOrder checks that the events of a contact were handled in the order in which they
// were sent: on each node, and by the times at which their runs began.
func (a *audit) checkOrder() {
	type life struct{ person, life int }
	for node, handled := range a.ledger.handled {
		last := map[life]int{}
		for _, id := range handled {
			if e := a.ledger.events[id]; e != nil {
				l := life{e.Person, e.Life}
				if e.N <= last[l] {
					a.problem("node %s handled event %d of person %d after event %d", node, e.N, e.Person, last[l])
				}
				last[l] = e.N
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
		// A run that ends early does not repeat an attempt that was cut off. An erasure keeps no
		// record of the attempt.
		gone := a.ledger.left[d.Contact]
		cutOff := s.Status == automation.StepCancelled && (len(s.Attempts) > 0 || gone != nil && gone.Removal == erasure)
		if !ok || s.Status != automation.StepCompleted && !unknown && !cutOff {
			a.problem("email %s arrived, and its step is %q", key, s.Status)
		}
	}
}

// checkContacts checks that every change was made, and the latest change last.
func (a *audit) checkContacts() {
	for _, p := range a.people {
		if p.gone != nil {
			continue
		}
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
			if run.AutomationID == flow.ID && a.kept[run.ID] {
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

// checkKeys checks that sending an accepted event again, with its key, has no effect, also if the
// event is pruned. An erasure removes the keys.
func (a *audit) checkKeys() {
	for id, e := range a.ledger.events {
		if gone := a.goneOf(e); gone != nil && (gone.Removal == erasure || e.ID != "") {
			continue
		}
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
