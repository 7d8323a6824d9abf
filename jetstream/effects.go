package jetstream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

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
		p.perform(w.token, e, w.inFlight[e.Run.ID])
	}
}

// perform performs an effect as soon as the worker has room for it. The effect keeps its place until
// its outcome is written: if the process dies, no more emails than it has places are sent again.
func (p *partition) perform(token string, e automation.PlannedEffect, a *attempt) {
	p.pending++
	p.inLine.Add(1)
	leaving := p.leaving
	go func() {
		defer p.inLine.Add(-1)
		o := outcome{
			token: token, key: automation.ContactRef{ID: e.Run.ContactID},
			Outcome: automation.Outcome{RunID: e.Run.ID, Step: e.Step, Attempt: e.Attempt, Kind: automation.InputReleased},
		}
		select {
		case p.slots <- struct{}{}:
			o.hasSlot = true
			if p.mayBegin(&e) && !leaving && a.begin() {
				o.Outcome = p.runner.Perform(withPlanning(p.bound, p, nil), e)
			}
		case <-p.stopped:
		case <-p.ended:
		}
		a.returned.Store(true)
		select {
		case p.outcomes <- o:
		case <-p.ended:
			p.handOver(context.WithoutCancel(p.bound), []outcome{o})
		}
	}()
}

// mayBegin reports whether an effect that has waited in line may begin. It must not begin so late
// that the next turn takes it over while it is in flight.
func (p *partition) mayBegin(e *automation.PlannedEffect) bool {
	return time.Until(e.Run.DueAt) > p.opts.EffectDeadline/2 && !isClosed(p.stopped) && !isClosed(p.ended)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// release gives the places of effects back.
func (p *partition) release(outcomes []outcome) {
	for i := range outcomes {
		if o := &outcomes[i]; o.hasSlot {
			o.hasSlot = false
			<-p.slots
		}
	}
}

// handOver appends outcomes to the log, for the next owner, and tries for as long as that one waits
// for them.
func (p *partition) handOver(ctx context.Context, outcomes []outcome) {
	defer p.release(outcomes)
	ctx, cancel := context.WithTimeout(ctx, p.opts.EffectDeadline)
	defer cancel()
	var msgs []*nats.Msg
	for i := range outcomes {
		o := &outcomes[i]
		msg, err := p.entryMessage(o.key, entry{Kind: kindOutcome, Outcome: &o.Outcome})
		if err != nil {
			p.config.Logger.Error("jetstream: an outcome is lost", "partition", p.number, "run", o.RunID, "error", err)
			continue
		}
		msgs = append(msgs, msg)
	}
	if len(msgs) == 0 {
		return
	}
	err := p.retry(ctx, "outcomes for the next owner", func() error {
		_, err := p.publishAll(ctx, msgs)
		return err
	})
	if err != nil {
		p.config.Logger.Warn("jetstream: outcomes are lost, and their effects count as interrupted", "partition", p.number, "outcomes", len(outcomes), "error", err)
	}
}
