package enginetest

import (
	"context"
	"fmt"
	"sync"

	"github.com/seed-b636437c/automation"
)

// gate holds emails with a template in flight until it opens.
type gate struct {
	f        *fixture
	template string
	opened   chan struct{}
	once     sync.Once
}

// gate makes the mailer wait for the gate. The check may end without opening it.
func (f *fixture) gate(template string) *gate {
	g := &gate{f: f, template: template, opened: make(chan struct{})}
	f.mailer.respond = func(ctx context.Context, e automation.Email) error {
		if e.TemplateID != template {
			return nil
		}
		select {
		case <-g.opened:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return g
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// reached waits until n attempts came to the gate.
func (g *gate) reached(n int) {
	g.f.until(func() string {
		return difference(fmt.Sprintf("attempts to send %s", g.template), len(g.f.mailer.tries(g.template)), n)
	})
}
