// Package memory keeps automations, events, contacts and runs in the memory of
// the process. It is the store for tests, simulations and flows that may be
// lost with the process, and the reference for every other store.
package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/seed-b636437c/automation"
)

// Store is an automation.Store in memory. It is safe for concurrent use.
type Store struct {
	mu     sync.Mutex
	closed bool

	automations   map[string]*automationEntry
	created       []*automationEntry // in order of creation
	triggers      map[string][]*automationEntry
	startsByEvent map[string][]automation.VersionRef // what triggers have been asked for
	versions      map[automation.VersionRef]*automationVersion
	retired       map[string]int // last versions of automations that were deleted

	eventDefinitions []*automation.EventDefinition // in order of creation
	segments         []automation.Segment          // in order of creation
	events           map[string]*event
	keys             map[idempotencyKey]keyUse

	contacts        map[string]*contactState // by contact id
	emails          map[string]*contactState // by email, for events that came before the contact
	token           uint32                   // the greatest of an inbox that is gone
	contactsByEmail map[string]*contactState // by email, of contacts
	listed          []*contactState          // contacts in order of creation, and some deleted ones
	removed         int                      // how many of listed are deleted
	due             dueHeap
	claimed         []automation.Work // room for a claim

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
		automations:     map[string]*automationEntry{},
		triggers:        map[string][]*automationEntry{},
		startsByEvent:   map[string][]automation.VersionRef{},
		versions:        map[automation.VersionRef]*automationVersion{},
		retired:         map[string]int{},
		events:          map[string]*event{},
		keys:            map[idempotencyKey]keyUse{},
		contacts:        map[string]*contactState{},
		emails:          map[string]*contactState{},
		contactsByEmail: map[string]*contactState{},
		runs:            map[string]*run{},
		watchers:        map[int]func(){},
	}
}

// Close makes every later call fail with an error that wraps
// automation.ErrClosed, and forgets everything.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := New()
	s.automations, s.created, s.triggers, s.startsByEvent, s.versions = fresh.automations, nil, fresh.triggers, fresh.startsByEvent, fresh.versions
	s.eventDefinitions, s.events, s.keys = nil, fresh.events, fresh.keys
	s.contacts, s.emails, s.contactsByEmail, s.listed, s.removed, s.due = fresh.contacts, fresh.emails, fresh.contactsByEmail, nil, 0, nil
	s.runs, s.history = fresh.runs, nil
	s.closed = true
	return nil
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
