package automation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// turn is the work on one contact between two commits. begin and applyOutcome advance runs,
// transition returns what to write and, once that is written, the effects of the runs in
// ready may be performed. A task takes many turns under one lease, one after the other.
type turn struct {
	mu sync.Mutex // guards turnState while effects are in flight
	turnState
}

// turnState holds the fields of a turn, so that a task can reset all of them at once.
type turnState struct {
	r  *Runner
	in TurnInput
	// leased is for the turns of a task, under a lease. No effect is in flight when such
	// a turn begins. An attempt that may happen at most once is opened by the performer: a
	// crash while it waits in line does not make its outcome unknown.
	leased bool

	now     time.Time // when the current stage started
	contact *Contact  // as of now; nil if there is none
	runs    []*activeRun
	byID    map[string]*activeRun // some of runs; see find
	ready   []*activeRun          // runs whose effect may be performed once their state is written
	dirty   []*activeRun          // runs to write with the next transition, and some that were written since

	// The results of the work since the last transition.
	handled   []HandledEvent
	decisions []Decision
	counted   []EntryRef // whose counts changed
	change    *ContactChange
	remove    bool
	moveTo    *Contact
	created   bool
	sent      sentEvents
	notices   []Notice
	logs      []logRecord
	changes   []RunChange // spare capacity for the runs of a transition
	starts    []admission // spare capacity for the runs that an event starts

	schemas map[string]foundSchema // of the events that the runs can send, by name

	counts map[EntryRef]EntryCount // of starts, as of now
	// yields means that events came since the claim which may end a run: nothing more is
	// begun under the lease.
	yields   bool
	advanced int // events handled and runs advanced, for Drain's count
}

// activeRun is a run that a turn has loaded.
type activeRun struct {
	rec     RunRecord
	graph   *Graph // nil if this process cannot decode the run
	state   State
	action  Action
	data    Data
	cause   *Cause     // of the event that started the run
	payload []byte     // of the same event
	place   int        // in the runs of the turn
	request RunRequest // recorded in the store and not applied yet
	served  RunRequest // applied and not written yet
	isNew   bool
	dirty   bool
	moved   bool      // this turn has advanced the run
	freshAt time.Time // when the store last returned the contact and the run's request
	retryAt time.Time // when to look back again, after the store did not answer
}

// retryContactAfter is how long a Runner waits before it works on a contact again, after
// the store or the contact directory did not answer.
const retryContactAfter = time.Second

// spareRuns holds values for reuse.
var spareRuns = sync.Pool{New: func() any { return new(activeRun) }}

// add adds a run to the turn.
func (t *turn) add() *activeRun {
	run := spareRuns.Get().(*activeRun)
	run.place = len(t.runs)
	t.runs = append(t.runs, run)
	return run
}

// fewRuns is how many runs find looks through one by one.
const fewRuns = 16

// find returns the run with this id, nil if the turn has none. A contact may have tens of
// thousands of runs.
func (t *turn) find(id string) *activeRun {
	if len(t.runs) <= fewRuns {
		for _, run := range t.runs {
			if run.rec.ID == id {
				return run
			}
		}
		return nil
	}
	if t.byID == nil {
		t.byID = make(map[string]*activeRun, len(t.runs))
	}
	for _, run := range t.runs[len(t.byID):] {
		t.byID[run.rec.ID] = run
	}
	return t.byID[id]
}

// touch makes the next transition write the run.
func (t *turn) touch(run *activeRun) {
	if !run.dirty {
		run.dirty = true
		t.dirty = append(t.dirty, run)
	}
}

// begin loads the work, and advances all of it as far as possible without the outside
// world. The error is an error of the store or of the contact directory.
func (t *turn) begin(ctx context.Context) error {
	return guard(func() error { return t.loadAndPlan(ctx) })
}

func (t *turn) loadAndPlan(ctx context.Context) error {
	if t.now = t.in.Now; t.now.IsZero() {
		t.now = t.r.now()
	}
	if t.in.Key.ID == "" {
		return t.planEmail(ctx)
	}
	t.contact = t.in.Contact
	if err := t.refresh(ctx); err != nil {
		return err
	}
	for i := range t.in.Runs {
		if err := t.load(ctx, &t.in.Runs[i]); err != nil {
			return err
		}
	}
	return t.plan(ctx)
}

// refresh reads the contact from the contact directory, because the host may have changed
// it. A contact in the store comes with each claim and commit.
func (t *turn) refresh(ctx context.Context) error {
	if t.r.opts.Contacts == nil {
		return nil
	}
	c, err := t.r.findContact(ctx, ContactRef{ID: t.in.Key.ID})
	contact := &c
	if errors.Is(err, ErrNotFound) {
		contact, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("contact %q: %w", t.in.Key.ID, err)
	}
	t.mu.Lock()
	t.contact = contact
	t.mu.Unlock()
	return nil
}
