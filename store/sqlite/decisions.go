package sqlite

import (
	"context"
	"database/sql"

	"github.com/seed-b636437c/automation"
)

// These rely on the primary key, and on the unique indexes on the ids of events and of pending events. A decision
// about an event that does not exist has no number of an event, and is left out.
const (
	insertDecision = `
INSERT OR IGNORE INTO automation_decisions (event_no, automation_id, code, at, evidence)
VALUES ((` + findEventNumber + `), ?2, ?3, ?4, ?5)`
	findDecisions = `
SELECT automation_id, code, at, evidence FROM automation_decisions
WHERE event_no = (` + findEventNumber + `) ORDER BY automation_id, code`
	// deleteDecisions has a JSON array of the numbers of events.
	deleteDecisions = `DELETE FROM automation_decisions WHERE event_no IN (SELECT j.value FROM json_each(?) j)`
	// eraseDecisions also relies on automation_events_owner.
	eraseDecisions = `
UPDATE automation_decisions SET evidence = NULL WHERE event_no IN (
	SELECT e.no FROM automation_events e WHERE e.owner = ?1 UNION ALL SELECT p.no FROM automation_pending p WHERE p.owner = ?1)`
)

// decide keeps decisions with their events.
func (c *committer) decide(ctx context.Context, decisions []automation.Decision) error {
	for i := range decisions {
		d := &decisions[i]
		_, err := c.tx.exec(ctx, insertDecision, idKey(d.EventID).column(), d.AutomationID, string(d.Code), d.At.UnixMicro(), textOrNull(string(d.Evidence)))
		if err != nil {
			return failed("keep decision", err)
		}
	}
	return nil
}

// ListDecisions implements automation.EventReader.
func (s *Store) ListDecisions(ctx context.Context, eventID string) (decisions []automation.Decision, err error) {
	scan := func(rows *sql.Rows) (automation.Decision, error) {
		d := automation.Decision{EventID: eventID}
		var at timestamp
		var evidence nullText
		err := rows.Scan(&d.AutomationID, &d.Code, &at, &evidence)
		if d.At = at.Time; evidence != "" {
			d.Evidence = []byte(evidence)
		}
		return d, err
	}
	err = s.read(ctx, func(q session) (err error) {
		decisions, err = all(ctx, q, scan, findDecisions, idKey(eventID).column())
		return failed("list decisions", err)
	})
	return decisions, err
}
