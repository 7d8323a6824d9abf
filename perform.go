package automation

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// prepare reads the contact anew, under bound, and resolves what is to be done. If
// the host cannot be asked about its contact the effect is not begun: that is
// neither a failed attempt nor one whose outcome is unknown.
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

// staleAfter is how old what the store told may be when an effect is performed.
const staleAfter = time.Second

// freshen asks the store again for contact and requests, and whether the lease
// still holds, for an effect that had to wait for its turn, and tells it of one
// that is only begun now.
func (t *task) freshen(ctx context.Context, run *activeRun) error {
	t.mu.Lock()
	now := t.r.now()
	begun := t.beginLate(run, now)
	if age := now.Sub(run.read); !begun && age >= 0 && age < staleAfter {
		t.mu.Unlock()
		return nil
	}
	tr := Transition{
		Key: t.work.Key, Token: t.work.Token, Now: now, Extend: now.Add(t.r.opts.Lease),
		Runs: []RunChange{run.write(now)},
	}
	t.mu.Unlock()
	res := t.r.tryCommit(ctx, []Transition{tr})[0]
	t.mu.Lock()
	defer t.mu.Unlock()
	if res.Err != nil && begun {
		run.state, run.action, _ = run.graph.advance(run.state, Input{Kind: InputReleased, Now: now})
		run.dirty = true
	}
	if res.Err == nil {
		run.read = now
		t.written(res)
	}
	return res.Err
}

// beginLate begins an effect that may happen at most once, and reports whether it
// did. If there is something else to do by now, such as skipping an email, that is
// left to the next commit.
func (t *task) beginLate(run *activeRun, now time.Time) bool {
	if run.state.attemptOpen || t.failure != nil || run.request == RequestCancel || t.contact == nil || !t.leaves(run) {
		return false
	}
	in := Input{Kind: InputWoken, Now: now, Data: run.data}
	in.Data.Contact = t.contact
	next, action, err := run.graph.advance(run.state, in)
	if err != nil || !next.attemptOpen || next.at != run.state.at {
		return false
	}
	run.state, run.action = next, action
	return true
}

// resolve decides what is to be done for a run whose state was written. If the
// outside world is not needed after all, or must not be troubled any more
// because ctx has ended, it returns the input right away.
func (t *task) resolve(ctx context.Context, run *activeRun) (Effect, *Input) {
	if ctx.Err() != nil || t.failure != nil || run.request == RequestCancel || t.contact == nil {
		return nil, &Input{Kind: InputReleased}
	}
	if !run.state.attemptOpen {
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

// perform does one effect and says what became of it. It holds no lock and no
// transaction. An effect that failed because ctx has ended was interrupted: no
// attempt is spent on shutting down.
func (r *Runner) perform(ctx context.Context, contactID string, effect Effect) Input {
	in := r.attempt(ctx, contactID, effect)
	if in.Kind == InputFailed && ctx.Err() != nil {
		return Input{Kind: InputInterrupted}
	}
	return in
}

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
		to, content := e.Email.To, emailContent(&e.Email) // before the mailer gets hold of it
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

// applyOutcome takes what became of a run's effect and moves the run on.
func (t *task) applyOutcome(run *activeRun, in Input) {
	t.now = t.r.now()
	t.noticeContact(run, in)
	if in.contact != nil {
		t.contact = in.contact // what follows reads it
	}
	if in.Kind == InputSucceeded && t.r.opts.Contacts != nil && run.graph.steps[run.state.at].typ == TypeContactDelete {
		t.contact, t.remove = nil, true // its other runs are cancelled
	}
	if in.Kind != InputReleased || run.state.attemptOpen {
		t.advance(run, in)
	}
	if in.Kind == InputReleased {
		t.released(run, in.Err)
	}
}

// panicError makes a failed attempt of a panic. How far the host's code had come
// nobody knows.
func panicError(p any) error {
	return fmt.Errorf("panic: %v: %w\n%s", p, ErrOutcomeUnknown, debug.Stack())
}

// released goes on with a run whose effect was not begun: it may have to be
// cancelled, or, if there is a cause, to wait until the host can be asked again.
func (t *task) released(run *activeRun, cause error) {
	t.applyRequest(run)
	if cause == nil || run.state.Status() != RunRunning {
		return
	}
	run.state.dueAt, run.dirty = t.now.Add(retryContactAfter), true
	t.r.opts.Logger.Warn("automation: effect put off", "run", run.rec.ID, "error", cause)
}

// noticeContact tells about changes to a contact of the host's.
func (t *task) noticeContact(run *activeRun, in Input) {
	if in.Kind != InputSucceeded || t.r.opts.Observer == nil || !run.graph.changesContact(run.state) {
		return
	}
	data := run.data
	data.Contact = t.contact
	switch e, _ := run.graph.Effect(run.state, data); e := e.(type) {
	case *ChangeContactEffect:
		t.notice(&ContactChanged{At: t.now, ContactID: t.work.Key.ID, Change: e.Change})
	case *DeleteContactEffect:
		t.notice(&ContactDeleted{At: t.now, ContactID: t.work.Key.ID})
	}
}
