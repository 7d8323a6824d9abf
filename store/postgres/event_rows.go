package postgres

import (
	"slices"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// An event is in a row of pending until it is handled. If it then starts exactly one run, and
// nothing else becomes of it, it moves into the row of this run, which is written anyway: from then
// on the event has no row and no index entry of its own. The id of such a run is the twin of the id
// of its event. All other handled events are in events, and their runs have event_id.

// The columns of an event e, in the three kinds of rows that have events.
const (
	eventColumns = `e.id, e.owner, e.email, e.name, e.payload, e.key, e.occurred_at, e.accepted_at, e.automation_id, e.cause`

	pendingEvent = `e.event_id AS id, e.owner, e.email, e.name, e.payload, e.key, e.occurred_at, e.accepted_at, e.automation_id, e.cause`

	runEvent = `automation.twin(r.id) AS id, r.owner, NULL::text AS email, p.event_name AS name, r.event_payload AS payload, r.event_key AS key,
		r.event_occurred_at AS occurred_at, r.event_at AS accepted_at, r.event_automation_id AS automation_id, r.event_cause AS cause`

	// These select events with three more columns: whether the event is pending, and the run that has
	// it, with the time when it was handled. A condition on the row follows.
	keptEvents    = `SELECT ` + eventColumns + `, false AS pending, NULL::timestamptz AS handled_at, NULL::uuid AS run FROM automation.events e WHERE `
	pendingEvents = `SELECT ` + pendingEvent + `, true AS pending, NULL::timestamptz AS handled_at, NULL::uuid AS run FROM automation.pending e WHERE `
	activeEvents  = startedEvents + `automation.active_runs` + haveEvents
	endedEvents   = startedEvents + `automation.ended_runs` + haveEvents
	begunEvents   = startedEvents + `automation.begun_runs` + haveEvents
	startedEvents = `SELECT ` + runEvent + `, false AS pending, r.created_at AS handled_at, r.id AS run FROM `
	haveEvents    = ` r` + joinPlace + ` WHERE r.event_at IS NOT NULL AND `

	// ownersEvents are the events of some owners, wherever they are. It relies on events_owner,
	// pending_owner, active_runs_owner, ended_runs_owner and the primary key of leases. OFFSET 0
	// keeps the planner from choosing other indexes for conditions on them.
	ownersEvents = keptEvents + `e.owner = ANY ($1::bytea[]) UNION ALL ` + pendingEvents + `e.owner = ANY ($1::bytea[])
	UNION ALL ` + activeEvents + `r.owner = ANY ($1::bytea[])
	UNION ALL ` + endedEvents + `r.owner = ANY ($1::bytea[])
	UNION ALL ` + begunEvents + `r.owner = ANY ($1::bytea[]) OFFSET 0`

	// eventInRun are the columns of a run that have its event.
	eventInRun = `event_at, event_occurred_at, event_payload, event_key, event_automation_id, event_cause`

	// keepHandled goes on after a statement that deletes pending events. It keeps them as handled
	// ones, and notes those that are loose.
	keepHandled = `), kept AS (
	INSERT INTO automation.events (` + storedEvent + `)
	SELECT event_id, owner, email, name, payload, key, occurred_at, accepted_at, automation_id, cause FROM handled
)
INSERT INTO automation.loose_events (handled_at, event_id, reason, resumed)
SELECT at, event_id, reason, resumed FROM handled WHERE loose`

	// joinTrigger and triggerColumns are the payload and the cause of the event of a run r, which
	// may be in either row.
	joinTrigger = `
LEFT JOIN automation.events t ON t.id = ANY (ARRAY[r.event_id])`
	triggerColumns = `, coalesce(r.event_payload, t.payload), coalesce(r.event_cause, t.cause)`

	// eventKnown is a condition: the database has the event u.id. If the event is in the row of a
	// lease, that is the lease of u.owner.
	eventKnown = `coalesce(
		(SELECT true FROM automation.events e WHERE e.id = u.id LIMIT 1), (SELECT true FROM automation.pending e WHERE e.event_id = u.id LIMIT 1),
		(SELECT true FROM automation.active_runs r WHERE r.id = automation.twin(u.id) AND r.event_at IS NOT NULL LIMIT 1),
		(SELECT true FROM automation.ended_runs r WHERE r.id = automation.twin(u.id) AND r.event_at IS NOT NULL LIMIT 1),
		(SELECT true FROM automation.begun_runs r WHERE r.owner = u.owner AND r.id = automation.twin(u.id) AND r.event_at IS NOT NULL LIMIT 1), false)`
)

// runsEvent is what the row of a run has of its event. If the event is elsewhere, at is NULL, or the
// pointer to all of it is nil.
type runsEvent struct {
	at, occurred                      pgtype.Timestamptz
	payload, key, automationID, cause pgtype.Text
}

// noEvent is what a row has of an event that is elsewhere. It is never written.
var noEvent runsEvent

// runsEventOf returns what the row of the run has of an event.
func runsEventOf(e *automation.Event) *runsEvent {
	return &runsEvent{
		at: timeOrNull(e.AcceptedAt), occurred: timeOrNull(e.OccurredAt),
		payload: textOrNull(string(e.Payload)), key: textOrNull(e.IdempotencyKey), automationID: textOrNull(e.AutomationID), cause: textOrNull(record.EncodeCause(e.Cause)),
	}
}

// ownRun returns the run whose row an event moves into when it is handled, nil for none.
func ownRun(t *automation.Transition, h *automation.HandledEvent) *automation.RunChange {
	if i := record.SoleRun(t, h); i >= 0 {
		return &t.Runs[i]
	}
	return nil
}

// runsEvents contains what the rows of runs have of their events, by row.
type runsEvents []*runsEvent

// add returns the column event_id of a run whose row has e of its event.
func (es *runsEvents) add(r *automation.RunRecord, e *runsEvent) (elsewhere pgtype.UUID) {
	if e == nil {
		e = &noEvent
	}
	if *es = append(*es, e); e.at.Valid {
		return elsewhere
	}
	return uuidOf(r.EventID)
}

// args returns the columns eventInRun.
func (es runsEvents) args() []any {
	times := func(of func(e *runsEvent) pgtype.Timestamptz) any {
		return columnOrNull(es, of, func(t pgtype.Timestamptz) bool { return t.Valid })
	}
	texts := func(of func(e *runsEvent) pgtype.Text) any {
		return columnOrNull(es, of, func(t pgtype.Text) bool { return t.Valid })
	}
	return []any{
		times(func(e *runsEvent) pgtype.Timestamptz { return e.at }),
		times(func(e *runsEvent) pgtype.Timestamptz { return e.occurred }),
		texts(func(e *runsEvent) pgtype.Text { return e.payload }),
		texts(func(e *runsEvent) pgtype.Text { return e.key }),
		texts(func(e *runsEvent) pgtype.Text { return e.automationID }),
		texts(func(e *runsEvent) pgtype.Text { return e.cause }),
	}
}

// columnOrNull returns one value of each row as an argument, as arg of the columns does.
func columnOrNull[R, T any](rows []R, of func(R) T, valid func(T) bool) any {
	if !slices.ContainsFunc(rows, func(r R) bool { return valid(of(r)) }) {
		return nil
	}
	column := make(pgtype.FlatArray[T], len(rows))
	for i, r := range rows {
		column[i] = of(r)
	}
	return column
}

// takeEvents relies on the primary key of pending; see handleEvents.
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
		if r := ownRun(w.t, &w.t.Handled[i]); r != nil {
			w.takes = append(w.takes, r)
		}
	}
}

// taking returns the run that gets an event into its row, nil for none.
func (w *transitionWrite) taking(eventID string) *automation.RunChange {
	for _, r := range w.takes {
		if r.EventID == eventID {
			return r
		}
	}
	return nil
}

// takeEvents removes the events from the pending ones that move into the rows of their runs. It
// comes after the statement that starts runs in the rows of leases, which copies them.
func (c *committer) takeEvents(sc *script) {
	var of owners
	var ids uuids
	for _, w := range c.writes {
		for _, r := range w.takes {
			of, ids = append(of, w.owner), append(ids, uuidOf(r.EventID))
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
		e := &row.event
		err := scan(&row.run, &e.at, &e.occurred, &e.payload, &e.key, &e.automationID, &e.cause)
		c.taken[row.run] = e
		return err
	}, takeEvents, of, ids)
}
