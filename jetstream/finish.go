package jetstream

import (
	"context"
	"time"

	"github.com/seed-b636437c/automation"
)

// interruptedGrace is how long an effect may go on after its context has ended.
const interruptedGrace = time.Second

// finish waits for the effects in flight, and writes their outcomes. When ShutdownTimeout has
// passed it interrupts them. The outcome of one that goes on all the same is unknown.
func (p *partition) finish(ctx context.Context) error {
	late := time.After(p.opts.ShutdownTimeout)
	in, gaveUp := inputs{outcomes: p.held}, false
	for {
		if err := p.handlePart(ctx, in); err != nil {
			p.handOver(ctx, in.outcomes)
			return err
		}
		if p.pending == 0 {
			return p.copies.flush(ctx)
		}
		select {
		case o := <-p.outcomes:
			in.outcomes = p.received(o)
		case <-late:
			late = time.After(interruptedGrace)
			switch {
			case p.bound.Err() == nil:
				p.cut()
				in.outcomes = nil
			case !gaveUp:
				gaveUp, in.outcomes = true, p.interrupted()
			default:
				return p.copies.flush(ctx) // what returns later goes to the next owner
			}
		}
	}
}

// received returns an outcome with those that can be received at once.
func (p *partition) received(first outcome) []outcome {
	all := []outcome{first}
	for len(all) < maxInputs {
		select {
		case o := <-p.outcomes:
			all = append(all, o)
		default:
			return all
		}
	}
	return all
}

// interrupted gives the effects up that have not returned. The outcomes of those that have begun are
// unknown.
func (p *partition) interrupted() (all []outcome) {
	for token, c := range p.busy {
		for id, a := range c.inFlight {
			if a == nil || a.returned.Load() {
				continue // it is of an earlier owner, or will be received
			}
			kind := automation.InputInterrupted
			if a.withdraw() {
				kind = automation.InputReleased
			}
			all = append(all, outcome{token: token, key: c.key, Outcome: automation.Outcome{
				RunID: id, Step: a.step, Attempt: a.number, Kind: kind,
			}})
		}
	}
	return all
}
