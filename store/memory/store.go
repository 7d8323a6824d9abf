// Package memory keeps automations, events, contacts and runs in the memory of
// the process. It is the store for tests, simulations and flows that may be
// lost with the process, and the reference for every other store.
package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

// Store is an automation.Store in memory. It is safe for concurrent use.
type Store struct {
	mu     sync.Mutex
	closed bool

	automations map[string]*automationEntry
	created     []*automationEntry // in order of creation
	triggers    map[string][]*automationEntry
	started     map[string][]automation.VersionRef // what triggers have been asked for
	definitions map[automation.VersionRef]*definition
	retired     map[string]int // last versions of automations that were deleted

	defined  []*automation.EventDefinition // in order of creation
	segments []automation.Segment          // in order of creation
	events   map[string]*event
	keys     map[idempotency]keyUse

	contacts map[string]*desk // by contact id
	inboxes  map[string]*desk // by email, for events that came before the contact
	token    uint32           // the greatest of an inbox that is gone
	emails   map[string]*desk // by email, of contacts
	listed   []*desk          // contacts in order of creation, and some deleted ones
	removed  int              // how many of listed are deleted
	due      dueHeap
	claimed  []automation.Work // room for a claim

	runs    map[string]*run
	history []*run // in order of creation
	seq     uint64 // numbers runs, contacts and automations in order of creation

	watchers map[int]func()
	watched  int
}

var (
	_ automation.Store   = (*Store)(nil)
	_ automation.Watcher = (*Store)(nil)
)

// New returns an empty store.
func New() *Store {
	return &Store{
		automations: map[string]*automationEntry{},
		triggers:    map[string][]*automationEntry{},
		started:     map[string][]automation.VersionRef{},
		definitions: map[automation.VersionRef]*definition{},
		retired:     map[string]int{},
		events:      map[string]*event{},
		keys:        map[idempotency]keyUse{},
		contacts:    map[string]*desk{},
		inboxes:     map[string]*desk{},
		emails:      map[string]*desk{},
		runs:        map[string]*run{},
		watchers:    map[int]func(){},
	}
}

// Close makes every later call fail with an error that wraps
// automation.ErrClosed, and forgets everything.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := New()
	s.automations, s.created, s.triggers, s.started, s.definitions = fresh.automations, nil, fresh.triggers, fresh.started, fresh.definitions
	s.defined, s.events, s.keys = nil, fresh.events, fresh.keys
	s.contacts, s.inboxes, s.emails, s.listed, s.removed, s.due = fresh.contacts, fresh.inboxes, fresh.emails, nil, 0, nil
	s.runs, s.history = fresh.runs, nil
	s.closed = true
	return nil
}

// Watch calls wake whenever any Runner or application has added work.
func (s *Store) Watch(ctx context.Context, wake func()) error {
	s.mu.Lock()
	s.watched++
	id := s.watched
	s.watchers[id] = wake
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	delete(s.watchers, id)
	s.mu.Unlock()
	return ctx.Err()
}

// lock takes the mutex, unless ctx has ended or the store was closed.
func (s *Store) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("memory store: %w", automation.ErrClosed)
	}
	return nil
}

func (s *Store) wake() {
	for _, wake := range s.watchers {
		wake()
	}
}

// missingError says what was not found. It is made for every event without
// definition, so its text is left until somebody wants to read it.
type missingError struct{ kind, id string }

func (e *missingError) Error() string { return fmt.Sprintf("%s %q: %v", e.kind, e.id, e.Unwrap()) }
func (e *missingError) Unwrap() error { return automation.ErrNotFound }

func notFound(kind, id string) error { return &missingError{kind, id} }

func conflict(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, automation.ErrConflict)...)
}

// micros keeps times as integers: a third of the size of a time.Time, and no
// pointer for the garbage collector to follow. They count microseconds since
// the zero time, which is therefore 0.
type micros int64

// epoch is 1970 in micros.
const epoch = 62135596800 * 1e6

func toMicros(t time.Time) micros { return micros(t.UnixMicro() + epoch) }

// kept returns t as the store keeps it: in UTC, with microseconds.
func kept(t time.Time) time.Time { return toMicros(t).time() }

func (m micros) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(m) - epoch).UTC()
}

// desk is where all work of one contact lies: what the lease is on. It also
// holds the contact, unless the host does. Its fields are ordered for size: a
// million contacts that sleep have one each.
type desk struct {
	id           string // of the contact; in an inbox, the email
	inbox        bool   // it is for an email that belonged to no contact
	known        bool   // the contact is in this store, and was not deleted
	deleted      bool   // the contact was in this store
	unsubscribed bool
	place        int32   // index in the heap plus one, 0: not in it
	handled      int32   // how many of events, from the front, have been handled
	token        uint32  // of the last lease
	contact      contact // if known
	leased       micros  // end of the lease, 0: free
	due          micros  // when it can be claimed, 0: never; its place in the heap
	events       []*event
	running      []*run  // runs that have not ended, or are asked to go on
	ended        *[]*run // nil until the first run has ended
}

func (d *desk) ref() automation.ContactRef {
	if d.inbox {
		return automation.ContactRef{Email: d.id}
	}
	return automation.ContactRef{ID: d.id}
}

func (d *desk) pending() []*event { return d.events[d.handled:] }

// work returns when the desk's work is due, leases aside. 0 means never.
func (d *desk) work() micros {
	var at micros
	earlier := func(t micros) {
		if t != 0 && (at == 0 || t < at) {
			at = t
		}
	}
	if p := d.pending(); len(p) > 0 {
		earlier(p[0].accepted)
	}
	for _, r := range d.running {
		earlier(r.due)
	}
	return at
}

// schedule puts the desk where it belongs in the heap.
func (s *Store) schedule(d *desk) {
	at := d.work()
	if at != 0 && d.leased > at {
		at = d.leased
	}
	s.due.set(d, at)
}

// hasten is schedule for a desk that got work for at and lost none.
func (s *Store) hasten(d *desk, at micros) {
	at = max(at, d.leased)
	if d.due == 0 || at < d.due {
		s.due.set(d, at)
	}
}
