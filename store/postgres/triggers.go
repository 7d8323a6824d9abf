package postgres

import (
	"context"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// claimedTriggers returns the automations whose triggers name an event. It relies on the
// primary keys of triggers and automations.
const claimedTriggers = `
SELECT t.event_name, a.id, a.version, a.status = 'enabled', a.gathers
FROM automation.triggers t JOIN automation.automations a ON a.no = ANY (ARRAY[t.automation_no])
WHERE t.event_name = ANY ($1::text[]) ORDER BY a.no`

// readStarts reads what events with these names start.
func (c *claimer) readStarts(sc *script, names []string) {
	if len(names) == 0 {
		return
	}
	for _, name := range names {
		c.starts[name] = record.Starts{}
	}
	sc.query(func(scan scanFunc) error {
		var name string
		var v automation.VersionRef
		var enabled, gathers bool
		err := scan(&name, &v.AutomationID, &v.Version, &enabled, &gathers)
		st := c.starts[name]
		st.Add(v, enabled, gathers)
		c.starts[name] = st
		return err
	}, claimedTriggers, names)
}

// claimedGathered returns the running runs of owners that are of certain automations. It
// relies on active_runs_owner, and reads all active runs of these owners.
const claimedGathered = `
SELECT ` + activeColumns + triggerColumns + `
FROM (SELECT DISTINCT unnest($1::bytea[]) AS owner) AS o
CROSS JOIN LATERAL (
	SELECT * FROM automation.active_runs r WHERE r.owner = o.owner OFFSET 0
) r
JOIN automation.places p ON p.no = ANY (ARRAY[r.place_no])` + joinTrigger + `
WHERE p.status = 0 AND p.automation_id = ANY ($2::text[])
ORDER BY r.created_at, r.id`

// readGathered reads the running runs of automations that gather, and adds those that the
// claim does not have yet.
func (c *claimer) readGathered(ctx context.Context) error {
	gathering := map[ownerKey]map[string]bool{} // automations, by owner
	var of owners
	var automations []string
	for i := range c.works {
		owner := c.owners[i]
		for j := range c.works[i].Events {
			for _, id := range c.starts[c.works[i].Events[j].Name].Gathers {
				if gathering[owner] == nil {
					gathering[owner] = map[string]bool{}
					of = append(of, owner)
				}
				if !gathering[owner][id] {
					gathering[owner][id] = true
					automations = append(automations, id)
				}
			}
		}
	}
	if len(of) == 0 {
		return nil
	}
	return c.run(ctx, func(sc *script) {
		c.gathered = nil
		sc.query(func(scan scanFunc) error {
			r, err := scanClaimed(scan)
			if gathering[r.owner][r.AutomationID] {
				c.gathered = append(c.gathered, r)
			}
			return err
		}, claimedGathered, of, automations)
	})
}
