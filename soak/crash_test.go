//go:build unix

package soak

import (
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// crash kills nodes in the middle of work and starts them again. Now and then
// another one has stalled before, for longer than its lease.
func (c *cluster) crash(times int) {
	c.t.Helper()
	stalls := 0
	c.disturb(times, func() {
		if len(c.nodes) > 1 && c.random.IntN(6) == 0 {
			c.stall(c.random.IntN(len(c.nodes)))
			stalls++
		}
		i := c.random.IntN(len(c.nodes))
		c.kill(i)
		c.start(i)
	})
	c.t.Logf("%d nodes killed, %d stalled", times, stalls)
	c.finish()
}

// stall stops a node for longer than its lease, and lets it go on.
func (c *cluster) stall(i int) {
	c.t.Helper()
	require.NoError(c.t, c.freeze(c.nodes[i]))
	<-time.After(lease + lease/2)
	require.NoError(c.t, c.nodes[i].cmd.Process.Signal(syscall.SIGCONT))
}

// freeze stops a node. One that is just writing to a file keeps all others from
// writing, which no store can change: it goes on until it is done.
func (c *cluster) freeze(p *process) error {
	for {
		if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		var status syscall.WaitStatus // it does not stop at once
		if _, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
			return err
		}
		if c.writable == nil || c.writable() {
			return nil
		}
		if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			return err
		}
		<-time.After(time.Millisecond)
	}
}

// takeOver stalls a node while an email of it is in flight, until another node has
// sent the same email, and lets it go on with what it believes to hold, while the
// other one does.
func (c *cluster) takeOver() {
	c.t.Helper()
	var first atomic.Pointer[EmailArgs]
	l := c.ledger
	l.mu.Lock()
	l.flawless = true
	l.hold = func(email EmailArgs) {
		switch {
		case email.Once:
		case first.CompareAndSwap(nil, &email):
			p := c.named(email.Node)
			_ = c.freeze(p)
			l.await(time.Minute, func() bool { return l.emails[email.Key].times > 1 })
			_ = p.cmd.Process.Signal(syscall.SIGCONT)
		case first.Load().Key == email.Key:
			l.await(20*time.Second, func() bool { return slices.Contains(l.refused, email.Contact) })
		}
	}
	l.mu.Unlock()
	l.grant(4 * eventsPerBlow)
	c.finish()

	email := first.Load()
	require.Contains(c.t, l.refused, email.Contact, "what the stalled node commits is refused")
	require.Greater(c.t, l.emails[email.Key].times, 1, "another node has sent what the stalled one was about to record")
}

func (c *cluster) named(name string) *process {
	for _, p := range c.nodes {
		if p.name == name {
			return p
		}
	}
	return nil
}
