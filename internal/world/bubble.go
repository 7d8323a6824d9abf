package world

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-b636437c/automation"
)

// Bubble runs a test of Run in a bubble of testing/synctest. There synctest.Wait returns
// once all goroutines are blocked, and time passes only while they are blocked.
func Bubble(t *testing.T, body func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, body)
}

// InBubble returns a World on the bubble's clock.
func InBubble(t testing.TB, opts automation.Options) *World {
	t.Helper()
	opts.Clock = automation.SystemClock()
	return New(t, opts)
}

// Advance waits for d in a bubble, and then until all goroutines are blocked.
func Advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// Gate is a mailer's response that holds emails until a test opens the gate, or until
// their contexts end.
type Gate struct {
	Attempts atomic.Int32 // calls of Respond
	Inside   atomic.Int32 // emails that the gate holds now
	Most     atomic.Int32 // the maximum of Inside

	open chan struct{}
}

// NewGate returns a closed gate.
func NewGate() *Gate { return &Gate{open: make(chan struct{})} }

// Open releases all emails. Later emails pass without a wait.
func (g *Gate) Open() { close(g.open) }

// Respond is a value for the field Respond of capture.Mailer.
func (g *Gate) Respond(ctx context.Context, _ automation.Email) error {
	g.Attempts.Add(1)
	n := g.Inside.Add(1)
	defer g.Inside.Add(-1)
	for most := g.Most.Load(); n > most && !g.Most.CompareAndSwap(most, n); most = g.Most.Load() {
	}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
