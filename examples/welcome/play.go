package main

import (
	"context"
	"errors"
	"io"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/timeline"
)

// play runs a scene to its end, or until ctx ends, and writes its timeline.
func play(ctx context.Context, s scene, o options, stdout io.Writer) error {
	if o.real {
		return playReal(ctx, s, o, stdout)
	}
	return simulate(ctx, s, o.start, stdout)
}

// player is the application that a scene is about.
type player struct {
	runner   *automation.Runner
	store    *memory.Store
	clock    automation.Clock
	timeline *timeline.Writer
}

// newPlayer returns a player with the automations enabled. opts has the clock.
func newPlayer(ctx context.Context, files []automationFile, show *timeline.Writer, opts automation.Options) (*player, error) {
	p := &player{store: memory.New(), clock: opts.Clock, timeline: show}
	opts.Observer = show
	var err error
	if p.runner, err = automation.New(p.store, capture.New(), opts); err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, err := p.runner.CreateAutomation(ctx, f.automation); err != nil {
			return nil, located(f.path, err)
		}
		show.Name(f.automation.ID, f.automation.Name)
	}
	return p, nil
}

// do sends the line's event or makes its change to the contact.
func (p *player) do(ctx context.Context, l line) error {
	var err error
	if l.event != nil {
		_, err = p.runner.Send(ctx, *l.event)
	} else {
		err = p.change(ctx, l.email, *l.change)
	}
	return located(l.where, err)
}

// change changes a contact, which is created if there is none. The observer
// hears only of what automations do, so the timeline is told here.
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
