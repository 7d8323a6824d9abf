package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/timeline"
)

// play runs a scene to its end, or until ctx ends, and writes its timeline.
func play(ctx context.Context, s scene, st *state, o options, stdout io.Writer) error {
	if o.real {
		return playReal(ctx, s, st, o, stdout)
	}
	return simulate(ctx, s, st, o.start, stdout)
}

// player is the application in a scene.
type player struct {
	runner   *automation.Runner
	state    *state
	clock    automation.Clock
	timeline *timeline.Writer
}

// newPlayer returns a player with the automations enabled. opts.Clock must be set.
func newPlayer(ctx context.Context, files []automationFile, st *state, show *timeline.Writer, opts automation.Options) (*player, error) {
	p := &player{state: st, clock: opts.Clock, timeline: show}
	opts.Observer, opts.IdempotencyWindow = show, forever
	var err error
	if p.runner, err = automation.New(st, capture.New(), opts); err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, err := p.runner.Apply(ctx, f.automation); err != nil {
			return nil, located(f.path, err)
		}
		show.Name(f.automation.ID, f.automation.Name)
	}
	return p, p.nameContacts(ctx)
}

// forever is longer than any scene: the keys of its lines must be remembered.
const forever = 10 * 365 * 24 * time.Hour

// nameContacts gives the timeline the names of the contacts that exist already.
func (p *player) nameContacts(ctx context.Context) error {
	for c, err := range automation.Each(ctx, p.runner.ListContacts, automation.ContactQuery{}) {
		if err != nil {
			return err
		}
		p.timeline.Name(c.ID, c.Email)
	}
	return nil
}

// rest returns the lines that are not played yet.
func (p *player) rest(lines []line) []line { return lines[min(p.state.done, len(lines)):] }

// next plays the next line.
func (p *player) next(ctx context.Context, l line) error {
	if err := p.do(ctx, l); err != nil {
		return err
	}
	return p.state.played(ctx, p.state.done+1)
}

// do sends the event of a line, or changes its contact.
func (p *player) do(ctx context.Context, l line) error {
	var err error
	if l.event != nil {
		e := *l.event
		e.IdempotencyKey = fmt.Sprintf("line %d", p.state.done+1)
		_, err = p.runner.Send(ctx, e)
	} else {
		err = p.change(ctx, l.email, *l.change)
	}
	return located(l.where, err)
}

// change changes a contact, and creates it if there is none. The Runner reports only the
// changes of automations, so change adds its own to the timeline.
func (p *player) change(ctx context.Context, email string, change automation.ContactChange) error {
	c, err := p.runner.GetContact(ctx, automation.ContactRef{Email: email})
	if errors.Is(err, automation.ErrNotFound) {
		c = automation.Contact{Email: email}
		change.Apply(&c)
		if c, err = p.runner.CreateContact(ctx, c); err != nil {
			return err
		}
		p.timeline.Observe(&automation.ContactCreated{At: p.clock.Now(), Contact: c})
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := p.runner.UpdateContact(ctx, c.ID, change); err != nil {
		return err
	}
	p.timeline.Observe(&automation.ContactChanged{At: p.clock.Now(), ContactID: c.ID, Change: change})
	return nil
}
