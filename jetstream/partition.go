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

// errNotOwner is the error of a partition that another worker has taken over.
var errNotOwner = errors.New("another worker owns the partition")

// maxInputs is how many entries, and how many due contacts, one batch handles at most. Each
// contact takes up to two messages of an atomic batch.
const maxInputs = 200

// For each place of a worker, maxInLine effects may be in flight or wait for a place before no more
// entries are read, until only minInLine are left. More would wait for so long that their time is up
// before they begin. With one limit, entries would be read one by one.
const (
	maxInLine = 8
	minInLine = 4
)

// partition is a worker's work on one partition, from takeover to its end. One goroutine, that
// of run, uses the fields without a comment of their own.
type partition struct {
	*Worker
	number   int
	partSize int // of a message with a part of a state
	state    jetstream.Stream

	cp       checkpoint
	read     uint64    // the sequence of the last entry that was read
	held     []outcome // outcomes that wait until mark was read
	mark     uint64
	full     bool                // so many effects are in line that no entries are read
	leaving  bool                // effects do not begin any more
	position uint64              // the sequence of the last entry that is being handled, or was
	logTime  time.Time           // what was accepted up to then and is in the log is being handled, or was
	contacts map[string]*contact // by token: those in use, and others as a cache
	// forgotten is a sequence after which no state of a contact was written that is not in contacts.
	forgotten uint64
	busy      map[string]*contact // those for checkpoint.InFlight
	starts    starters
	timers    timerQueue
	loaded    int64     // the last bucket whose timers were read
	ticking   time.Time // of the tick on its way; zero: none is
	purged    int64     // the buckets before it were purged

	entries  chan entry      // of the log, in order
	outcomes chan outcome    // of effects
	pending  int             // effects whose outcomes are still to come
	bound    context.Context // of effects
	cut      context.CancelFunc
	ended    chan struct{} // closed when run returns, and no outcome is received any more
	copies   *projector
	fail     context.CancelCauseFunc // ends the context of run
}

// outcome is the outcome of an effect of a contact.
type outcome struct {
	token   string
	key     automation.ContactRef
	hasSlot bool // of the worker
	automation.Outcome
}

func newPartition(w *Worker, number int) *partition {
	p := &partition{
		Worker: w, number: number, partSize: int(w.nc.MaxPayload()) - headRoom, contacts: map[string]*contact{}, busy: map[string]*contact{},
		entries: make(chan entry, 2*maxInputs), outcomes: make(chan outcome),
		ended: make(chan struct{}),
	}
	p.bound, p.cut = context.WithCancel(context.Background())
	return p
}

// run owns the partition until ctx ends, or until another worker takes it over. Effects in
// flight get their time, and their outcomes are written.
func (p *partition) run(ctx context.Context) error {
	defer close(p.ended)
	ctx, p.fail = context.WithCancelCause(ctx)
	defer p.fail(nil)
	// What the loop has begun it completes after the end of ctx.
	bound := context.WithoutCancel(ctx)
	var err error
	if p.state, err = p.js.Stream(ctx, p.names.state(p.number)); err != nil {
		return fmt.Errorf("jetstream: stream %s: %w", p.names.state(p.number), err)
	}
	if err := p.takeOver(ctx); err != nil {
		return err
	}
	projecting := make(chan struct{})
	go func() { defer close(projecting); p.copies.run(ctx) }()
	defer func() { p.copies.stop(); <-projecting }()
	reading, from := make(chan struct{}), p.cp.Log+1
	go func() { defer close(reading); p.readLog(ctx, from) }()
	defer func() { p.fail(nil); <-reading }()
	for ctx.Err() == nil {
		if over, err := p.isDrained(ctx); over || err != nil {
			if err == nil {
				err = p.leave(bound)
			}
			return err
		}
		in, err := p.gather(ctx)
		if err == nil {
			err = p.handle(bound, in)
		}
		if err != nil {
			p.handOver(bound, append(in.outcomes, p.held...))
			return err
		}
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, errNotOwner) {
		p.handOver(bound, p.held)
		return cause
	}
	err = p.finish(bound)
	if !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// takeOver makes this worker the owner, and reads what an owner has to know.
func (p *partition) takeOver(ctx context.Context) error {
	cp, err := p.readCheckpoint(ctx)
	if err != nil {
		return err
	}
	if cp.Left {
		return ErrLeft
	}
	cp.Owner, cp.Epoch = p.opts.ID, cp.Epoch+1
	if cp.Bucket == 0 {
		cp.Bucket = bucketOf(now())
	}
	msg, err := p.checkpointMessage(cp)
	if err != nil {
		return err
	}
	if cp.seq, err = p.publishAll(ctx, []*nats.Msg{msg}); errors.Is(err, errRefused) {
		return errNotOwner
	} else if err != nil {
		return err
	}
	p.cp, p.purged, p.read, p.forgotten = cp, cp.Bucket, cp.Log, cp.seq
	if p.copies, err = p.resumeCopies(ctx); err != nil {
		return err
	}
	if p.starts, err = p.readStarters(ctx); err != nil {
		return err
	}
	if err := p.loadBuckets(ctx, cp.Bucket, bucketOf(now())+1); err != nil {
		return err
	}
	return p.resumeEffects(ctx)
}

// resumeEffects waits for the effects in flight of the owner before: their outcomes are unknown
// at their deadlines.
func (p *partition) resumeEffects(ctx context.Context) error {
	contacts, err := p.load(ctx, p.cp.InFlight)
	if err != nil {
		return err
	}
	for _, c := range contacts {
		for i := range c.state.Runs {
			if r := &c.state.Runs[i]; r.Status == automation.RunRunning && !r.DueAt.IsZero() {
				c.inFlight[r.ID] = nil
			}
		}
		c.timer = time.Time{} // it may be a deadline, for which none is written
		if err := p.settle(ctx, c); err != nil {
			return err
		}
		p.note(c)
		_, deadline := c.due()
		p.timers.add(c.token, deadline)
	}
	return nil
}

// now is the time with the precision that stores keep.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// readLog passes the entries of the log on, from a sequence on, until ctx ends.
func (p *partition) readLog(ctx context.Context, from uint64) {
	consumer, err := p.js.OrderedConsumer(ctx, p.names.events(), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{p.names.log(p.number)},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		p.fail(fmt.Errorf("jetstream: log of partition %d: %w", p.number, err))
		return
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(2*maxInputs), pullExpiry, pullHeartbeat)
	if err != nil {
		p.fail(fmt.Errorf("jetstream: log of partition %d: %w", p.number, err))
		return
	}
	stop := context.AfterFunc(ctx, messages.Stop)
	defer stop()
	for {
		msg, err := messages.Next()
		if ctx.Err() != nil || errors.Is(err, jetstream.ErrMsgIteratorClosed) {
			return
		}
		if err != nil {
			p.fail(fmt.Errorf("jetstream: log of partition %d: %w", p.number, err))
			return
		}
		e, err := decodeEntry(msg)
		if err != nil {
			if err := p.keepDamaged(ctx, msg.Subject(), e.Seq, msg.Data(), err); err != nil {
				p.fail(err)
				return
			}
		}
		select {
		case p.entries <- e:
		case <-ctx.Done():
			return
		}
	}
}

// inputs is what one batch handles.
type inputs struct {
	entries  []entry
	contacts int // that the entries are about, each counted for each of its entries
	outcomes []outcome
}

// gather waits for something to handle, and returns what is there. It marks the time in the log
// when a timer fires: what comes before the mark was accepted before.
func (p *partition) gather(ctx context.Context) (in inputs, err error) {
	if err := p.copies.room(ctx); err != nil {
		return in, err
	}
	if p.lookAtLine(); p.full && len(p.held) > 0 {
		in.outcomes, p.held = p.held, nil // they have places that others wait for
		return in, nil
	}
	wait := time.NewTimer(p.untilTimer())
	defer wait.Stop()
	marked := len(p.held)
	select {
	case e := <-p.readable():
		p.add(&in, e)
	case o := <-p.outcomes:
		p.held = append(p.held, o)
	case <-p.lineChanges():
		return in, nil
	case <-wait.C:
		return in, p.onTime(ctx)
	case <-ctx.Done():
		return in, nil
	}
	for more := true; more && in.contacts < p.maxInputs() && len(p.held) < maxInputs; {
		select {
		case e := <-p.readable():
			p.add(&in, e)
		case o := <-p.outcomes:
			p.held = append(p.held, o)
		default:
			more = false
		}
	}
	if len(p.held) > marked {
		err = p.markHeld(ctx)
	}
	if p.read >= p.mark || p.full || len(p.held) >= maxInputs {
		in.outcomes, p.held = p.held, nil
	}
	return in, err
}

// maxInputs returns how many entries, and how many due contacts, one batch may handle.
func (p *partition) maxInputs() int { return min(maxInputs, minInLine*p.opts.Concurrency) }

// lookAtLine decides whether entries are read, by how many effects of the worker are in line.
func (p *partition) lookAtLine() {
	switch n := int(p.inLine.Load()); {
	case n >= maxInLine*p.opts.Concurrency:
		p.full = true
	case n <= minInLine*p.opts.Concurrency:
		p.full = false
	}
}

// readable returns the channel of entries, or nil if none are to be read.
func (p *partition) readable() <-chan entry {
	if p.full {
		return nil
	}
	return p.entries
}

// markHeld remembers the end of the log. Held outcomes are handled when it has been read, so
// that a request whose caller has its answer counts before the next effect of its run.
func (p *partition) markHeld(ctx context.Context) (err error) {
	p.mark, err = p.endOfLog(ctx)
	return err
}

// endOfLog returns the sequence of the last entry of the log, and 0 if the log is empty.
func (p *partition) endOfLog(ctx context.Context) (end uint64, err error) {
	err = p.retry(ctx, "end of the log", func() error {
		msg, err := p.log.GetLastMsgForSubject(ctx, p.names.log(p.number))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err == nil {
			end = msg.Sequence
		}
		return err
	})
	return end, err
}

// linePause is after how long to look at the line again: other partitions of the worker change it.
const linePause = 5 * time.Millisecond

// lineChanges returns a channel that ends a wait in which the line may matter.
func (p *partition) lineChanges() <-chan time.Time {
	if !p.full && len(p.held) == 0 {
		return nil
	}
	return time.After(linePause)
}

// add adds an entry to inputs.
func (p *partition) add(in *inputs, e entry) {
	in.entries, p.read = append(in.entries, e), e.Seq
	in.contacts += max(1, len(e.Contacts))
}

// handle handles inputs. After a change of automations, the entries behind it see the new ones.
func (p *partition) handle(ctx context.Context, in inputs) error {
	for from := 0; from < len(in.entries) || len(in.outcomes) > 0; {
		to := from
		for to < len(in.entries) && in.entries[to].Kind != kindCatalog {
			to++
		}
		part := inputs{entries: in.entries[from:to], outcomes: in.outcomes}
		if to < len(in.entries) { // a change of automations follows
			part.entries = in.entries[from : to+1]
		}
		if err := p.handlePart(ctx, part); err != nil {
			return err
		}
		in.outcomes, from = nil, to+1
		if to < len(in.entries) {
			if err := p.retry(ctx, "automations", func() (err error) {
				p.starts, err = p.readStarters(ctx)
				return err
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// retry calls what until it succeeds, with pauses. It gives up when the partition's time is
// over.
func (p *partition) retry(ctx context.Context, what string, call func() error) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := call()
		if err == nil || errors.Is(err, errNotOwner) || errors.Is(err, automation.ErrClosed) || errors.Is(err, ErrLeft) || ctx.Err() != nil {
			return err
		}
		p.config.Logger.Error("jetstream: cannot go on", "partition", p.number, "what", what, "error", err)
		select {
		case <-time.After(pause):
		case <-p.stopped:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
