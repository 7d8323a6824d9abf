package temporal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-b636437c/automation"
)

// starters are the automations, as they were at a time.
type starters struct {
	byEvent map[string]starter // by the name of the event of the trigger
	known   map[string]bool    // by id
	readAt  time.Time          // before they were read
}

type starter struct {
	refs     []automation.VersionRef // of the enabled ones, oldest first
	disabled bool
}

// starterCache keeps the automations. What was read after an event was accepted will do for the
// event, so that one read serves all turns that wait for it.
type starterCache struct {
	mu   sync.Mutex // held while they are read
	last starters
}

// since returns the automations as they were at a time, or later.
func (c *starterCache) since(ctx context.Context, catalog automation.Store, at time.Time) (starters, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last.readAt.After(at) {
		return c.last, nil
	}
	all, err := readStarters(ctx, catalog)
	if err == nil {
		c.last = all
	}
	return all, err
}

// readStarters reads all automations of the catalog.
func readStarters(ctx context.Context, catalog automation.Store) (starters, error) {
	all := starters{byEvent: map[string]starter{}, known: map[string]bool{}, readAt: time.Now()}
	for a, err := range automation.Each(ctx, catalog.ListAutomations, automation.AutomationQuery{}) {
		if err != nil {
			return all, fmt.Errorf("temporal: automations: %w", err)
		}
		all.known[a.ID] = true
		for _, name := range a.TriggerNames() {
			st := all.byEvent[name]
			if a.Status == automation.StatusEnabled {
				st.refs = append(st.refs, automation.VersionRef{AutomationID: a.ID, Version: a.Version})
			} else {
				st.disabled = true
			}
			all.byEvent[name] = st
		}
	}
	for _, st := range all.byEvent {
		slices.Reverse(st.refs) // they are listed newest first
	}
	return all, nil
}
