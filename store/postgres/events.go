package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// appendCall is one call of AppendEvents.
type appendCall struct {
	events   []automation.NewEvent
	owners   owners // of events, by index
	receipts []automation.EventReceipt
	err      error // why it was refused
}

// manyEvents is the greatest number of events in a call that shares a transaction. Other
// calls should not wait for a larger one, which would gain little by sharing.
const manyEvents = 100

// AppendEvents implements automation.EventWriter. Concurrent calls share a transaction;
// each of them is refused on its own.
func (s *Store) AppendEvents(ctx context.Context, events []automation.NewEvent) ([]automation.EventReceipt, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	c := &appendCall{events: events}
	if len(events) > manyEvents || slices.ContainsFunc(events, hasKey) {
		s.appendAll(ctx, []*appendCall{c})
	} else if err := s.appends.Do(ctx, c); err != nil {
		return nil, err
	}
	return c.receipts, c.err
}

// hasKey reports whether an event has an idempotency key. Such an event may have to wait
// for a transaction of the host that has sent the same key, and other calls must not
// wait with it.
func hasKey(n automation.NewEvent) bool { return n.Event.IdempotencyKey != "" }

// appendAll writes the events of concurrent calls.
func (s *Store) appendAll(ctx context.Context, calls []*appendCall) {
	err := s.appendTogether(ctx, calls)
	if err == nil {
		return
	}
	alone := isAboutValues(err) && len(calls) > 1
	for _, c := range calls {
		if alone { // only one of them contains the value that the database refuses
			err = s.appendTogether(ctx, []*appendCall{c})
		}
		if err != nil {
			c.receipts, c.err = nil, fmt.Errorf("postgres store: append events: %w", err)
		}
	}
}

// appendTogether writes the events of calls in one transaction, in one round trip if it can. If
// some calls turn out to be refused, it rolls the transaction back, because no change for them may
// stay, and begins again without them.
func (s *Store) appendTogether(ctx context.Context, calls []*appendCall) error {
	if written, err := s.appendExpected(ctx, calls); written || err != nil {
		return err
	}
	calls, err := s.resolve(ctx, implicit{s}, calls)
	for err == nil && len(calls) > 0 {
		var admitted []*appendCall
		err = s.transact(ctx, func(tx *transaction) (err error) {
			if admitted, err = s.admit(ctx, tx, calls); err != nil || len(admitted) < len(calls) {
				return err
			}
			return tx.commit(ctx, s.insertScript(calls))
		})
		if err == nil && len(admitted) == len(calls) {
			for _, c := range calls {
				s.sent.add(c.owners)
			}
		}
		if err != nil || len(admitted) == len(calls) {
			return err
		}
		calls = admitted
	}
	return err
}

// findIDs relies on the primary key of contacts, findEmails on contacts_email.
const (
	findIDs    = `SELECT id FROM automation.contacts WHERE id = ANY ($1::text[]) AND deleted_at IS NULL`
	findEmails = `SELECT email_key, id FROM automation.contacts WHERE email_key = ANY ($1::text[])`
)

// eventReferences contains the rows that events refer to.
type eventReferences struct {
	contacts    map[string]bool   // by id
	byEmail     map[string]string // ids of contacts
	definitions eventDefinitions
}

// resolve finds the owners of all events. It refuses the calls with an event that names
// a contact which does not exist, or that was checked against another definition, and
// returns the remaining calls.
func (s *Store) resolve(ctx context.Context, in session, calls []*appendCall) ([]*appendCall, error) {
	refs := eventReferences{map[string]bool{}, map[string]string{}, eventDefinitions{}}
	if err := in.run(ctx, refs.find(calls)); err != nil {
		return nil, err
	}
	open := make([]*appendCall, 0, len(calls))
	for _, c := range calls {
		if c.err = c.resolveOwners(&refs); c.err == nil {
			open = append(open, c)
		}
	}
	return open, nil
}

// find returns the script that reads the definitions of events, and the contacts that
// the events name by id and by email.
func (refs *eventReferences) find(calls []*appendCall) (sc script) {
	var ids, emails, names []string
	seen := map[string]bool{}
	for _, c := range calls {
		for i := range c.events {
			if name := c.events[i].Event.Name; !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
			switch n := &c.events[i]; {
			case n.HostContact:
			case n.Event.ContactID != "":
				ids = append(ids, n.Event.ContactID)
			default:
				emails = append(emails, automation.EmailKey(n.Event.Email))
			}
		}
	}
	refs.definitions.find(&sc, names)
	if len(ids) > 0 {
		sc.query(func(scan scanFunc) error {
			var id string
			err := scan(&id)
			refs.contacts[id] = true
			return err
		}, findIDs, ids)
	}
	if len(emails) > 0 {
		sc.query(func(scan scanFunc) error {
			var key, id string
			err := scan(&key, &id)
			refs.byEmail[key] = id
			return err
		}, findEmails, emails)
	}
	return sc
}

// resolveOwners sets the owners of the call's events, or returns why the call is
// refused.
func (c *appendCall) resolveOwners(refs *eventReferences) error {
	c.owners = make(owners, len(c.events))
	for i := range c.events {
		n := &c.events[i]
		ref := automation.ContactRef{ID: n.Event.ContactID, Email: n.Event.Email}
		if !record.MatchesDefinition(n, refs.definitions.byName(n.Event.Name)) {
			return fmt.Errorf("postgres store: event %q: %w", n.Event.Name, automation.ErrDefinitionChanged)
		}
		switch {
		case n.HostContact:
		case ref.ID != "" && !refs.contacts[ref.ID]:
			return record.NotFound("contact", ref.ID)
		case ref.ID == "":
			ref.ID = refs.byEmail[automation.EmailKey(ref.Email)]
		}
		c.owners[i] = ownerOf(ref)
	}
	return nil
}

// insertEvents numbers pending events in the order in which they were given.
const (
	insertEvents = insertPending + `
FROM (SELECT ` + sentColumns + `) u ORDER BY place`

	sentColumns = `unnest($1::uuid[]) AS id, unnest($2::bytea[]) AS owner, unnest($3::text[]) AS email, unnest($4::text[]) AS name,
		unnest($5::text[]) AS payload, unnest($6::text[]) AS key, unnest($7::timestamptz[]) AS occurred_at, unnest($8::timestamptz[]) AS accepted_at,
		unnest($9::boolean[]) AS unannounced, unnest($10::text[]) AS automation_id, unnest($11::text[]) AS cause,
		generate_series(1, cardinality($1::uuid[])) AS place`

	insertPending = `
INSERT INTO automation.pending (event_id, owner, email, name, payload, key, occurred_at, accepted_at, unannounced, automation_id, cause)
SELECT id, owner, email, name, payload, key, occurred_at, accepted_at, unannounced, automation_id, cause`

	storedEvent = `id, owner, email, name, payload, key, occurred_at, accepted_at, automation_id, cause`
)

// insertScript returns the script that inserts the events of calls, except duplicates,
// and notifies listeners.
func (s *Store) insertScript(calls []*appendCall) (sc script) {
	var rows newEvents
	for _, c := range calls {
		for i := range c.events {
			if !c.receipts[i].Duplicate {
				rows.add(&c.events[i], c.owners[i])
			}
		}
	}
	if len(rows.ids) > 0 {
		sc.exec(insertEvents, rows.args()...)
		s.notify(&sc)
	}
	return sc
}

// newEvents contains events to insert, by column.
type newEvents struct {
	ids                    uuids
	owners                 owners
	names                  []string
	emails, payloads, keys nullableTexts
	occurred               nullableTimes
	accepted               []time.Time
	unannounced            nullableBools
	automations, causes    nullableTexts
}

func (n *newEvents) add(sent *automation.NewEvent, owner ownerKey) {
	e, email := &sent.Event, ""
	if refOf(owner).ID == "" {
		email = e.Email
	}
	n.ids, n.owners, n.names = append(n.ids, uuidOf(e.ID)), append(n.owners, owner), append(n.names, e.Name)
	n.emails, n.payloads, n.keys = append(n.emails, textOrNull(email)), append(n.payloads, textOrNull(string(e.Payload))), append(n.keys, textOrNull(e.IdempotencyKey))
	n.occurred, n.accepted = append(n.occurred, timeOrNull(e.OccurredAt)), append(n.accepted, e.AcceptedAt)
	n.unannounced = append(n.unannounced, trueOrNull(sent.Unannounced))
	n.automations, n.causes = append(n.automations, textOrNull(e.AutomationID)), append(n.causes, textOrNull(record.EncodeCause(e.Cause)))
}

func (n *newEvents) args() []any {
	return []any{
		n.ids, n.owners, n.emails.arg(), n.names, n.payloads.arg(), n.keys.arg(), n.occurred.arg(), n.accepted, n.unannounced.arg(),
		n.automations.arg(), n.causes.arg(),
	}
}

// contactEvents relies on the indexes of ownersEvents, and reads all events of the contact.
const contactEvents = `
SELECT ` + eventColumns + ` FROM (` + ownersEvents + `) e
WHERE e.name = $2::text AND e.accepted_at >= $3::timestamptz
ORDER BY e.accepted_at, e.id`

// ListContactEvents implements automation.EventReader.
func (s *Store) ListContactEvents(ctx context.Context, contactID, name string, since time.Time) ([]automation.Event, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	events, err := s.readEvents(ctx, contactEvents, owners{ownerOf(automation.ContactRef{ID: contactID})}, name, since)
	if err != nil {
		return nil, fmt.Errorf("postgres store: events of contact %q: %w", contactID, err)
	}
	return events, nil
}

func (s *Store) readEvents(ctx context.Context, sql string, args ...any) ([]automation.Event, error) {
	var events []automation.Event
	var sc script
	sc.query(func(scan scanFunc) error {
		e, _, err := scanEvent(scan)
		events = append(events, e)
		return err
	}, sql, args...)
	return events, implicit{s}.run(ctx, sc)
}

// scanEvent scans eventColumns, and the columns after them into more. It also returns the
// event's owner.
func scanEvent(scan scanFunc, more ...any) (automation.Event, ownerKey, error) {
	// Each variable that a row is scanned into is allocated, so there is one.
	var row struct {
		event                        automation.Event
		owner                        ownerKey
		payload                      []byte
		email, key, addressed, cause pgtype.Text
		occurred                     pgtype.Timestamptz
	}
	e := &row.event
	columns := append(make([]any, 0, 16),
		&e.ID, &row.owner, &row.email, &e.Name, &row.payload, &row.key, &row.occurred, &e.AcceptedAt, &row.addressed, &row.cause)
	if err := scan(append(columns, more...)...); err != nil {
		return *e, "", err
	}
	e.OccurredAt, e.AcceptedAt, e.IdempotencyKey, e.AutomationID = timeOf(row.occurred), e.AcceptedAt.UTC(), row.key.String, row.addressed.String
	e.Payload = row.payload
	if e.ContactID = refOf(row.owner).ID; e.ContactID == "" {
		e.Email = row.email.String
	}
	var err error
	e.Cause, err = record.DecodeCause(row.cause.String)
	return *e, row.owner, err
}
