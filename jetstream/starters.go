package jetstream

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-b636437c/automation"
)

// starters has, for each event name, the automations whose triggers name it.
type starters map[string]starter

type starter struct {
	refs     []automation.VersionRef // of the enabled ones, oldest first
	disabled bool
}

// readStarters reads all automations of the catalog.
func (s *Store) readStarters(ctx context.Context) (starters, error) {
	all := starters{}
	for a, err := range automation.Each(ctx, s.catalog.ListAutomations, automation.AutomationQuery{}) {
		if err != nil {
			return nil, fmt.Errorf("jetstream: automations: %w", err)
		}
		for _, name := range a.TriggerNames() {
			st := all[name]
			if a.Status == automation.StatusEnabled {
				st.refs = append(st.refs, automation.VersionRef{AutomationID: a.ID, Version: a.Version})
			} else {
				st.disabled = true
			}
			all[name] = st
		}
	}
	for _, st := range all {
		slices.Reverse(st.refs) // they are listed newest first
	}
	return all, nil
}
