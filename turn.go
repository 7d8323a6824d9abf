package automation

import (
	"fmt"
	"time"
)

// TurnInput is what a turn works on: everything that has happened to one contact, as an
// engine has read it at one time.
type TurnInput struct {
	// Work is the contact with what happened to it. Token is the engine's own: it comes
	// back in the Transition.
	//
	// Runs are the runs to look at: those that are due, those that wait for one of
	// Events, and those with a Request or an Outcome. If the contact does not exist any
	// more, they are all its running runs. Other runs may be among them, and stay as
	// they are.
	Work
	// Now is when the turn happens. Zero means the time of Options.Clock.
	Now time.Time
	// ReadAt is when Events and Runs were read. An event that is read later came later,
	// whatever the clock of its sender shows.
	ReadAt time.Time
	// DueBy is the time up to which runs that are due are woken. All events that were
	// accepted by then must be among Events or have been handled, because an event that
	// was accepted in time wins over the timeout of a wait. Zero means ReadAt.
	DueBy time.Time
	// MoreEvents means that the contact may have more pending events than Events, all of
	// them later. No wait times out meanwhile.
	MoreEvents bool
	// Outcomes are outcomes of effects that earlier turns of the contact planned. An
	// outcome of an attempt that is not open any more changes nothing.
	Outcomes []Outcome
	// OutcomesBy is when the outcome of an effect that this turn plans counts as unknown,
	// unless an earlier turn has it. The runs of these effects are due then. Zero means
	// at once, for an engine that plans no turn of the contact while an effect of it is
	// in flight.
	OutcomesBy time.Time
	// NewContactID returns the id of a contact that the turn creates for an email. Nil means
	// a random id. An engine in which the id decides where a contact lives chooses it here.
	NewContactID func() string
}

// Turn is what a turn of a contact gives. An engine writes the Transition, all of it or
// nothing, and only then calls Runner.Announce and performs the Effects.
type Turn struct {
	// Transition has what changed. It has no Extend and no Release. An engine that keeps
	// runs apart from events has to keep the payload and the Cause of a new run's event with
	// the run: they are those of the event among TurnInput.Events with the run's EventID. It
	// brings the Events of the Transition with a later turn, as pending ones of the contact.
	// With Heed, an event may end a run whose effect is among Effects: an engine looks once
	// more, after it has written the turn, whether the contact has got events. If so, it begins
	// no effect, gives the Outcome InputReleased for each, and takes the turn of the events.
	Transition
	// Effects are the effects that the runs need now. Their attempts are open in the
	// Transition.
	Effects []PlannedEffect
	// Due is when the first of TurnInput.Runs, or of the runs that started, is due after
	// this turn, at Now at the earliest. It is zero if none is ever due by time. A run
	// whose request or event is still to come may be due earlier.
	Due time.Time

	notices []Notice
	logs    []logRecord
}

// PlannedEffect is an effect of a run that Runner.Perform performs. It consists of plain
// data, and may go to another process.
type PlannedEffect struct {
	// Run is the run as the Transition has it, with the payload of its event.
	Run ClaimedRun
	// Step is the key of the step whose effect it is, and Attempt the number of the
	// attempt, from 1 on.
	Step    string
	Attempt int
	// Delivery decides what becomes of the run if the outcome stays unknown. The engine
	// need not do anything about it.
	Delivery Delivery
}

// check returns a *ValidationError if the work is about more than one contact.
func (in *TurnInput) check() error {
	var ps Problems
	if (in.Key.ID == "") == (in.Key.Email == "") {
		ps.Add(CodeInvalidContact, "key", "it must be the id of a contact or, for events that belong to no contact, an email")
	}
	for i := range in.Runs {
		if in.Runs[i].ContactID != in.Key.ID {
			ps.Add(CodeInvalidContact, fmt.Sprintf("runs[%d]", i), "run %q is of contact %q: a turn works on one contact", in.Runs[i].ID, in.Runs[i].ContactID)
		}
	}
	return ps.Err("turn")
}
