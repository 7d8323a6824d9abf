package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
)

// These rely on the primary key.
const (
	// insertDecisions leaves out decisions about events that do not exist. It relies on the
	// primary keys of all tables that have events, too.
	insertDecisions = `
INSERT INTO automation.decisions (event_id, automation_id, code, at, evidence)
SELECT u.id, u.automation_id, u.code, u.at, u.evidence
FROM (
	SELECT unnest($1::uuid[]) AS id, unnest($2::text[]) AS automation_id, unnest($3::text[]) AS code, unnest($4::timestamptz[]) AS at,
		unnest($5::text[]) AS evidence, unnest($6::bytea[]) AS owner
) u
WHERE ` + eventKnown + `
ON CONFLICT DO NOTHING`
	findDecisions = `
SELECT automation_id, code, at, evidence FROM automation.decisions WHERE event_id = $1::uuid ORDER BY automation_id, code`
	// eraseDecisions also relies on the indexes of ownersEvents.
	eraseDecisions = `
UPDATE automation.decisions d SET evidence = NULL FROM (` + ownersEvents + `) e
WHERE d.event_id = ANY (ARRAY[e.id])`
)

// decide keeps the decisions of all transitions.
func (c *committer) decide(sc *script) {
	var columns decisionColumns
	for _, w := range c.writes {
		columns.add(w.t.Decisions, w.owner)
	}
	columns.write(sc)
}

// decisionColumns contains decisions, by column.
type decisionColumns struct {
	events             uuids
	owners             owners
	automations, codes []string
	at                 []time.Time
	evidence           nullableTexts
}

// add adds decisions about events of an owner.
func (d *decisionColumns) add(decisions []automation.Decision, owner ownerKey) {
	for i := range decisions {
		n := &decisions[i]
		d.events, d.owners = append(d.events, uuidOf(n.EventID)), append(d.owners, owner)
		d.automations = append(d.automations, n.AutomationID)
		d.codes, d.at = append(d.codes, string(n.Code)), append(d.at, n.At)
		d.evidence = append(d.evidence, textOrNull(string(n.Evidence)))
	}
}

func (d *decisionColumns) write(sc *script) {
	if len(d.events) > 0 {
		sc.exec(insertDecisions, d.events, d.automations, d.codes, d.at, d.evidence.arg(), d.owners)
	}
}

// ListDecisions implements automation.EventReader.
func (s *Store) ListDecisions(ctx context.Context, eventID string) ([]automation.Decision, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var decisions []automation.Decision
	var sc script
	sc.query(func(scan scanFunc) error {
		d := automation.Decision{EventID: eventID}
		var evidence pgtype.Text
		err := scan(&d.AutomationID, &d.Code, &d.At, &evidence)
		if d.At = d.At.UTC(); evidence.Valid {
			d.Evidence = []byte(evidence.String)
		}
		decisions = append(decisions, d)
		return err
	}, findDecisions, uuidOf(eventID))
	if err := (implicit{s}).run(ctx, sc); err != nil {
		return nil, fmt.Errorf("postgres store: list decisions about event %q: %w", eventID, err)
	}
	return decisions, nil
}
