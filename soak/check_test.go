//go:build unix

package soak

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-b636437c/automation"
)

// audit compares what a store says, after everything is done, with what the
// ledger knows. It collects what is wrong instead of failing at once.
type audit struct {
	ctx      context.Context
	store    automation.Store
	runner   *automation.Runner
	ledger   *ledger
	accepted map[string]time.Time     // when the store has accepted each event
	people   map[string]*personRecord // by contact id
	runs     []automation.Run         // with steps
	seen     map[string]int           // runs by "<automation> <event>"
	branches map[automation.ConnectionType]int
	problems []error
}

// personRecord is what a contact must look like, going by its runs.
type personRecord struct {
	person  int
	contact automation.Contact
	events  []*sent // in the order in which they were sent
	last    map[string]int
	gold    bool
}

// check returns what is wrong with the store and the ledger: nothing may be in
// progress any more but waits without time-out.
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
			return append(a.problems, fmt.Errorf("reading what to check: %w", err))
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
			a.problem("the store has accepted event %s and does not know it: %w", id, err)
		}
		a.accepted[id] = e.AcceptedAt
	}
	return nil
}

// readPeople finds the contacts. One who was only ever sent events that start
// nothing does not exist.
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

// readRuns reads all runs, page by page as an administrator does.
func (a *audit) readRuns() error {
	for _, flow := range flows() {
		q := automation.RunQuery{AutomationID: flow.ID, PageQuery: automation.PageQuery{Limit: 100}}
		for more := true; more; {
			page, err := a.runner.ListRuns(a.ctx, q)
			if err != nil {
				return err
			}
			for _, listed := range page.Data {
				run, err := a.runner.GetRun(a.ctx, listed.ID)
				if err != nil {
					return err
				}
				a.runs = append(a.runs, run)
				a.seen[run.AutomationID+" "+run.EventID]++
				q.After = run.ID
			}
			more = page.HasMore
		}
	}
	slices.Reverse(a.runs) // oldest first, automation by automation
	return nil
}

// checkStarts: every event that was accepted has started its runs, once.
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
			a.problem("automation and event %s: a run that nothing has started", start)
		}
	}
}

// checkRun: the run has taken the way through its graph that its events say.
func (a *audit) checkRun(run *automation.Run) {
	e, p := a.ledger.events[run.EventID], a.people[run.ContactID]
	if e == nil || p == nil || p.person != e.Person {
		a.problem("run %s is for event %s and contact %s, which do not belong together", run.ID, run.EventID, run.ContactID)
		return
	}
	c := &runCheck{a, run, e, p, map[string]automation.StepRun{}}
	for _, s := range run.Steps {
		c.steps[s.Key] = s
	}
	if len(c.steps) != len(run.Steps) {
		a.problem("run %s has a step twice", run.ID)
	}
	switch run.AutomationID {
	case orderFlow:
		c.order()
	case receiptFlow:
		c.receipt()
	default:
		c.signup()
	}
}

// runCheck checks one run.
type runCheck struct {
	*audit
	run    *automation.Run
	event  *sent
	person *personRecord
	steps  map[string]automation.StepRun
}

func (c *runCheck) is(key string, want automation.StepStatus) {
	if got := c.steps[key].Status; got != want {
		c.problem("run %s: step %s is %s instead of %s", c.run.ID, key, got, want)
	}
}

func (c *runCheck) ended(want automation.RunStatus) {
	if c.run.Status != want || c.run.CompletedAt.IsZero() {
		c.problem("run %s has status %s at step %s instead of %s: %+v", c.run.ID, c.run.Status, c.run.Step, want, c.run.Error)
	}
}

func (c *runCheck) order() {
	c.ended(automation.RunCompleted)
	c.is("mark", automation.StepCompleted)
	c.person.last["last_order"] = max(c.person.last["last_order"], c.event.N)
	if c.event.Plan == goldPlan {
		c.person.gold = true
		c.is("tag", automation.StepCompleted)
		c.is("pause", automation.StepSkipped)
	} else {
		c.is("tag", automation.StepSkipped)
		c.is("pause", automation.StepCompleted)
		if s := c.steps["pause"]; s.CompletedAt.Before(s.StartedAt.Add(pause)) {
			c.problem("run %s has slept from %s to %s", c.run.ID, s.StartedAt, s.CompletedAt)
		}
	}
	c.email("thanks", 0)
	if cause := c.wait("review", evReview, reviewTimeout); cause == nil {
		c.is("praise", automation.StepSkipped)
		c.is("glad", automation.StepSkipped)
		c.email("nudge", 0)
	} else {
		c.is("praise", automation.StepCompleted)
		c.person.last["last_review"] = max(c.person.last["last_review"], cause.N)
		c.email("glad", cause.N)
		c.is("nudge", automation.StepSkipped)
	}
}

func (c *runCheck) receipt() {
	if c.run.Status == automation.RunFailed && c.run.Error.Code == automation.FailedUnknown {
		c.is("once", automation.StepFailed) // its outcome was lost with a node, or with an answer
		return
	}
	c.ended(automation.RunCompleted)
	c.email("once", 0)
}

func (c *runCheck) signup() {
	cause := c.wait("closing", evClose, 0)
	if cause == nil {
		if c.run.Status != automation.RunRunning || c.run.WaitEvent != evClose || !c.run.DueAt.IsZero() {
			c.problem("run %s has status %s at %s instead of waiting for ever", c.run.ID, c.run.Status, c.run.Step)
		}
		return
	}
	c.ended(automation.RunCompleted)
	c.is("leave", automation.StepCompleted)
	c.person.last["last_close"] = max(c.person.last["last_close"], cause.N)
	c.email("bye", cause.N)
}

// wait checks a wait and returns the event that has ended it. It must be the first
// that matched, going by when events were accepted. One whose sender did not know
// of its acceptance before the deadline may have come too late.
func (c *runCheck) wait(key, name string, timeout time.Duration) *sent {
	s := c.steps[key]
	var output struct {
		EventID string `json:"event_id"`
	}
	if s.Output != nil {
		if err := json.Unmarshal(s.Output, &output); err != nil {
			c.problem("run %s: output of %s: %w", c.run.ID, key, err)
		}
	}
	cause := c.ledger.events[output.EventID]
	deadline, until := s.StartedAt.Add(timeout), s.StartedAt.Add(timeout)
	if cause != nil {
		until = c.accepted[output.EventID]
	}
	for id, e := range c.ledger.events {
		at := c.accepted[id]
		if e.Person != c.event.Person || e == cause || !matches(e, name) || !at.After(s.StartedAt) {
			continue
		}
		if timeout == 0 && cause == nil || at.Before(until) && (cause != nil || !e.acked.After(deadline)) {
			c.problem("run %s: step %s, begun at %s, has missed event %s of %s", c.run.ID, key, s.StartedAt, id, at)
		}
	}
	c.branches[s.Branch]++
	switch {
	case cause == nil && timeout == 0:
		c.is(key, automation.StepWaiting)
	case cause == nil:
		c.is(key, automation.StepCompleted)
		if s.Branch != automation.ConnectionTimeout || s.CompletedAt.Before(deadline) {
			c.problem("run %s: step %s has timed out at %s, too early, or took branch %s", c.run.ID, key, s.CompletedAt, s.Branch)
		}
	case !matches(cause, name) || cause.Person != c.event.Person || until.Before(s.StartedAt) || timeout > 0 && until.After(deadline):
		c.problem("run %s: step %s, begun at %s, has taken event %s of %s", c.run.ID, key, s.StartedAt, output.EventID, until)
	}
	return cause
}

// matches reports whether a wait for events with this name takes e.
func matches(e *sent, name string) bool {
	return e.Name == name && (name != evReview || e.Score >= matchingScore)
}

// email checks that an email has arrived as its step says. Until then the contact
// had the properties that earlier steps of the run have set.
func (c *runCheck) email(key string, cause int) {
	c.is(key, automation.StepCompleted)
	name := "run/" + c.run.ID + "/" + key
	d := c.ledger.emails[name]
	if d == nil {
		c.problem("email %s is recorded and has not arrived", name)
		return
	}
	var output struct {
		EmailID string `json:"email_id"`
	}
	if err := json.Unmarshal(c.steps[key].Output, &output); err != nil || output.EmailID != "id-"+name {
		c.problem("email %s is recorded as %s", name, c.steps[key].Output)
	}
	want := map[string]string{"n": fmt.Sprint(c.event.N)}
	if cause != 0 {
		want["cause"] = fmt.Sprint(cause)
	}
	got := maps.Clone(d.Variables)
	if last, ok := got["last"]; ok {
		delete(got, "last")
		var n int
		if _, err := fmt.Sscan(last, &n); err != nil || n < c.event.N {
			c.problem("email %s for event %d was sent before the contact had it: last is %s", name, c.event.N, last)
		}
	}
	if !maps.Equal(got, want) || d.To != address(c.event.Person) {
		c.problem("email %s to %s has %v instead of %v", name, d.To, got, want)
	}
}

// checkOrder: the events of a contact were handled in the order in which they were
// sent, on each node and going by the times at which their runs began.
func (a *audit) checkOrder() {
	for node, handled := range a.ledger.handled {
		last := map[int]int{}
		for _, id := range handled {
			if e := a.ledger.events[id]; e != nil {
				if e.N <= last[e.Person] {
					a.problem("node %s has handled event %d of person %d after event %d", node, e.N, e.Person, last[e.Person])
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

// checkEmails: no email has arrived that no step stands for.
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
		if !ok || s.Status != automation.StepCompleted && !unknown {
			a.problem("email %s has arrived, and its step is %q", key, s.Status)
		}
	}
}

// checkContacts: every change was made, the latest last.
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

// checkCounts: the counters say what counting says.
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
			a.problem("automation %s: the counters say %v, counting says %v", flow.ID, kept, counted)
		}
	}
}

// checkLeases: nobody is leased and nobody has anything left to do.
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
			a.problem("contact %s has something left to do: %+v", id, works[0])
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

// checkKeys: every event that was accepted is known by its key.
func (a *audit) checkKeys() {
	for id, e := range a.ledger.events {
		receipts, err := a.runner.Send(a.ctx, e.event())
		if err != nil || !receipts[0].Duplicate || receipts[0].ID != id {
			a.problem("event %s with key %s is sent again: %+v, %v", id, e.SendKey, receipts, err)
		}
	}
}

// noMailer is a mailer that nobody calls.
type noMailer struct{}

func (noMailer) SendEmail(context.Context, automation.Email) (string, error) {
	return "", errors.New("nothing is sent any more")
}
