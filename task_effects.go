package automation

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// performEffect performs the effect of one run and moves the run on by its outcome. The
// effect begins only while ctx lasts, and is cut short when bound ends.
func (t *task) performEffect(ctx, bound context.Context, run *activeRun) {
	effect, in := t.prepare(ctx, bound, run)
	if in == nil {
		outcome := t.r.perform(bound, t.work.Key.ID, effect)
		in = &outcome
	}
	t.mu.Lock()
	t.applyOutcome(run, effect, *in)
	t.mu.Unlock()
	t.catchUp(bound, run)
}

// prepare reads the contact anew, under bound, and resolves the effect. If the contact
// cannot be read the effect does not begin: that is neither a failed attempt nor one
// with an unknown outcome. In place of an effect, prepare may return the input with
// which the run goes on.
func (t *task) prepare(ctx, bound context.Context, run *activeRun) (Effect, *Input) {
	err := t.refresh(bound)
	if err == nil && ctx.Err() == nil {
		err = t.freshen(bound, run)
	}
	if err != nil && ctx.Err() == nil {
		return nil, &Input{Kind: InputReleased, Err: err}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.resolve(ctx, run)
}

// staleAfter is the age at which contact and requests are too old to perform an effect
// by them.
const staleAfter = time.Second

// freshen gets contact, requests and the state of the lease from the store again, for an
// effect that had to wait for its turn, and writes that an effect which may happen at
// most once begins now.
func (t *task) freshen(ctx context.Context, run *activeRun) error {
	t.mu.Lock()
	now := t.r.now()
	opened := t.openLate(run, now)
	if age := now.Sub(run.freshAt); !opened && age >= 0 && age < staleAfter {
		t.mu.Unlock()
		return nil
	}
	tr := t.r.underLease(&t.work, now)
	tr.Runs = []RunChange{run.write(now)}
	t.mu.Unlock()
	res := t.r.commitEach(ctx, []Transition{tr})[0]
	t.mu.Lock()
	defer t.mu.Unlock()
	if res.Err != nil && opened {
		run.state, run.action, _ = run.graph.advance(run.state, Input{Kind: InputReleased, Now: now})
		run.dirty = true
	}
	if res.Err == nil {
		run.freshAt = now
		t.written(res)
	}
	return res.Err
}

// openLate opens the attempt of an effect that may happen at most once, and reports
// whether it did. If the run has something else to do by now, such as skipping an email,
// the next commit does that.
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

// isOff reports whether the run's effect must not be performed any more.
func (t *task) isOff(run *activeRun) bool {
	return t.failure != nil || run.request == RequestCancel || t.contact == nil
}

// resolve returns the effect of a run whose state is written. If the outside world is
// not needed after all, or must be left alone because ctx has ended, it returns the
// input with which the run goes on.
func (t *task) resolve(ctx context.Context, run *activeRun) (Effect, *Input) {
	if ctx.Err() != nil || t.isOff(run) {
		return nil, &Input{Kind: InputReleased}
	}
	if !run.state.AttemptOpen() {
		return nil, &Input{Kind: InputWoken} // a change to the contact, which is part of the next commit
	}
	data := run.data
	data.Contact = t.contact
	effect, err := run.graph.Effect(run.state, data)
	if err != nil {
		return nil, &Input{Kind: InputFailed, Err: permanentUnlessMarked(err)}
	}
	switch e := effect.(type) {
	case *SkipEffect:
		return nil, &Input{Kind: InputSkipped, Reason: e.Reason}
	case *SendEffect:
		e.Email.AutomationID = run.rec.AutomationID
	case *CustomEffect:
		e.Call.AutomationID = run.rec.AutomationID
	}
	return effect, nil
}

// permanentUnlessMarked marks an error about the run's own data: the next
// attempt would read the same data.
func permanentUnlessMarked(err error) error {
	if errors.Is(err, ErrPermanent) {
		return err
	}
	return Permanent(err)
}

// perform performs one effect and returns its outcome. It holds no lock and no
// transaction. An effect that failed because ctx ended was interrupted: stopping spends
// no attempt.
func (r *Runner) perform(ctx context.Context, contactID string, effect Effect) Input {
	in := r.attempt(ctx, contactID, effect)
	if in.Kind == InputFailed && ctx.Err() != nil {
		return Input{Kind: InputInterrupted}
	}
	return in
}

// attempt calls the application: the Mailer, a custom step or the contact directory.
func (r *Runner) attempt(ctx context.Context, contactID string, effect Effect) (in Input) {
	ctx, cancel := context.WithTimeout(ctx, r.opts.EffectTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			in = Input{Kind: InputFailed, Err: panicError(p)}
		}
	}()
	var err error
	in.Kind = InputSucceeded
	switch e := effect.(type) {
	case *SendEffect:
		var id string
		to, content := e.Email.To, emailContent(&e.Email) // the Mailer may change what it is given
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
	if err != nil {
		_ = err.Error() // an error that panics, such as a nil pointer, does so here
		in = Input{Kind: InputFailed, Err: err}
	}
	return in
}

// applyOutcome moves a run on by the outcome of its effect, which is nil if no effect
// was performed.
func (t *task) applyOutcome(run *activeRun, effect Effect, in Input) {
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
}

// applyChange takes over the change that an effect made to a contact in the contact
// directory. The task's other runs read the changed contact, and end with a deleted one.
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

// released goes on with a run whose effect did not begin: the run may have to be
// cancelled or, if the contact directory did not answer, to wait.
func (t *task) released(run *activeRun, cause error) {
	t.applyRequest(run)
	if cause == nil || run.state.Status() != RunRunning {
		return
	}
	run.state.postpone(t.now.Add(retryContactAfter))
	run.dirty = true
	t.r.opts.Logger.Warn("automation: effect put off", "run", run.rec.ID, "error", cause)
}

// advance moves one run, and on through all effects that are part of the commit:
// changes to a contact that lives in the store. It reports whether an event resumed the
// run.
func (t *task) advance(run *activeRun, in Input) (resumed bool) {
	t.advanced++
	outcome := run.state.AttemptOpen() // in is the outcome of an effect: a request may have come meanwhile
	for {
		in.Now = t.now
		in.Data = run.data
		in.Data.Contact = t.contact
		before := run.state
		if t.r.opts.Observer != nil {
			run.state.own() // leaves the records of before as they are
		}
		next, action, err := run.graph.advance(run.state, in)
		if err != nil {
			t.setAside(run, err)
			return resumed
		}
		if in.Kind == InputReceived && !action.Resumed {
			return false
		}
		resumed = resumed || action.Resumed
		run.dirty, run.moved = true, true
		run.state, run.action = next, action
		t.noticeChanges(run, before)
		switch {
		case action.Kind != ActionPerform:
			return resumed
		case t.contact == nil:
			in = contactGone // another run has deleted the contact
		case t.leaves(run):
			t.ready = append(t.ready, run)
			if action.Delivery != AtMostOnce {
				return resumed
			}
			// The attempt opens when its turn comes: if the process dies, an effect that
			// only waited for its turn must not fail as unknown.
			in = Input{Kind: InputReleased}
		case outcome:
			// The outcome is written first, because the store then returns the requests
			// that came while the effect was in flight.
			in, outcome = Input{Kind: InputReleased}, false
			t.ready = append(t.ready, run)
		default:
			in = t.changeContact(run)
		}
	}
}

// changeContact applies a step's change to the contact. The next transition writes both
// together.
func (t *task) changeContact(run *activeRun) Input {
	data := run.data
	data.Contact = t.contact
	effect, err := run.graph.Effect(run.state, data)
	if err != nil {
		return Input{Kind: InputFailed, Err: permanentUnlessMarked(err)}
	}
	switch e := effect.(type) {
	case *ChangeContactEffect:
		changed := t.contact.Clone()
		e.Change.Apply(&changed)
		t.contact = &changed
		if t.change == nil {
			t.change = &ContactChange{}
		}
		t.change.merge(e.Change)
		t.notice(&ContactChanged{At: t.now, ContactID: changed.ID, Change: e.Change})
		return Input{Kind: InputSucceeded, Output: e.output}
	case *DeleteContactEffect:
		t.notice(&ContactDeleted{At: t.now, ContactID: t.contact.ID})
		t.contact, t.remove = nil, true
		return Input{Kind: InputSucceeded}
	default:
		return Input{Kind: InputFailed, Err: Permanent(fmt.Errorf("automation: unexpected effect %T", effect))}
	}
}

// leaves reports whether the run's next effect leaves the process instead of being part
// of a commit.
func (t *task) leaves(run *activeRun) bool {
	return t.r.opts.Contacts != nil || !run.graph.changesContact(run.state)
}
