package postgres

// insertSent is insertEvents without the events that are in the store already. It relies on the
// primary keys of the tables that have events, and on that of leases.
const insertSent = insertPending + `
FROM (SELECT ` + sentColumns + `) u WHERE NOT ` + eventKnown + ` ORDER BY place ON CONFLICT DO NOTHING`

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
