package postgres

// insertSent is insertEvents without the events that are in the store already. It relies on the
// primary key of events.
const insertSent = `
WITH sent AS MATERIALIZED (
	SELECT unnest($1::uuid[]) AS id, unnest($2::bytea[]) AS owner, unnest($3::text[]) AS email, unnest($4::text[]) AS name,
		unnest($5::text[]) AS payload, unnest($6::text[]) AS key, unnest($7::timestamptz[]) AS occurred_at, unnest($8::timestamptz[]) AS accepted_at,
		unnest($9::boolean[]) AS unannounced, unnest($10::text[]) AS automation_id, unnest($11::text[]) AS cause,
		generate_series(1, cardinality($1::uuid[])) AS place
), kept AS (
	INSERT INTO automation.events (id, owner, email, name, payload, key, occurred_at, accepted_at, automation_id, cause)
	SELECT id, owner, email, name, payload, key, occurred_at, accepted_at, automation_id, cause FROM sent
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
