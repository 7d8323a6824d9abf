package jetstream

import (
	"context"
	"errors"
	"time"

	"github.com/seed-b636437c/automation"
)

// settle writes what steps have done to a contact to the catalog, once the turn is written.
func (p *partition) settle(ctx context.Context, c *contact) error {
	if !c.state.isUnsettled() {
		return nil
	}
	err := p.retry(ctx, "contact", func() (err error) {
		if c.state.Change != nil && !c.state.Delete {
			_, err = p.catalog.UpdateContact(ctx, c.key.ID, *c.state.Change)
		}
		if c.state.Delete {
			err = p.catalog.DeleteContact(ctx, c.key.ID, now())
		}
		if errors.Is(err, automation.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.state.Delete && !c.state.isIdle() {
		p.timers.add(c.token, now()) // the other runs of the contact end
	}
	c.state.Change, c.state.Delete = nil, false
	return nil
}

// answer tells the callers that wait for an entry that it was handled, once the catalog has
// what came of it.
func (p *partition) answer(ctx context.Context, w *work) {
	for _, e := range w.entries {
		if e.Reply == "" {
			continue
		}
		go func() {
			if p.copies.flush(ctx) == nil {
				_ = p.nc.Publish(e.Reply, nil)
			}
		}()
	}
}

// begin does what a turn needs once it is written: it performs the effects, and sets the timers.
func (p *partition) begin(w *work) {
	if next, deadline := w.due(); w.dirty {
		p.timers.add(w.token, deadline)
		if bucketOf(next) <= p.loaded {
			p.timers.add(w.token, next)
		}
	}
	for _, e := range w.turn.Effects {
		p.perform(w.token, e)
	}
}

// perform performs an effect as soon as the worker has room for it.
func (p *partition) perform(token string, e automation.PlannedEffect) {
	p.pending++
	leaving := p.leaving
	go func() {
		o := automation.Outcome{RunID: e.Run.ID, Step: e.Step, Attempt: e.Attempt, Kind: automation.InputReleased}
		select {
		case p.slots <- struct{}{}:
			// An effect that waited in line must not begin so late that the next turn
			// takes it over while it is in flight.
			if time.Until(e.Run.DueAt) > p.opts.EffectDeadline/2 && p.isRunning() && !leaving {
				o = p.runner.Perform(withPlanning(p.bound, p, nil), e)
			}
			<-p.slots
		case <-p.stopped:
		}
		result := outcome{token, automation.ContactRef{ID: e.Run.ContactID}, o}
		select {
		case p.outcomes <- result:
		case <-p.ended:
			p.handOver(context.WithoutCancel(p.bound), []outcome{result})
		}
	}()
}

// handOver appends outcomes to the log, for the next owner. Without them it waits until the
// deadlines of the effects.
func (p *partition) handOver(ctx context.Context, outcomes []outcome) {
	for i := range outcomes {
		o := &outcomes[i]
		if err := p.appendEntry(ctx, o.key, entry{Kind: kindOutcome, Outcome: &o.Outcome}); err != nil {
			p.config.Logger.Warn("jetstream: an outcome is lost", "partition", p.number, "run", o.RunID, "error", err)
		}
	}
}
