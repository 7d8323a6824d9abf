package automation

import (
	"context"
	"time"
)

// performEffect performs the effect of one run, and advances the run by the outcome. It
// starts no effect after ctx has ended, and interrupts the effect when bound ends.
func (t *task) performEffect(ctx, bound context.Context, run *activeRun) error {
	return guard(func() error {
		effect, in := t.prepare(ctx, bound, run)
		if in == nil {
			outcome := t.r.perform(bound, t.in.Key.ID, effect)
			in = &outcome
		}
		if t.performed(run, *in) {
			t.catchUp(bound, run)
		}
		return nil
	})
}

// performed is applyOutcome for an effect of now. Any other run may be with another performer
// as soon as t.mu is free.
func (t *task) performed(run *activeRun, in Input) (looksBack bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.r.now()
	return t.applyOutcome(run, in)
}

// prepare reads the contact again, under bound, and resolves the effect. If the read
// fails, the effect does not start: that is no failed attempt, and no unknown outcome.
// Instead of an effect, prepare may return the input by which the run continues.
func (t *task) prepare(ctx, bound context.Context, run *activeRun) (Effect, *Input) {
	properties, err := t.properties(bound, run)
	if err == nil && ctx.Err() == nil {
		err = t.refresh(bound)
	}
	if err == nil && ctx.Err() == nil {
		err = t.freshen(bound, run)
	}
	if err != nil && ctx.Err() == nil {
		return nil, &Input{Kind: InputReleased, Err: err}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.resolve(ctx, run, properties)
}

// properties returns the definitions of contact properties for an effect that is an email.
// Other effects read the contact as it is.
func (t *task) properties(ctx context.Context, run *activeRun) (contactProperties, error) {
	t.mu.Lock()
	sends := run.graph.sendsEmail(run.state)
	t.mu.Unlock()
	if !sends {
		return nil, nil
	}
	return t.r.definedProperties(ctx)
}

// staleAfter is the age at which the contact, the requests and the state of the lease are
// too old for performing an effect.
const staleAfter = time.Second

// freshen commits the run once more before an effect that had to wait for its turn: the
// store then returns the contact and the requests, or that the lease is lost. It also
// opens the attempt of an effect that may happen at most once. It stores no output: the
// transition before has stored all of them, so a failure loses none.
func (t *task) freshen(ctx context.Context, run *activeRun) error {
	tr, opened, isFresh := t.freshening(run)
	if isFresh {
		return nil
	}
	res := t.r.commitEach(ctx, []Transition{tr})[0]
	t.mu.Lock()
	defer t.mu.Unlock()
	if res.Err != nil && opened {
		run.state, run.action, _ = run.graph.advance(run.state, Input{Kind: InputReleased, Now: tr.Now})
		t.touch(run)
	}
	if res.Err == nil {
		run.freshAt = tr.Now
		t.written(res)
	}
	return res.Err
}

// freshening returns the transition that freshen commits, and whether it opens the
// attempt. It reports isFresh if there is nothing to commit.
func (t *task) freshening(run *activeRun) (tr Transition, opened, isFresh bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.r.now()
	opened = t.openLate(run, now)
	if age := now.Sub(run.freshAt); !opened && age >= 0 && age < staleAfter {
		return Transition{}, false, true
	}
	tr = t.r.underLease(&t.in.Work, now)
	tr.Runs, tr.Heed = []RunChange{run.write(now, now)}, run.graph.heeds()
	return tr, opened, false
}

// openLate opens the attempt of an effect that may happen at most once, and reports
// whether it did. It does not if the run now needs something else, such as skipping the
// email. The next commit does that.
func (t *task) openLate(run *activeRun, now time.Time) bool {
	if run.state.AttemptOpen() || t.isOff(run) || !t.leaves(run) {
		return false
	}
	in := Input{Kind: InputWoken, Now: now, Data: run.data}
	in.Data.Contact = t.contact
	next, action, err := run.graph.advance(run.state, in)
	if err != nil || action.Kind != ActionPerform || action.Step != run.action.Step {
		return false
	}
	run.state, run.action = next, action
	return true
}

// isOff reports whether the run's effect must not be performed.
func (t *task) isOff(run *activeRun) bool {
	return t.failure != nil || run.request == RequestCancel || t.contact == nil || t.yields || !t.staysIn(run)
}

// staysIn reports whether the rule holds that must hold for the run to go on. If not, the next
// turn ends the run.
func (t *turn) staysIn(run *activeRun) bool {
	data := run.data
	data.Contact, data.Now = t.contact, stamp(t.r.now())
	return run.graph.staysIn(run.state, data)
}

// resolve returns the effect of a run whose state is written, for a contact that has the
// fallbacks of the properties. If there is nothing to perform, or if ctx has ended, it
// returns the input by which the run continues instead.
func (t *task) resolve(ctx context.Context, run *activeRun, properties contactProperties) (Effect, *Input) {
	if ctx.Err() != nil || t.isOff(run) {
		return nil, &Input{Kind: InputReleased}
	}
	if !run.state.AttemptOpen() {
		// A ready run has no open attempt in two cases. It is at a change to a
		// contact in the store, which is part of the next commit. Or it is at an
		// effect that may happen at most once, and openLate found that the run
		// now needs something else, such as skipping an email.
		return nil, &Input{Kind: InputWoken}
	}
	if run.closed(t.contact, t.r.now()) {
		return nil, &Input{Kind: InputReleased}
	}
	return run.effect(properties.complete(t.contact))
}
