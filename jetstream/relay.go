package jetstream

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/relay"
)

// relayRetry is how long the relay waits after an error.
const relayRetry = time.Second

// relay makes the owners of partitions look at contacts whose work only the catalog has: once at
// all of them, and then at those that get events in transactions. It ends with ctx. Two relays at
// the same time do no harm.
func (s *Store) relay(ctx context.Context) {
	for ctx.Err() == nil && !s.left.Load() {
		err := guard(func() error {
			if err := s.announceAll(ctx, func(int) {}); err != nil {
				return err
			}
			following, stop := context.WithCancel(ctx)
			followed := make(chan struct{})
			go func() { defer close(followed); s.followAutomations(following) }()
			defer func() { stop(); <-followed }()
			return relay.Run(ctx, s.projector, relay.Options{Logger: s.config.Logger, Batch: maxBatch / 2}, s.look)
		})
		if ctx.Err() != nil || errors.Is(err, automation.ErrClosed) || errors.Is(err, ErrLeft) {
			return
		}
		s.config.Logger.Error("jetstream: cannot relay", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(relayRetry):
		}
	}
}

// maxLook is how many contacts one entry names at most. A batch may have that many more than
// maxInputs.
const maxLook = 100

// look appends entries that name the contacts.
func (s *Store) look(ctx context.Context, refs []automation.ContactRef) error {
	byPartition := map[int][]automation.ContactRef{}
	for _, ref := range refs {
		p := s.names.partitionOf(tokenOf(ref))
		byPartition[p] = append(byPartition[p], ref)
	}
	var msgs []*nats.Msg
	for p, contacts := range byPartition {
		for some := range slices.Chunk(contacts, maxLook) {
			msg, err := message(s.names.log(p), entry{Kind: kindLook, Contacts: some})
			if err != nil {
				return err
			}
			msgs = append(msgs, msg)
		}
	}
	_, err := s.publishAll(ctx, msgs)
	if errors.Is(err, ErrLeft) {
		return nil // they wait in the catalog for Runners
	}
	return err
}

// announceAll makes the owners look at every contact that has work in the catalog, and then lets
// them know that these were all, unless that was done before. It calls progress with how many
// contacts there were so far.
func (s *Store) announceAll(ctx context.Context, progress func(contacts int)) error {
	source := s.source("moved")
	done, err := s.projector.ProjectedTo(ctx, source)
	if err != nil || done > 0 {
		return err
	}
	if err := relay.All(ctx, s.projector, maxBatch/2, s.look, progress); err != nil {
		return err
	}
	if err := s.appendToAll(ctx, entry{Kind: kindMoved}); err != nil {
		return err
	}
	err = s.projector.Project(ctx, automation.Projection{Source: source, Sequence: 1})
	if errors.Is(err, automation.ErrConflict) { // another process has done the same
		return nil
	}
	return err
}

// followInterval is how soon a change of automations counts that a process made which has no
// store of the engine.
const followInterval = 5 * time.Second

// followAutomations announces the changes of automations that are made in the catalog directly,
// by processes that are not replaced yet.
func (s *Store) followAutomations(ctx context.Context) {
	var last starters
	for ctx.Err() == nil {
		current, err := s.readStarters(ctx)
		if err == nil && last != nil && !reflect.DeepEqual(last, current) {
			err = s.announceCatalog(ctx)
		}
		if err == nil {
			last = current
		} else if ctx.Err() == nil {
			s.config.Logger.Warn("jetstream: cannot follow the automations of the catalog", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(followInterval):
		}
	}
}

// MoveProgress is how far a move to the engine, or back, has come.
type MoveProgress struct {
	// Contacts is how many contacts with work were found in the catalog, for a move to the
	// engine.
	Contacts int
	// Partitions is how many partitions have finished their part, of Of.
	Partitions, Of int
}

// pollMove is how often a call that waits for the partitions reads their checkpoints.
const pollMove = 100 * time.Millisecond

// Move waits until all runs that were in progress in the catalog have moved to the streams, and
// calls progress, which may be nil, as it comes forward. Workers must run meanwhile: they move the
// runs also if no process calls Move. A contact on which a process works that began before
// moves when that process has finished; Move does not wait for it.
func (s *Store) Move(ctx context.Context, progress func(MoveProgress)) error {
	if progress == nil {
		progress = func(MoveProgress) {}
	}
	p := MoveProgress{Of: s.config.Partitions}
	if err := s.announceAll(ctx, func(n int) { p.Contacts = n; progress(p) }); err != nil {
		return fmt.Errorf("jetstream: move: %w", err)
	}
	return s.awaitPartitions(ctx, func(cp checkpoint) bool { return cp.Moved }, func(n int) { p.Partitions = n; progress(p) })
}

// awaitPartitions waits until the checkpoints of all partitions are as is wants them.
func (s *Store) awaitPartitions(ctx context.Context, is func(cp checkpoint) bool, progress func(partitions int)) error {
	ready := map[int]bool{}
	progress(0)
	for {
		before := len(ready)
		for p := range s.config.Partitions {
			if ready[p] {
				continue
			}
			cp, err := s.checkpointOf(ctx, p)
			if err != nil {
				return err
			}
			if is(cp) {
				ready[p] = true
			}
		}
		if len(ready) != before {
			progress(len(ready))
		}
		if len(ready) == s.config.Partitions {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("jetstream: %d of %d partitions are ready; they need workers that run: %w", len(ready), s.config.Partitions, ctx.Err())
		case <-time.After(pollMove):
		}
	}
}

// checkpointOf returns the checkpoint of a partition, as it was written last.
func (s *Store) checkpointOf(ctx context.Context, number int) (checkpoint, error) {
	stream, err := s.js.Stream(ctx, s.names.state(number))
	if err != nil {
		return checkpoint{}, fmt.Errorf("jetstream: stream %s: %w", s.names.state(number), err)
	}
	return readCheckpoint(ctx, stream, s.names.checkpoint(number))
}
