package jetstream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/seed-b636437c/automation"
)

// projector writes copies of what a partition has done to the catalog, in batches, in order,
// and each exactly once: the catalog compares the sequence.
type projector struct {
	p      *partition
	source string

	mu      sync.Mutex
	queue   []copies
	added   int64         // the sequence of the last copies in the queue
	done    int64         // the sequence that the catalog is at
	log     uint64        // what the log has up to here is in the catalog
	purged  uint64        // what the log had up to here was removed
	err     error         // why the projector has given up
	ended   bool          // no copies will be added
	changed chan struct{} // closed and replaced when a field changes
}

// copies are what one batch has done.
type copies struct {
	sequence int64
	log      uint64
	events   []automation.ProjectedEvent
	runs     []automation.RunChange

	decisions []automation.Decision
	entries   []automation.ProjectedEntry
}

// copyOf returns the copies of contacts whose states were written up to a sequence.
func (p *partition) copyOf(sequence int64, log uint64, written []*work) copies {
	c := copies{sequence: sequence, log: log}
	for _, w := range written {
		c.runs = append(c.runs, w.turn.Runs...)
		for _, h := range w.state.Handled {
			if w.handles(h.id()) {
				c.events = append(c.events, h.projected(&h.entry))
			}
		}
		c.decisions = append(c.decisions, w.turn.Decisions...)
		c.addEntries(w.contact.key.ID, w.turn.Entries...)
	}
	return c
}

func (h handledEvent) projected(e *entry) automation.ProjectedEvent {
	return automation.ProjectedEvent{
		Event: *e.Event, HandledAt: h.HandledAt, ContentHash: e.ContentHash, KeyExpiresAt: e.KeyExpiresAt,
		HandledEvent: automation.HandledEvent{ID: e.Event.ID, Resumed: h.Resumed, Ended: h.Ended, Reason: h.Reason},
	}
}

// resumeCopies returns the projector of a partition that was taken over. It begins with what
// the owner before has written to the stream and not to the catalog.
func (p *partition) resumeCopies(ctx context.Context) (*projector, error) {
	pr := &projector{p: p, source: p.source(fmt.Sprint(p.number)), changed: make(chan struct{})}
	done, err := p.projector.ProjectedTo(ctx, pr.source)
	if err != nil {
		return nil, fmt.Errorf("jetstream: catalog: %w", err)
	}
	pr.done, pr.added = done, done
	missing := copies{sequence: int64(p.cp.seq), log: p.cp.Log}
	err = p.each(ctx, p.names.contact(p.number, "*"), uint64(done)+1, func(msg jetstream.Msg, seq uint64) error {
		if len(msg.Data()) == 0 {
			return nil
		}
		c := contact{seq: seq}
		data, err := p.joined(ctx, lastToken(msg.Subject()), msg.Data(), partsOf(msg.Headers()))
		if errors.Is(err, errNotOwner) {
			return err
		}
		if err == nil {
			err = c.decode(data)
		}
		if err != nil {
			return p.keepDamaged(ctx, msg.Subject(), seq, msg.Data(), err)
		}
		return missing.addState(ctx, p, &c.state)
	})
	if err == nil && missing.sequence > done {
		pr.add(missing)
	}
	return pr, err
}

// addEntries adds counts of a contact's starts.
func (c *copies) addEntries(contactID string, counts ...automation.EntryCount) {
	for _, n := range counts {
		c.entries = append(c.entries, automation.ProjectedEntry{ContactID: contactID, EntryCount: n})
	}
}

// addState adds all that a state has for the catalog.
func (c *copies) addState(ctx context.Context, p *partition, s *contactState) error {
	for _, r := range s.Runs {
		c.runs = append(c.runs, automation.RunChange{RunRecord: r.RunRecord, Outputs: r.Outputs, DropOutputs: r.DropOutputs})
	}
	for _, e := range s.Entries {
		c.addEntries(s.Key.ID, e.EntryCount)
	}
	for _, d := range s.Decisions {
		c.decisions = append(c.decisions, d.Decision)
	}
	for _, h := range s.Handled {
		if h.Event != nil {
			c.events = append(c.events, h.projected(&entry{Event: h.Event}))
			continue
		}
		if h.Seq == 0 {
			if err := c.addTaken(ctx, p, h); err != nil {
				return err
			}
			continue
		}
		msg, err := p.log.GetMsg(ctx, h.Seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue // it is in the catalog: the log was cleaned up to here
		}
		if err != nil {
			return fmt.Errorf("jetstream: entry %d of the log: %w", h.Seq, err)
		}
		var e entry
		if err := json.Unmarshal(msg.Data, &e); err != nil || e.Event == nil {
			continue
		}
		c.events = append(c.events, h.projected(&e))
	}
	return nil
}

// addTaken adds an event whose body the catalog has.
func (c *copies) addTaken(ctx context.Context, p *partition, h handledEvent) error {
	record, err := p.catalog.FindEvent(ctx, h.ID)
	if errors.Is(err, automation.ErrNotFound) {
		return nil // it was pruned
	}
	if err != nil {
		return fmt.Errorf("jetstream: event %q: %w", h.ID, err)
	}
	c.events = append(c.events, h.projected(&entry{Event: &record.Event}))
	return nil
}

// add adds copies to the queue.
func (pr *projector) add(c copies) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.queue, pr.added = append(pr.queue, c), c.sequence
	pr.signal()
}

// signal wakes all who wait for a change. The caller holds pr.mu.
func (pr *projector) signal() {
	close(pr.changed)
	pr.changed = make(chan struct{})
}

// stop makes run return once the queue is empty.
func (pr *projector) stop() {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.ended = true
	pr.signal()
}

// projected returns the sequence that the catalog is at.
func (pr *projector) projected() int64 {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	return pr.done
}

// cleanable returns the position up to which the log can be removed, or 0 if there is too
// little to remove.
func (pr *projector) cleanable() uint64 {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	if pr.log <= pr.purged {
		return 0
	}
	return pr.log
}

func (pr *projector) cleaned(seq uint64) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.purged = seq
}

// maxQueued is how many batches wait for the catalog before the partition waits too.
const maxQueued = 256

// room waits until the queue is short enough.
func (pr *projector) room(ctx context.Context) error {
	pr.mu.Lock()
	for len(pr.queue) > maxQueued && pr.err == nil && ctx.Err() == nil {
		changed := pr.changed
		pr.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		pr.mu.Lock()
	}
	defer pr.mu.Unlock()
	return pr.err
}

// flush waits until the catalog has all copies that were added before.
func (pr *projector) flush(ctx context.Context) error {
	pr.mu.Lock()
	want := pr.added
	for pr.done < want && pr.err == nil {
		changed := pr.changed
		pr.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		pr.mu.Lock()
	}
	defer pr.mu.Unlock()
	return pr.err
}

// run writes copies until stop, or until another worker has taken the partition over.
func (pr *projector) run(ctx context.Context) {
	for {
		batch, ok := pr.next()
		if !ok {
			return
		}
		if err := pr.project(context.WithoutCancel(ctx), batch); err != nil {
			pr.mu.Lock()
			pr.err = err
			pr.signal()
			pr.mu.Unlock()
			pr.p.fail(err)
			return
		}
	}
}

// maxCopies is how many batches are written to the catalog at once.
const maxCopies = 64

// next waits for copies, and returns those that have gathered as one.
func (pr *projector) next() (batch copies, ok bool) {
	pr.mu.Lock()
	defer pr.mu.Unlock()
	for len(pr.queue) == 0 {
		if pr.ended {
			return batch, false
		}
		changed := pr.changed
		pr.mu.Unlock()
		<-changed
		pr.mu.Lock()
	}
	n := min(len(pr.queue), maxCopies)
	batch = merge(pr.queue[:n])
	pr.queue = append([]copies(nil), pr.queue[n:]...)
	return batch, true
}

// merge returns batches as one. The catalog merges what a run became in several of them.
func merge(batches []copies) (all copies) {
	for _, b := range batches {
		all.sequence, all.log = b.sequence, b.log
		all.events = append(all.events, b.events...)
		all.runs = append(all.runs, b.runs...)
		all.decisions, all.entries = append(all.decisions, b.decisions...), append(all.entries, b.entries...)
	}
	return all
}

// project writes copies to the catalog, however long that takes.
func (pr *projector) project(ctx context.Context, c copies) error {
	projection := automation.Projection{
		Source: pr.source, After: pr.projected(), Sequence: c.sequence, Events: c.events, Runs: c.runs,
		Decisions: c.decisions, Entries: c.entries,
	}
	err := pr.p.retry(ctx, "catalog", func() error {
		err := pr.p.projector.Project(ctx, projection)
		if errors.Is(err, automation.ErrConflict) {
			return pr.conflict(ctx, projection)
		}
		return err
	})
	if err != nil {
		return err
	}
	pr.mu.Lock()
	defer pr.mu.Unlock()
	pr.done, pr.log = c.sequence, c.log
	pr.signal()
	return nil
}

// conflict returns nil if the catalog has the projection already, because the answer to an
// earlier call was lost.
func (pr *projector) conflict(ctx context.Context, p automation.Projection) error {
	at, err := pr.p.projector.ProjectedTo(ctx, p.Source)
	switch {
	case err != nil:
		return err
	case at == p.Sequence:
		return nil
	default:
		return errNotOwner
	}
}

// planning is what the store needs to know of a turn that is being planned.
type planning struct {
	p      *partition
	events []automation.PendingEvent
}

type planningKey struct{}

// withPlanning makes the reads of a turn, or of an effect, see what is not in the catalog yet.
func withPlanning(ctx context.Context, p *partition, events []automation.PendingEvent) context.Context {
	return context.WithValue(ctx, planningKey{}, planning{p, events})
}

// catchUp makes the catalog have the turns before, for the reads of one that is being planned.
func catchUp(ctx context.Context) error {
	if turn, plans := ctx.Value(planningKey{}).(planning); plans {
		return turn.p.copies.flush(ctx)
	}
	return nil
}

// ListContactEvents implements automation.EventReader. For a turn that is being planned it
// includes the events of that turn.
func (s *Store) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]automation.Event, error) {
	turn, _ := ctx.Value(planningKey{}).(planning)
	if err := catchUp(ctx); err != nil {
		return nil, err
	}
	events, err := s.catalog.ListContactEvents(ctx, contactID, name, since)
	if err != nil {
		return nil, err
	}
	for _, e := range turn.events {
		known := slices.ContainsFunc(events, func(k automation.Event) bool { return k.ID == e.ID }) // it is pending in the catalog
		if e.Name == name && !e.AcceptedAt.Before(since) && !known {
			events = append(events, e.Event)
		}
	}
	return events, nil
}

// FindRunOutputs implements automation.RunReader.
func (s *Store) FindRunOutputs(ctx context.Context, runID string) ([]automation.StepOutput, error) {
	if err := catchUp(ctx); err != nil {
		return nil, err
	}
	return s.catalog.FindRunOutputs(ctx, runID)
}

// FindEntries implements automation.RunReader. For a turn that is being planned it includes the
// counts of the turns before.
func (s *Store) FindEntries(ctx context.Context, contactID string, refs []automation.EntryRef) ([]automation.EntryCount, error) {
	if err := catchUp(ctx); err != nil {
		return nil, err
	}
	return s.catalog.FindEntries(ctx, contactID, refs)
}

// ListRuns implements automation.RunReader. A turn that is being planned sees what the turns before
// have done.
func (s *Store) ListRuns(ctx context.Context, q automation.RunQuery) (automation.Page[automation.RunRecord], error) {
	if err := catchUp(ctx); err != nil {
		return automation.Page[automation.RunRecord]{}, err
	}
	return s.catalog.ListRuns(ctx, q)
}

// FindEvent implements automation.EventReader, for a turn as ListRuns does.
func (s *Store) FindEvent(ctx context.Context, id string) (automation.EventRecord, error) {
	if err := catchUp(ctx); err != nil {
		return automation.EventRecord{}, err
	}
	return s.catalog.FindEvent(ctx, id)
}
