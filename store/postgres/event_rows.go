package postgres

import (
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/uuid"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// An event is in the row of pending until it is handled. If it then starts exactly one run, and
// nothing else becomes of it, it moves into the row of this run, which is written anyway: the
// event then costs no row and no index entry of its own. The id of such a run is the twin of that of its
// event. All other handled events are in events, and their runs have event_id.

// The columns of an event e, in the three kinds of rows that have events.
const (
	eventColumns = `e.id, e.owner, e.email, e.name, e.payload, e.key, e.occurred_at, e.accepted_at, e.automation_id, e.cause`

	pendingEvent = `e.event_id AS id, e.owner, e.email, e.name, e.payload, e.key, e.occurred_at, e.accepted_at, e.automation_id, e.cause`

	runEvent = `automation.twin(r.id) AS id, r.owner, NULL::text AS email, p.event_name AS name, r.event_payload AS payload, r.event_key AS key,
		r.event_occurred_at AS occurred_at, r.event_at AS accepted_at, r.event_automation_id AS automation_id, r.event_cause AS cause`

	// eventInRun are the columns of a run that have its event.
	eventInRun = `event_at, event_occurred_at, event_payload, event_key, event_automation_id, event_cause`

	// joinTrigger finds the payload and the cause of the event of a run r, which may be in either
	// row.
	joinTrigger = `
LEFT JOIN automation.events t ON t.id = ANY (ARRAY[r.event_id])`
	triggerColumns = `, coalesce(r.event_payload, t.payload), coalesce(r.event_cause, t.cause)`

	// eventKnown is a condition: the database has the event u.id.
	eventKnown = `coalesce(
		(SELECT true FROM automation.events e WHERE e.id = u.id LIMIT 1), (SELECT true FROM automation.pending e WHERE e.event_id = u.id LIMIT 1),
		(SELECT true FROM automation.active_runs r WHERE r.id = automation.twin(u.id) AND r.event_at IS NOT NULL LIMIT 1),
		(SELECT true FROM automation.ended_runs r WHERE r.id = automation.twin(u.id) AND r.event_at IS NOT NULL LIMIT 1),
		(SELECT true FROM automation.begun_runs r WHERE r.id = automation.twin(u.id) AND r.event_at IS NOT NULL LIMIT 1), false)`
)

// runsEvent is what the row of a run has of its event. at is NULL if the event is elsewhere.
type runsEvent struct {
	at, occurred                      pgtype.Timestamptz
	payload, key, automationID, cause pgtype.Text
}

func (e *runsEvent) columns() []any {
	return []any{&e.at, &e.occurred, &e.payload, &e.key, &e.automationID, &e.cause}
}

// runsEvents contains the events of runs, by column.
type runsEvents struct {
	ids                                   uuids // of events that are elsewhere
	at, occurred                          nullableTimes
	payloads, keys, automationIDs, causes nullableTexts
}

func (es *runsEvents) add(r *automation.RunRecord, e *runsEvent) {
	id := uuidOf(r.EventID)
	if e.at.Valid {
		id = pgtype.UUID{}
	}
	es.ids, es.at, es.occurred = append(es.ids, id), append(es.at, e.at), append(es.occurred, e.occurred)
	es.payloads, es.keys = append(es.payloads, e.payload), append(es.keys, e.key)
	es.automationIDs, es.causes = append(es.automationIDs, e.automationID), append(es.causes, e.cause)
}

func (es *runsEvents) args() []any {
	return []any{es.ids, es.at.arg(), es.occurred.arg(), es.payloads.arg(), es.keys.arg(), es.automationIDs.arg(), es.causes.arg()}
}

// takeEvents relies on the primary key of pending.
const takeEvents = `
DELETE FROM automation.pending e USING (SELECT unnest($1::bytea[]) AS owner, unnest($2::uuid[]) AS event_id) h
WHERE e.event_id = ANY (ARRAY[h.event_id]) AND e.owner || '' = h.owner
RETURNING automation.twin(e.event_id), e.accepted_at, e.occurred_at, e.payload, e.key, e.automation_id, e.cause`

// chooseTaken chooses the events of a transition that move into the rows of their runs.
func (c *committer) chooseTaken(w *transitionWrite) {
	w.takes = nil
	if w.keepsEvents {
		return
	}
	for i := range w.t.Handled {
		if r := record.OnlyRun(w.t, &w.t.Handled[i]); r != nil && r.ID == uuid.Twin(r.EventID) {
			if w.takes == nil {
				w.takes = map[string]*automation.RunChange{}
			}
			w.takes[r.EventID] = r
		}
	}
}

// takeEvents removes the events from the pending ones that move into the rows of their runs. It
// comes after the statement that starts runs in the rows of leases, which copies them.
func (c *committer) takeEvents(sc *script) {
	var of owners
	var ids uuids
	for _, w := range c.writes {
		for i := range w.t.Handled {
			if id := w.t.Handled[i].ID; w.takes[id] != nil {
				of, ids = append(of, w.owner), append(ids, uuidOf(id))
			}
		}
	}
	c.taken = map[string]*runsEvent{}
	if len(ids) == 0 {
		return
	}
	sc.query(func(scan scanFunc) error {
		var row struct {
			run   string
			event runsEvent
		}
		err := scan(append([]any{&row.run}, row.event.columns()...)...)
		c.taken[row.run] = &row.event
		return err
	}, takeEvents, of, ids)
}
