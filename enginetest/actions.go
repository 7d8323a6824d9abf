package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

func (f *fixture) create(a automation.Automation) automation.Automation {
	a, err := f.Runner.CreateAutomation(f.ctx, a)
	f.must("create an automation", err)
	return a
}

// status sets the status of an automation.
func (f *fixture) status(id string, s automation.Status) {
	_, err := f.Runner.UpdateAutomation(f.ctx, id, automation.AutomationUpdate{Status: &s})
	f.must("update the automation", err)
}

// contact creates a contact, whose id is the part of the email before the @.
func (f *fixture) contact(email string) automation.Contact {
	id, _, _ := strings.Cut(email, "@")
	c, err := f.Runner.CreateContact(f.ctx, automation.Contact{ID: id, Email: email})
	f.must("create a contact", err)
	return c
}

func (f *fixture) find(email string) automation.Contact {
	c, err := f.Runner.GetContact(f.ctx, automation.ContactRef{Email: email})
	f.must("get a contact", err)
	return c
}

// event returns an event for an email. A nil payload means none.
func event(name, email string, payload map[string]any) automation.Event {
	e := automation.Event{Name: name, Email: email}
	if payload != nil {
		e.Payload = automation.Payload(payload)
	}
	return e
}

// events returns an event for each of n contacts.
func events(name string, n int) []automation.Event {
	all := make([]automation.Event, n)
	for i := range all {
		all[i] = event(name, address(i), map[string]any{"n": i})
	}
	return all
}

// send sends one event, and returns its id.
func (f *fixture) send(name, email string, payload map[string]any) string {
	return f.sendAll(event(name, email, payload))[0]
}

// sendAll sends events at once, and returns their ids.
func (f *fixture) sendAll(events ...automation.Event) []string {
	receipts, err := f.Runner.Send(f.ctx, events...)
	f.must("send", err)
	f.equal("receipts", len(receipts), len(events))
	ids := make([]string, len(receipts))
	for i, r := range receipts {
		ids[i] = r.ID
	}
	return ids
}

// handled waits until an event is handled.
func (f *fixture) handled(id string) (e automation.EventRecord) {
	f.until(func() string {
		var err error
		if e, err = f.Runner.GetEvent(f.ctx, id); err != nil {
			return fmt.Sprintf("get event: %v", err)
		}
		return difference("status of event "+e.Name, e.Status, automation.EventStatusHandled)
	})
	return e
}

// started returns the only run that an event starts.
func (f *fixture) started(eventID string) string {
	e := f.handled(eventID)
	if len(e.Started) != 1 {
		f.failf("the event %q for %s started %d runs instead of one; its reason is %q", e.Name, e.Email+e.ContactID, len(e.Started), e.Reason)
	}
	return e.Started[0]
}

// begin sends an event, and returns the only run that it starts.
func (f *fixture) begin(name, email string, payload map[string]any) string {
	return f.started(f.send(name, email, payload))
}

// caughtUp waits until the events are handled that were accepted for these contacts.
func (f *fixture) caughtUp(emails ...string) {
	probes := make([]automation.Event, len(emails))
	for i, email := range emails {
		probes[i] = event("enginetest.probe", email, nil)
	}
	for _, id := range f.sendAll(probes...) {
		f.handled(id)
	}
}

func (f *fixture) run(id string) automation.Run {
	run, err := f.Runner.GetRun(f.ctx, id)
	f.must("get a run", err)
	return run
}

// reached waits until a run fits, and returns it.
func (f *fixture) reached(id, what string, fits func(automation.Run) bool) (run automation.Run) {
	f.until(func() string {
		var err error
		if run, err = f.Runner.GetRun(f.ctx, id); err != nil {
			return fmt.Sprintf("get run: %v", err)
		}
		if fits(run) {
			return ""
		}
		return fmt.Sprintf("the run should %s; it is %s", what, runText(run))
	})
	return run
}

// ended waits until a run has ended with a status.
func (f *fixture) ended(id string, want automation.RunStatus) automation.Run {
	run := f.reached(id, "end", func(r automation.Run) bool { return r.Status != automation.RunRunning })
	if run.Status != want {
		f.failf("the run should be %s; it is %s", want, runText(run))
	}
	return run
}

// waiting waits until a run is at a step that waits.
func (f *fixture) waiting(id, step string) automation.Run {
	return f.reached(id, "wait at "+step, func(r automation.Run) bool {
		return r.Step == step && stepOf(r, step).Status == automation.StepWaiting
	})
}

// stepOf returns the record of a step, or a zero one.
func stepOf(run automation.Run, key string) automation.StepRun {
	for _, s := range run.Steps {
		if s.Key == key {
			return s
		}
	}
	return automation.StepRun{}
}

// statuses returns the steps of a run with their statuses, sorted by their keys.
func statuses(run automation.Run) string {
	all := make([]string, len(run.Steps))
	for i, s := range run.Steps {
		all[i] = s.Key + "=" + string(s.Status)
		if s.Branch != "" {
			all[i] += "/" + string(s.Branch)
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func runText(run automation.Run) string {
	text := fmt.Sprintf("%s at %s (%s)", run.Status, run.Step, statuses(run))
	if run.Error != nil {
		text += fmt.Sprintf(", error %s: %s", run.Error.Code, run.Error.Message)
	}
	return text
}

// code returns the code of the error of a run, or "".
func code(run automation.Run) automation.StepErrorCode {
	if run.Error == nil {
		return ""
	}
	return run.Error.Code
}

// emails waits until the accepted emails to an address are these, and ends the check if there
// are others.
func (f *fixture) emails(address string, templates ...string) {
	f.until(func() string {
		got := f.mailer.sentTo(address)
		if len(got) > len(templates) {
			f.equal("emails to "+address, got, templates)
		}
		return difference("emails to "+address, got, templates)
	})
}

// list returns all runs that q selects.
func (f *fixture) list(q automation.RunQuery) (all []automation.Run) {
	for run, err := range automation.Each(f.ctx, f.Runner.ListRuns, q) {
		f.must("list runs", err)
		all = append(all, run)
	}
	return all
}

// count returns how many runs an automation has, by their status.
func (f *fixture) count(id string) map[automation.RunStatus]int {
	counts, err := f.Runner.CountRuns(f.ctx, id)
	f.must("count runs", err)
	byStatus := map[automation.RunStatus]int{}
	for _, c := range counts {
		byStatus[c.Status] += c.Count
	}
	return byStatus
}
