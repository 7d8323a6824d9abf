package postgres

// insertSent is insertEvents without the events that are in the store already. It relies on the
// primary key of events.
const insertSent = `
WITH sent AS MATERIALIZED (
	SELECT ` + sentColumns + `
), kept AS (` + keepSent + `
	ON CONFLICT (id) DO NOTHING RETURNING id
)
INSERT INTO automation.pending (owner, event_id, accepted_at, unannounced)
SELECT owner, id, accepted_at, unannounced FROM sent WHERE id IN (SELECT id FROM kept) ORDER BY place`

// sendEvents keeps the events of the transitions as pending events of their contacts.
func (c *committer) sendEvents(sc *script) {
	var rows newEvents
	for _, w := range c.writes {
		for i := range w.t.Events {
			rows.add(&w.t.Events[i], w.owner)
		}
	}
	if len(rows.ids) > 0 {
		sc.exec(insertSent, rows.args()...)
	}
}
