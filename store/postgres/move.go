package postgres

import (
	"context"

	"github.com/seed-b636437c/automation"
)

// moveEvents gives the pending events of one owner to another. It relies on pending_owner.
const (
	moveEvents = `UPDATE automation.pending SET owner = $2::bytea, email = NULL WHERE owner = $1::bytea`

	// adoptStrays gives contacts the stray events that were sent for their email. An event
	// is a stray if its sender looked for the contact before the contact was inserted, and
	// wrote the event after the email's events had been moved. Claims of the contact do this,
	// and so does what takes the email from the contact. It relies on the primary key of
	// contacts, and on pending_owner.
	adoptStrays = `
UPDATE automation.pending p SET owner = o.owner, email = NULL
FROM unnest($1::text[], $2::bytea[]) AS o (id, owner)
JOIN automation.contacts c ON c.id = ANY (ARRAY[o.id])
WHERE p.owner = ANY (ARRAY[` + emailOwner + `])`

	notifyIfPending = `SELECT pg_notify($1::text, '') WHERE EXISTS (SELECT FROM automation.pending WHERE owner = $2::bytea)`
)

// adopt gives a contact the pending events that were sent for its email before the email
// was the contact's.
func (s *Store) adopt(sc *script, c automation.Contact) {
	owner := ownerOf(automation.ContactRef{ID: c.ID})
	sc.exec(moveEvents, ownerOf(automation.ContactRef{Email: c.Email}), owner)
	sc.exec(notifyIfPending, s.schema, owner)
}

// findTargets returns the ids of the contacts that get the events of emails, by owner of
// the email. It creates the contacts that transitions contain, unless the email belongs
// to a contact by now.
func (c *committer) findTargets(ctx context.Context) (map[ownerKey]string, error) {
	targets := map[ownerKey]string{}
	var emails []string
	var sc script
	for _, w := range c.writes {
		if w.t.MoveTo == "" {
			continue
		}
		targets[w.owner] = w.t.MoveTo
		emails = append(emails, automation.EmailKey(w.t.Key.Email))
		if w.t.Create != nil {
			args, err := insertContactArgs(*w.t.Create)
			if err != nil {
				return nil, err
			}
			sc.exec(createContact, args...)
		}
	}
	if len(emails) == 0 {
		return nil, nil
	}
	sc.query(func(scan scanFunc) error {
		var email, id string
		err := scan(&email, &id)
		targets[ownerOf(automation.ContactRef{Email: email})] = id
		return err
	}, findEmails, emails)
	return targets, c.tx.run(ctx, sc)
}

// move gives the pending events of emails to the targets.
func (c *committer) move(sc *script, targets map[ownerKey]string) {
	for _, w := range c.writes {
		if id, ok := targets[w.owner]; ok {
			sc.exec(moveEvents, w.owner, ownerOf(automation.ContactRef{ID: id}))
		}
	}
}
