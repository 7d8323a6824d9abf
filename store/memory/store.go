package memory

import (
	"context"
	"fmt"
	"sync"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Store is an automation.Store in memory. It is safe for concurrent use.
type Store struct {
	mu     sync.Mutex
	closed bool

	automations   map[string]*automationEntry
	created       []*automationEntry // in order of creation
	triggers      map[string][]*automationEntry
	startsByEvent map[string]record.Starts // what claims have derived from triggers
	versions      map[automation.VersionRef]*automationVersion
	retired       map[string]int                // last versions of automations that were deleted
	strangers     map[string]*automationEntry   // of projected runs whose automations do not exist
	runsOf        map[automation.VersionRef]int // how many runs of a version are kept
	projected     map[string]int64              // sequences of the sources that were projected
	engine        string                        // that has the store; "" for none

	eventDefinitions []*automation.EventDefinition // in order of creation
	segments         []automation.Segment          // in order of creation
	properties       []automation.ContactProperty  // in order of creation
	events           map[string]*event
	decisions        map[string][]automation.Decision // by event id, sorted; few events have any
	keys             map[idempotencyKey]keyUse
	bulks            map[string]*bulk

	contacts        map[string]*contactState // by contact id
	emails          map[string]*contactState // by email, for events of emails that belong to no contact
	token           uint32                   // the greatest token of the states that emails has forgotten
	contactsByEmail map[string]*contactState // by email of the contact
	listed          []*contactState          // contacts in order of creation, and some deleted ones
	removed         int                      // how many of listed are deleted
	leased          map[*contactState]struct{}
	due             dueHeap
	claimed         []automation.Work // a buffer for Claim

	runs    map[string]*run
	listens map[string]*listenSet     // by their names, as record.EncodeNames has them
	outputs map[string]map[int][]byte // by run id, then by step; few runs have any
	entries map[string]contactEntries // by contact id; few contacts have any
	history []*run                    // in order of creation, as byCreation has it
	seq     uint64                    // numbers runs, events and automations in order of creation

	watchers map[int]func()
	watched  int
}

var (
	_ automation.Store       = (*Store)(nil)
	_ automation.Watcher     = (*Store)(nil)
	_ automation.Catalog     = (*Store)(nil)
	_ automation.BulkStarter = (*Store)(nil)
)

// New returns an empty store.
func New() *Store {
	return &Store{
		automations:     map[string]*automationEntry{},
		triggers:        map[string][]*automationEntry{},
		startsByEvent:   map[string]record.Starts{},
		versions:        map[automation.VersionRef]*automationVersion{},
		retired:         map[string]int{},
		strangers:       map[string]*automationEntry{},
		runsOf:          map[automation.VersionRef]int{},
		projected:       map[string]int64{},
		events:          map[string]*event{},
		keys:            map[idempotencyKey]keyUse{},
		bulks:           map[string]*bulk{},
		contacts:        map[string]*contactState{},
		emails:          map[string]*contactState{},
		contactsByEmail: map[string]*contactState{},
		leased:          map[*contactState]struct{}{},
		runs:            map[string]*run{},
		listens:         map[string]*listenSet{},
		outputs:         map[string]map[int][]byte{},
		entries:         map[string]contactEntries{},
		decisions:       map[string][]automation.Decision{},
		watchers:        map[int]func(){},
	}
}

// Close drops the data and makes every later call fail with an error that wraps
// automation.ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := New()
	s.automations, s.created, s.triggers, s.startsByEvent, s.versions = fresh.automations, nil, fresh.triggers, fresh.startsByEvent, fresh.versions
	s.retired, s.strangers, s.runsOf, s.projected = fresh.retired, fresh.strangers, fresh.runsOf, fresh.projected
	s.eventDefinitions, s.segments, s.properties, s.events, s.keys, s.bulks = nil, nil, nil, fresh.events, fresh.keys, fresh.bulks
	s.contacts, s.emails, s.contactsByEmail, s.listed, s.removed, s.due = fresh.contacts, fresh.emails, fresh.contactsByEmail, nil, 0, nil
	s.runs, s.outputs, s.history, s.leased = fresh.runs, fresh.outputs, nil, fresh.leased
	s.decisions, s.entries = fresh.decisions, fresh.entries
	s.closed = true
	return nil
}

// lock locks the mutex. It fails, and leaves the mutex unlocked, if ctx has ended or
// the store was closed.
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
