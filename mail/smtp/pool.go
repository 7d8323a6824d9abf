package smtp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

// pool keeps the idle connections, and bounds how many connections are in use.
type pool struct {
	slots       chan struct{} // holds one for each send that may use a connection
	done        chan struct{} // closed together with the pool
	once        sync.Once
	idleTimeout time.Duration
	perConn     int // messages that a connection carries, 0 for no bound

	mu   sync.Mutex
	idle []*connection // longest idle first
}

func newPool(o Options) *pool {
	return &pool{
		slots:       make(chan struct{}, o.Connections),
		done:        make(chan struct{}),
		idleTimeout: o.IdleTimeout,
		perConn:     o.MessagesPerConnection,
	}
}

// enter waits until a connection may be used. After a success the caller must call leave.
func (p *pool) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-p.done:
		return automation.ErrClosed
	case <-ctx.Done():
		return fmt.Errorf("wait for a free connection: %w", ctx.Err())
	}
}

func (p *pool) leave() { <-p.slots }

// take returns the connection that was used last, or nil if there is none. Because the
// last one is reused first, surplus connections become too old and are closed.
func (p *pool) take() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	c := p.idle[n-1]
	if time.Since(c.idleSince) < p.idleTimeout {
		p.idle = p.idle[:n-1]
		return c
	}
	for _, c := range p.idle {
		c.abort()
	}
	p.idle = nil
	return nil
}

// put takes back a connection after use.
func (p *pool) put(c *connection) {
	switch {
	case c.broken:
		c.abort()
	case p.perConn > 0 && c.used >= p.perConn:
		c.quit()
	default:
		c.idleSince = time.Now()
		p.mu.Lock()
		defer p.mu.Unlock()
		p.idle = append(p.idle, c)
	}
}

// close refuses further sends, and waits for the sends in flight.
func (p *pool) close() {
	p.once.Do(func() {
		close(p.done)
		for range cap(p.slots) {
			p.slots <- struct{}{}
		}
		for _, c := range p.idle {
			c.quit()
		}
		p.idle = nil
	})
}
