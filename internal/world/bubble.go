package world

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-b636437c/automation"
)

// Bubble runs a test of Run in a bubble of testing/synctest, where synctest.Wait
// returns once all goroutines are blocked, and time passes only while they are.
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

// Advance lets time pass in a bubble, and everything settle.
func Advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// Gate is a mailer's response that holds emails until the gate is opened, or until
// their time is up.
type Gate struct {
	Attempts     atomic.Int32
	Inside, Most atomic.Int32 // how many are held now, and were at most

	open chan struct{}
}

// NewGate returns a gate that is closed.
func NewGate() *Gate { return &Gate{open: make(chan struct{})} }

// Open lets all emails pass, now and later.
func (g *Gate) Open() { close(g.open) }

// Respond is for the field of the same name of capture.Mailer.
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
