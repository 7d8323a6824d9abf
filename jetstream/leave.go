package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-b636437c/automation"
)

// ErrLeft is the error of New and Worker.Run after the engine was left: everything is in the store
// that was its catalog.
var ErrLeft = errors.New("the engine was left")

// errCodeSealed is the code of the servers for a stream that takes no messages any more.
const errCodeSealed jetstream.ErrorCode = 10109

// Leave moves everything back to the catalog, so that Runners claim from it again. Workers must
// run meanwhile, because they do it. Call it again if it fails, from any process.
//
// It seals the log: whatever is sent from then on through a Store of this engine goes to the
// catalog, and waits there. Workers handle what the log has, wait for effects in flight, and write
// all copies. A Runner then takes the copies for what they are: runs in progress. The sealed log
// stays on the servers until Forget, so that processes that are not replaced yet, and those that
// start again, see that the engine was left. progress may be nil.
func (s *Store) Leave(ctx context.Context, progress func(MoveProgress)) error {
	if progress == nil {
		progress = func(MoveProgress) {}
	}
	if err := s.seal(ctx); err != nil {
		return err
	}
	if s.isFree(ctx) {
		return s.finishLeaving(ctx) // an earlier call has come this far
	}
	p := MoveProgress{Of: s.config.Partitions}
	if err := s.awaitPartitions(ctx, func(cp checkpoint) bool { return cp.Left }, func(n int) { p.Partitions = n; progress(p) }); err != nil {
		return err
	}
	if err := s.projector.Disengage(ctx, s.engine()); err != nil {
		return fmt.Errorf("jetstream: leave: %w", err)
	}
	return s.finishLeaving(ctx)
}

// openSealed is for a store that is opened while the engine is being left, or afterwards.
func (s *Store) openSealed(ctx context.Context) error {
	s.left.Store(true)
	has, err := s.projector.ProjectedTo(ctx, s.source("id"))
	switch {
	case err != nil:
		return fmt.Errorf("jetstream: catalog: %w", err)
	case has == s.id:
		return nil // a worker of this process may have to finish
	case has != 0:
		return s.otherStreams()
	}
	if err := s.finishLeaving(ctx); err != nil {
		return err
	}
	return fmt.Errorf("jetstream: the streams named %q: %w: make the Runner on the store that was the catalog; to move to the engine again, call Forget first", s.config.Name, ErrLeft)
}

// finishLeaving does what is left to do once the catalog is free. It may be repeated.
func (s *Store) finishLeaving(ctx context.Context) error {
	for p := range s.config.Partitions {
		cp, err := s.checkpointOf(ctx, p)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue // it was removed, and its requests are recorded
		}
		if err != nil {
			return err
		}
		if err := s.record(ctx, cp.Requests); err != nil {
			return err
		}
		if err := s.js.DeleteStream(ctx, s.names.state(p)); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("jetstream: remove stream %s: %w", s.names.state(p), err)
		}
	}
	if err := s.js.DeleteKeyValue(ctx, s.names.workers()); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
		return fmt.Errorf("jetstream: remove bucket %s: %w", s.names.workers(), err)
	}
	return nil
}

// seal makes the servers refuse what is appended to the log.
func (s *Store) seal(ctx context.Context) error {
	info, err := s.log.Info(ctx)
	if err == nil && !info.Config.Sealed {
		config := info.Config
		config.Sealed = true
		_, err = s.js.UpdateStream(ctx, config)
	}
	if err != nil {
		return fmt.Errorf("jetstream: seal stream %s: %w", s.names.events(), err)
	}
	s.left.Store(true)
	return nil
}

// isFree reports whether the catalog is no catalog of this engine any more.
func (s *Store) isFree(ctx context.Context) bool {
	id, err := s.projector.ProjectedTo(ctx, s.source("id"))
	return err == nil && id == 0
}

// record records the requests that wait for effects whose outcomes are not known.
func (s *Store) record(ctx context.Context, requests map[string]automation.RunRequest) error {
	for id, request := range requests {
		_, err := s.catalog.RecordRunRequest(ctx, id, request, now())
		if err != nil && !errors.Is(err, automation.ErrNotFound) && !errors.Is(err, automation.ErrConflict) {
			return fmt.Errorf("jetstream: leave: %w", err)
		}
	}
	return nil
}

// Forget removes what Leave leaves on the servers, so that New can take over again. Call it when
// all processes were replaced that used the engine. name is Options.Name. It fails with ErrStreams
// if the engine was not left.
func Forget(ctx context.Context, nc *nats.Conn, name string) error {
	opts, err := Options{Name: name, SyncedByHost: true}.withDefaults()
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(opts.Timeout))
	if err != nil {
		return fmt.Errorf("jetstream: %w", err)
	}
	log := names{prefix: opts.Name}.events()
	stream, err := js.Stream(ctx, log)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("jetstream: stream %s: %w", log, err)
	case !stream.CachedInfo().Config.Sealed:
		return fmt.Errorf("jetstream: %w: the engine %q was not left: call Leave first", ErrStreams, opts.Name)
	}
	if _, err := js.Stream(ctx, names{prefix: opts.Name}.state(0)); !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("jetstream: %w: the engine %q is being left: wait until Leave has returned", ErrStreams, opts.Name)
	}
	if err := js.DeleteStream(ctx, log); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("jetstream: remove stream %s: %w", log, err)
	}
	return nil
}

// watchInterval is how often a worker looks whether the engine is being left.
const watchInterval = time.Second

// watchEnd looks now and then whether the engine is being left, and closes over when all partitions
// were. It has a goroutine of its own, because a call that servers do not answer must not keep the
// worker from showing that it is alive.
func (w *Worker) watchEnd(ctx context.Context, over chan<- struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchInterval):
		}
		if w.seesEnd(ctx) {
			close(over)
			return
		}
	}
}

// seesEnd looks whether the engine is being left, and reports whether all partitions were.
func (w *Worker) seesEnd(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if !w.left.Load() {
		stream, err := w.js.Stream(ctx, w.names.events())
		if err != nil || !stream.CachedInfo().Config.Sealed {
			return false
		}
		w.left.Store(true)
		w.config.Logger.Info("jetstream: the engine is being left")
	}
	for p := range w.config.Partitions {
		cp, err := w.checkpointOf(ctx, p)
		if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) || err == nil && !cp.Left {
			return false
		}
	}
	return true
}

// isDrained reports whether the engine is being left, and the partition has handled all that the
// log has.
func (p *partition) isDrained(ctx context.Context) (bool, error) {
	if !p.left.Load() || len(p.entries) > 0 {
		return false, nil
	}
	if err := p.markHeld(ctx); err != nil {
		return false, err
	}
	return p.read >= p.mark, nil
}

// leave gives everything back to the catalog: outcomes of effects in flight, copies, and events
// whose turns could not be planned.
func (p *partition) leave(ctx context.Context) error {
	p.leaving = true
	if err := p.finish(ctx); err != nil {
		return err
	}
	var states []contactState
	err := p.each(ctx, p.names.contact(p.number, "*"), 0, func(msg jetstream.Msg, seq uint64) error {
		c := contact{seq: seq}
		if len(msg.Data()) == 0 {
			return nil
		}
		data, err := p.joined(ctx, lastToken(msg.Subject()), msg.Data(), partsOf(msg.Headers()))
		if errors.Is(err, errNotOwner) {
			return err
		}
		if err != nil || c.decode(data) != nil {
			return nil // it is kept for an operator
		}
		states = append(states, c.state)
		return nil
	})
	if err != nil {
		return err
	}
	cp := p.cp
	cp.Requests = map[string]automation.RunRequest{}
	for i := range states {
		if err := p.giveBack(ctx, &states[i], cp.Requests); err != nil {
			return err
		}
	}
	cp.Left = true
	if err := p.publish(ctx, &cp, nil); err != nil {
		return err
	}
	return ErrLeft
}

// giveBack gives the catalog the events of a contact that were not handled, and adds its
// requests.
func (p *partition) giveBack(ctx context.Context, s *contactState, requests map[string]automation.RunRequest) error {
	for i := range s.Runs {
		if r := &s.Runs[i]; r.Request != automation.RequestNone {
			requests[r.ID] = r.Request
		}
	}
	for i := range s.Backlog {
		e := &s.Backlog[i]
		switch e.Kind {
		case kindRequest:
			requests[e.RunID] = e.Request
		case kindEvent:
			if err := p.retry(ctx, "event", func() error { return p.giveBackEvent(ctx, e) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// giveBackEvent appends an event to the catalog, unless the catalog has it.
func (p *partition) giveBackEvent(ctx context.Context, e *entry) error {
	_, err := p.catalog.FindEvent(ctx, e.Event.ID)
	if !errors.Is(err, automation.ErrNotFound) {
		return err
	}
	d, err := p.catalog.FindEventDefinition(ctx, e.Event.Name)
	if err != nil && !errors.Is(err, automation.ErrNotFound) {
		return err
	}
	_, err = p.catalog.AppendEvents(ctx, []automation.NewEvent{{
		Event: *e.Event, Schema: string(d.Schema), ContentHash: e.ContentHash, KeyExpiresAt: e.KeyExpiresAt,
		Unannounced: e.Unannounced, HostContact: true,
	}})
	return err
}
