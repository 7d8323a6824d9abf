package automation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// performEffect performs the effect of one run, and advances the run by the outcome. It
// starts no effect after ctx has ended, and interrupts the effect when bound ends.
func (t *task) performEffect(ctx, bound context.Context, run *activeRun) error {
	return guard(func() error {
		effect, in := t.prepare(ctx, bound, run)
		if in == nil {
			outcome := t.r.perform(bound, t.work.Key.ID, effect)
			in = &outcome
		}
		if t.applyOutcome(run, effect, *in) {
			t.catchUp(bound, run)
		}
		return nil
	})
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
		run.dirty = true
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
	tr = t.r.underLease(&t.work, now)
	tr.Runs = []RunChange{run.write(now)}
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
	return t.failure != nil || run.request == RequestCancel || t.contact == nil
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
	data := run.data
	data.Contact = properties.complete(t.contact)
	effect, err := run.graph.Effect(run.state, data)
	if err != nil {
		return nil, &Input{Kind: InputFailed, Err: permanentUnlessMarked(err)}
	}
	switch e := effect.(type) {
	case *SkipEffect:
		return nil, &Input{Kind: InputSkipped, Reason: e.Reason}
	case *SendEffect:
		e.Email.AutomationID, e.Email.EventID = run.rec.AutomationID, run.rec.EventID
	case *CustomEffect:
		e.Call.AutomationID, e.Call.EventID = run.rec.AutomationID, run.rec.EventID
	}
	return effect, nil
}

// permanentUnlessMarked marks an error about the run's data as permanent, because the
// next attempt would read the same data.
func permanentUnlessMarked(err error) error {
	if errors.Is(err, ErrPermanent) {
		return err
	}
	return Permanent(err)
}

// perform performs one effect and returns its outcome. The caller holds no lock and no
// transaction. An effect that fails after ctx has ended counts as interrupted, so that
// stopping spends no attempt.
func (r *Runner) perform(ctx context.Context, contactID string, effect Effect) Input {
	in := r.attempt(ctx, contactID, effect)
	if in.Kind == InputFailed && ctx.Err() != nil {
		return Input{Kind: InputInterrupted}
	}
	return in
}

// attempt calls the host's code: the Mailer, a custom step or the contact directory.
func (r *Runner) attempt(ctx context.Context, contactID string, effect Effect) (in Input) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.EffectTimeout)
	defer cancel()
	err := guard(func() (err error) {
		in, err = r.call(ctx, contactID, effect)
		if err != nil {
			_ = err.Error() // an error that panics, such as a nil pointer, does so here
		}
		return err
	})
	if err != nil {
		return Input{Kind: InputFailed, Err: err}
	}
	return in
}

// call performs an effect. The Mailer, a custom step and the contact directory are the
// host's code.
func (r *Runner) call(ctx context.Context, contactID string, effect Effect) (in Input, err error) {
	in.Kind = InputSucceeded
	switch e := effect.(type) {
	case *SendEffect:
		var id string
		to, content := e.Email.To, emailContent(&e.Email) // before the call: the Mailer may change the email
		id, err = r.mailer.SendEmail(ctx, e.Email)
		in.Output = emailOutput(to, id, content)
	case *CustomEffect:
		in.Output, in.Branch, err = e.run(ctx)
	case *ChangeContactEffect:
		var changed Contact
		changed, err = r.opts.Contacts.UpdateContact(ctx, contactID, e.Change)
		in.Output, in.contact = e.output, &changed
	case *DeleteContactEffect:
		err = r.opts.Contacts.DeleteContact(ctx, contactID)
	default:
		err = Permanent(fmt.Errorf("automation: unexpected effect %T", effect))
	}
	return in, err
}

// applyOutcome advances a run by the outcome of its effect. The effect is nil if none was
// performed. It reports whether the run now waits with lookback. Any other run may be
// with another performer as soon as t.mu is free.
func (t *task) applyOutcome(run *activeRun, effect Effect, in Input) (looksBack bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = t.r.now()
	if in.Kind == InputSucceeded {
		t.applyChange(effect, in.contact)
	}
	if in.Kind != InputReleased || run.state.AttemptOpen() {
		t.advance(run, in)
	}
	if in.Kind == InputReleased {
		t.released(run, in.Err)
	}
	return run.looksBack()
}

// applyChange applies, to the task, what an effect changed in the contact directory. The
// other runs of the task then read the changed contact, or end if it is deleted.
func (t *task) applyChange(effect Effect, changed *Contact) {
	switch e := effect.(type) {
	case *ChangeContactEffect:
		t.notice(&ContactChanged{At: t.now, ContactID: t.work.Key.ID, Change: e.Change})
		t.contact = changed
	case *DeleteContactEffect:
		t.notice(&ContactDeleted{At: t.now, ContactID: t.work.Key.ID})
		t.contact, t.remove = nil, true
	}
}

// released continues a run whose effect did not start. The run may have a request to
// cancel it. If cause is not nil, the run waits before it tries again.
func (t *task) released(run *activeRun, cause error) {
	t.applyRequest(run)
	if cause == nil || run.state.Status() != RunRunning {
		return
	}
	run.state.postpone(t.now.Add(retryContactAfter))
	run.dirty = true
	t.log(t.recordOf(run, slog.LevelWarn, "automation: effect put off", cause))
}
