package automation

import "fmt"

// advance advances one run, also through changes to a contact in the store, which are
// part of the commit. It reports whether an event resumed the run.
func (t *turn) advance(run *activeRun, in Input) (resumed bool) {
	t.advanced++
	outcome := run.state.AttemptOpen() // whether in closes an open attempt
	for {
		action, ok := t.give(run, in)
		if !ok {
			return resumed
		}
		resumed = resumed || action.Resumed
		switch {
		case action.Kind != ActionPerform:
			return resumed
		case t.contact == nil:
			in = contactGone // another run deleted the contact
		case t.leaves(run):
			t.ready = append(t.ready, run)
			if action.Delivery != AtMostOnce || !t.leased {
				return resumed
			}
			// openLate opens the attempt when its turn comes. An effect that
			// only waits for its turn must not fail as unknown if the process
			// dies.
			in = Input{Kind: InputReleased}
		case outcome:
			// The outcome is written before the contact changes: a request to
			// cancel the run may have come while the effect was in flight, and
			// the commit returns it.
			in, outcome = Input{Kind: InputReleased}, false
			t.ready = append(t.ready, run)
		default:
			in = t.act(run)
		}
	}
}

// give gives one input to a run. It reports false if the input leaves the run where it
// was: the run is set aside, or does not wait for the event.
func (t *turn) give(run *activeRun, in Input) (action Action, ok bool) {
	in.Now = t.now
	if !t.in.MoreEvents {
		in.ReadAt = t.in.ReadAt
	}
	in.Data = run.data
	in.Data.Contact = t.contact
	before := run.state
	if t.r.opts.Observer != nil {
		run.state.own() // so that advance does not change the step records of before
	}
	next, action, err := run.graph.advance(run.state, in)
	if err != nil {
		t.setAside(run, err)
		return action, false
	}
	if in.Kind == InputReceived && !action.Resumed {
		return action, false
	}
	putOff := in.Kind == InputReceived && action.Kind == ActionWait && next.at == before.at
	stays := putOff || in.inFlight && next.attemptOpen // what it waits for, or performs, began before this turn
	run.moved = run.moved || !stays
	t.touch(run)
	run.state, run.action = next, action
	t.noticeChanges(run, before)
	t.logFailure(run, before, in)
	return action, true
}

// act does what a step does within the commit: it applies a change to the contact, or
// sends an event. The next transition writes that together with the run.
func (t *turn) act(run *activeRun) Input {
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
	case *SendEventEffect:
		return t.sendEvent(run, e)
	case *DeleteContactEffect:
		t.notice(&ContactDeleted{At: t.now, ContactID: t.contact.ID})
		t.contact, t.remove = nil, true
		return Input{Kind: InputSucceeded}
	default:
		return Input{Kind: InputFailed, Err: Permanent(fmt.Errorf("automation: unexpected effect %T", effect))}
	}
}

// leaves reports whether the run's next effect happens outside the commit.
func (t *turn) leaves(run *activeRun) bool {
	if run.graph.sendsEvent(run.state) {
		return false
	}
	return t.r.opts.Contacts != nil || !run.graph.changesContact(run.state)
}
