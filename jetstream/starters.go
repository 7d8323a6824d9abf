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
	q := automation.AutomationQuery{PageQuery: automation.PageQuery{Limit: 100}}
	for {
		page, err := s.catalog.ListAutomations(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("jetstream: automations: %w", err)
		}
		for _, a := range page.Data {
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
		if !page.HasMore || len(page.Data) == 0 {
			break
		}
		q.After = page.Data[len(page.Data)-1].ID
	}
	for _, st := range all {
		slices.Reverse(st.refs) // they are listed newest first
	}
	return all, nil
}
