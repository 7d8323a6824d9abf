package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// claimedTriggers selects the automations whose triggers name an event, oldest first. It
// relies on the primary keys.
const claimedTriggers = `
SELECT a.id, a.version, a.status = 'enabled', a.gathers FROM automation_triggers t
CROSS JOIN automation_automations a ON a.no = t.automation_no WHERE t.event_name = ? ORDER BY t.automation_no`

// trigger is an automation whose triggers name an event.
type trigger struct {
	automation.VersionRef
	enabled, gathers bool
}

func scanTrigger(rows *sql.Rows) (t trigger, err error) {
	err = rows.Scan(&t.AutomationID, &t.Version, &t.enabled, &t.gathers)
	return t, err
}

const (
	insertTrigger = `INSERT INTO automation_triggers (event_name, automation_no) VALUES (?, ?)`
	// deleteTriggers relies on the primary keys.
	deleteTriggers = `
DELETE FROM automation_triggers WHERE automation_no = ?1
	AND event_name IN (SELECT j.value FROM json_each((SELECT a.event_names FROM automation_automations a WHERE a.no = ?1)) j)`
)

// insertTriggers notes the events that start runs of an automation.
func (tx *transaction) insertTriggers(ctx context.Context, no int64, a *automation.AutomationRecord) error {
	for _, name := range a.TriggerNames() {
		if _, err := tx.exec(ctx, insertTrigger, name, no); err != nil {
			return failed("note triggers", err)
		}
	}
	return nil
}

// deleteTriggers removes the triggers that the row of an automation names.
func (tx *transaction) deleteTriggers(ctx context.Context, no int64) error {
	_, err := tx.exec(ctx, deleteTriggers, no)
	return failed("remove triggers", err)
}

// claimedGathered selects the running runs of contacts that are of certain automations. It
// relies on automation_active_runs_owner, and reads all active runs of these contacts. ?33 is
// a JSON array of ids.
const claimedGathered = forKeys + claimColumns + `
FROM keys CROSS JOIN automation_active_runs r ON r.owner = k` + joinFound + `
WHERE p.status = 0 AND a.id IN (SELECT j.value FROM json_each(?33) j) ORDER BY r.created_at, r.no`

// gathering is what a claim has to gather: by owner, the automations whose runs it brings.
type gathering map[key]map[string]bool

func (g gathering) add(owner key, automations []string) {
	if len(automations) == 0 {
		return
	}
	if g[owner] == nil {
		g[owner] = map[string]bool{}
	}
	for _, id := range automations {
		g[owner][id] = true
	}
}

// readGathered reads the running runs of automations that gather, and brings those that the
// claim does not have yet.
func (c *claimer) readGathered(ctx context.Context, q session, brought map[int64]bool, bring func(r storedRun)) error {
	if len(c.gathers) == 0 {
		return nil
	}
	var owners []key
	automations := map[string]bool{}
	for _, owner := range c.leased {
		if len(c.gathers[owner]) > 0 {
			owners = append(owners, owner)
		}
		for id := range c.gathers[owner] {
			automations[id] = true
		}
	}
	return lookup(ctx, q, scanRun, claimedGathered, owners, func(r storedRun) {
		if !brought[r.no] && c.gathers[r.owner][r.AutomationID] {
			bring(r)
		}
	}, record.EncodeSet(automations))
}
