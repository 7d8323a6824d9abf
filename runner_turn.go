package automation

import (
	"context"
	"errors"
	"fmt"
)

// Plan takes one turn: it advances the runs of one contact by what has happened to the contact,
// as far as possible without the outside world, and returns what an engine has to write and to
// perform. It is the work of Run and Drain between two commits, for an engine that brings its
// own queue, timers and fence instead of a Store that can claim and commit. The catalog of such
// an engine, with automations, definitions and contacts, is the Store of the Runner.
//
// Plan writes nothing, and may be called again with the same input if the engine could not
// write the turn. It reads the store and the contact directory where it needs to: the graph of
// a version that it sees for the first time, the contact in a contact directory, the earlier
// events of a wait with lookback, and large outputs. An error of these reads is the error of
// Plan. It fails with ErrInvalid if the input mixes contacts.
//
// An engine must plan the turns of a contact one after the other, and must give each of them
// the runs as the turn before has left them. Between two turns, effects may be in flight: a
// request about such a run waits for its outcome.
func (r *Runner) Plan(ctx context.Context, in TurnInput) (Turn, error) {
	if err := in.check(); err != nil {
		return Turn{}, err
	}
	t := &turn{turnState: turnState{r: r, in: in}}
	if err := t.begin(ctx); err != nil {
		return Turn{}, fmt.Errorf("automation: plan: %w", err)
	}
	turn := Turn{Transition: t.result(), notices: t.notices, logs: t.logs}
	turn.Effects, turn.Due = t.effects(), t.due()
	return turn, nil
}

// Announce gives a turn that is written to the Observer and to the log. An engine calls it
// once for each turn. It does nothing for a Turn that does not come from Plan, such as one
// that was decoded from JSON.
func (r *Runner) Announce(t Turn) {
	r.observe(t.notices...)
	r.log(t.logs...)
}

// Perform performs an effect that a turn planned, once the turn is written, and returns its
// outcome for the next turn of the contact. It calls the Mailer, a custom step or the contact
// directory, with the contact as it is now. A panic of this code is a failure of the attempt.
// Options.EffectTimeout bounds the call. If ctx ends meanwhile, a failure counts as an
// interruption, which spends no attempt.
//
// If the effect cannot start, for example because the contact cannot be read, the outcome has
// the Kind InputReleased, and the run tries again a second later.
func (r *Runner) Perform(ctx context.Context, e PlannedEffect) Outcome {
	in := Input{Kind: InputReleased}
	err := guard(func() (err error) {
		in, err = r.performPlanned(ctx, &e)
		return err
	})
	if err != nil {
		in = Input{Kind: InputReleased, Err: err}
	}
	return e.outcome(&in)
}

func (r *Runner) performPlanned(ctx context.Context, e *PlannedEffect) (Input, error) {
	t := &turn{turnState: turnState{r: r, now: r.now(), in: TurnInput{Work: Work{Key: ContactRef{ID: e.Run.ContactID}}}}}
	contact, err := r.findContact(ctx, t.in.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		return Input{Kind: InputReleased}, nil // the next turn cancels the run
	case err != nil:
		return Input{}, fmt.Errorf("contact %q: %w", e.Run.ContactID, err)
	}
	t.contact = &contact
	if err := t.load(ctx, &e.Run); err != nil {
		return Input{}, err
	}
	run := t.runs[0]
	if run.graph == nil {
		return Input{}, fmt.Errorf("automation: run %q: %s", e.Run.ID, run.rec.Error.Message)
	}
	if !(&Outcome{Step: e.Step, Attempt: e.Attempt, Kind: InputReleased}).isAwaited(run) {
		return Input{}, fmt.Errorf("automation: run %q is not at attempt %d of step %q: %w", e.Run.ID, e.Attempt, e.Step, ErrConflict)
	}
	if run.closed(t.contact, t.now) {
		return Input{Kind: InputReleased}, nil
	}
	var properties contactProperties
	if run.graph.sendsEmail(run.state) {
		if properties, err = r.definedProperties(ctx); err != nil {
			return Input{}, err
		}
	}
	if !t.staysIn(run) {
		return Input{Kind: InputReleased}, nil // the next turn ends the run
	}
	effect, in := run.effect(properties.complete(t.contact))
	if in != nil {
		return *in, nil
	}
	return r.perform(ctx, e.Run.ContactID, effect), nil
}
