package automation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// effect returns the effect of a run whose attempt is open, for a contact with fallbacks. If
// there is nothing to perform, it returns the input by which the run continues instead.
func (run *activeRun) effect(contact *Contact) (Effect, *Input) {
	data := run.data
	data.Contact = contact
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

// closed reports whether the effect is an email whose window is closed now. Its run is
// released, and sleeps until the window opens.
func (run *activeRun) closed(contact *Contact, now time.Time) bool {
	data := run.data
	data.Contact = contact
	return run.graph.closed(run.state, data, now)
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
		in.Output, in.change, in.contact = e.output, &e.Change, &changed
	case *DeleteContactEffect:
		err = r.opts.Contacts.DeleteContact(ctx, contactID)
		in.deletes = true
	default:
		err = Permanent(fmt.Errorf("automation: unexpected effect %T", effect))
	}
	return in, err
}

// applyOutcome advances a run by the outcome of its effect. It reports whether the run now
// waits with lookback.
func (t *turn) applyOutcome(run *activeRun, in Input) (looksBack bool) {
	if in.Kind == InputSucceeded {
		t.applyChange(in)
	}
	if in.Kind != InputReleased || run.state.AttemptOpen() {
		t.advance(run, in)
	}
	if in.Kind == InputReleased {
		t.released(run, in.Err)
	}
	return run.looksBack()
}

// applyChange applies what an effect changed in the contact directory. The other runs then
// read the changed contact, or end if it is deleted.
func (t *turn) applyChange(in Input) {
	switch {
	case in.deletes:
		t.notice(&ContactDeleted{At: t.now, ContactID: t.in.Key.ID})
		t.contact, t.remove = nil, true
	case in.change != nil:
		t.notice(&ContactChanged{At: t.now, ContactID: t.in.Key.ID, Change: *in.change})
		t.contact = in.contact
	}
}

// released continues a run whose effect did not start. The run may have a request to
// cancel it. If cause is not nil, the run waits before it tries again.
func (t *turn) released(run *activeRun, cause error) {
	t.applyRequest(run)
	if cause == nil || run.state.Status() != RunRunning {
		return
	}
	run.state.postpone(t.now.Add(retryContactAfter))
	t.touch(run)
	t.log(t.recordOf(run, slog.LevelWarn, "automation: effect put off", cause))
}
