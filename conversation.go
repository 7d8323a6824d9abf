package automation

import "context"

// conversation is a task on its way through a server: what it has come to goes
// to the committer, and then its effects go to the outside world, those of
// different runs at the same time.
type conversation struct {
	s        *server
	t        *task
	reply    chan CommitResult
	outcomes chan outcome // of effects in flight
	inFlight int
}

// outcome is what became of the effect of one run.
type outcome struct {
	run *activeRun
	in  Input
}

// hold takes the task from the claim to the release of its lease.
func (c *conversation) hold(ctx context.Context) error {
	// What is begun is brought to its first commit even if ctx ends meanwhile:
	// stopping releases work, it does not put it back.
	bound := context.WithoutCancel(ctx)
	if err := c.t.begin(bound); err != nil {
		return err
	}
	for {
		tr := c.t.transition(c.inFlight)
		c.s.requests <- commitRequest{tr, c.reply}
		res := <-c.reply
		if res.Err != nil {
			return c.s.r.refused(bound, c.t, res.Err)
		}
		c.t.written(res)
		if tr.Release {
			return nil
		}
		if err := c.launch(ctx); err != nil {
			return err
		}
		if c.inFlight == 0 {
			continue
		}
		if err := c.await(bound); err != nil {
			return err
		}
	}
}

// launch begins the effects that may happen now.
func (c *conversation) launch(ctx context.Context) error {
	ready := c.t.takeReady()
	for _, run := range ready {
		bound := context.WithoutCancel(ctx)
		if err := c.t.refresh(bound); err != nil {
			return err
		}
		effect, in := c.t.resolve(ctx, run)
		if in == nil && len(ready) == 1 && c.inFlight == 0 {
			// The usual case needs no goroutine.
			done := c.effect(effect)
			in = &done
		}
		if in != nil {
			if err := c.t.settled(bound, run, *in); err != nil {
				return err
			}
			continue
		}
		if c.outcomes == nil {
			c.outcomes = make(chan outcome)
		}
		c.inFlight++
		go func() { c.outcomes <- outcome{run, c.effect(effect)} }()
	}
	return nil
}

// effect performs one effect, when there is a slot for it.
func (c *conversation) effect(e Effect) Input {
	select {
	case c.s.slots <- struct{}{}:
	case <-c.s.effects.Done():
		return Input{Kind: InputReleased}
	}
	defer func() { <-c.s.slots }()
	return c.s.r.perform(c.s.effects, c.t.work.Contact.ID, e)
}

// await takes the outcome of one effect, and of all others that are there.
func (c *conversation) await(ctx context.Context) error {
	for o := <-c.outcomes; ; {
		c.inFlight--
		if err := c.t.settled(ctx, o.run, o.in); err != nil {
			return err
		}
		select {
		case o = <-c.outcomes:
		default:
			return nil
		}
	}
}

// join waits for effects that are still in flight when the task has failed.
func (c *conversation) join() {
	for ; c.inFlight > 0; c.inFlight-- {
		<-c.outcomes
	}
}
