package postgres

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// insertExpected is insertEvents, if the contacts with the ids $12 exist and the events with the
// names $13 have the schemas $14. Otherwise it inserts nothing. It returns how many events it has
// inserted. If a name is the id of another definition, it inserts nothing either: that is left to
// resolve. It relies on the primary key of contacts, and on event_definitions_id and
// event_definitions_name.
const insertExpected = `
WITH sent AS MATERIALIZED (
	SELECT s.* FROM (SELECT ` + sentColumns + `) s
	WHERE NOT EXISTS (
		SELECT FROM unnest($12::text[]) AS u (id)
		WHERE NOT EXISTS (SELECT FROM automation.contacts c WHERE c.id = ANY (ARRAY[u.id]) AND c.deleted_at IS NULL)
	) AND NOT EXISTS (
		SELECT FROM unnest($13::text[], $14::text[]) AS u (name, schema)
		WHERE u.schema <> coalesce((SELECT d.schema FROM automation.event_definitions d WHERE d.name = u.name), '')
			OR EXISTS (SELECT FROM automation.event_definitions d WHERE d.id = u.name AND d.name <> u.name)
	)
), put AS (` + insertPending + ` FROM sent ORDER BY place
)
SELECT count(*) FROM sent`

// appendExpected writes the events of calls in one round trip if everything is as their senders
// expect. It reports false if it has written nothing: then at least one call has to be
// refused, or looks something up by an email or an idempotency key.
func (s *Store) appendExpected(ctx context.Context, calls []*appendCall) (written bool, err error) {
	var x expectations
	for _, c := range calls {
		if !x.add(c) {
			return false, nil
		}
	}
	var count int64
	var sc script
	s.notify(&sc)
	sc.query(func(scan scanFunc) error { return scan(&count) }, insertExpected, append(x.rows.args(), x.contacts, x.names, x.schemas)...)
	if err := (implicit{s}).run(ctx, sc); err != nil || count == 0 {
		return false, err
	}
	s.sent.add(x.rows.owners)
	for _, c := range calls {
		if err := c.makeReceipts(nil); err != nil {
			return false, err
		}
	}
	return true, nil
}

// expectations contains the events of calls, and what must exist for them.
type expectations struct {
	rows     newEvents
	contacts []string
	names    []string // of events; schemas has the schema of each
	schemas  []string
	seen     map[expectedSchema]struct{}
}

// expectedSchema is the schema against which an event with a name was checked.
type expectedSchema struct{ name, schema string }

// add adds the events of a call. It reports false if one has an idempotency key, or may belong to a
// contact that must be found by the email.
func (x *expectations) add(c *appendCall) bool {
	for i := range c.events {
		n := &c.events[i]
		ref := automation.ContactRef{ID: n.Event.ContactID, Email: n.Event.Email}
		if hasKey(*n) || ref.ID == "" && !n.HostContact {
			return false
		}
		x.rows.add(n, ownerOf(ref))
		if !n.HostContact {
			x.contacts = append(x.contacts, ref.ID)
		}
		x.expect(expectedSchema{n.Event.Name, n.Schema})
	}
	return true
}

func (x *expectations) expect(e expectedSchema) {
	if _, ok := x.seen[e]; ok {
		return
	}
	if x.seen == nil {
		x.seen = map[expectedSchema]struct{}{}
	}
	x.seen[e] = struct{}{}
	x.names, x.schemas = append(x.names, e.name), append(x.schemas, e.schema)
}
