//go:build unix

package soak

import (
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// crash kills nodes in the middle of work and starts them again. Now and then it first
// stalls a node for longer than its lease.
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

// stall freezes a node for longer than its lease, and then continues the node.
func (c *cluster) stall(i int) {
	c.t.Helper()
	require.NoError(c.t, c.freeze(c.nodes[i]))
	<-time.After(lease + lease/2)
	require.NoError(c.t, c.nodes[i].cmd.Process.Signal(syscall.SIGCONT))
}

// freeze stops a node. A node that is frozen while it writes to a file would lock every
// other process out, whatever the store does, so freeze lets such a node finish first.
func (c *cluster) freeze(p *process) error {
	for {
		if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		var status syscall.WaitStatus // the process does not stop at once
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

// takeOver freezes a node that has an email in flight, until another node has sent the same
// email. Then it continues the first node, whose lease is lost, while the other node still
// holds the new lease.
func (c *cluster) takeOver() {
	c.t.Helper()
	var first atomic.Pointer[EmailArgs]
	l := c.ledger
	l.mu.Lock()
	l.calm = true
	l.hold = func(email EmailArgs) {
		switch {
		case email.Template != "thanks": // no event ends the run of such an email
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
	require.Contains(c.t, l.refused, email.Contact, "the commit of the stalled node is refused")
	require.Greater(c.t, l.emails[email.Key].times, 1, "another node sent the email that the stalled node was about to record")
}

func (c *cluster) named(name string) *process {
	for _, p := range c.nodes {
		if p.name == name {
			return p
		}
	}
	return nil
}
