package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// share is an automation that is kept from changing until the commit.
type sharedAutomation struct {
	no      int64
	enabled bool
}

// presentRun is how a run stands before it is written.
type currentRun struct {
	id string
	record.RunGroup
	active, moved bool // is among the active runs, was moved to the ended ones
	inLease       bool // is, or was, with its lease
	request       int16
}

// read ends or extends the leases, which fences and locks everything about their
// contacts, and then reads what has to be known before anything is written. It reports
// whether the transaction has to begin again.
func (c *committer) read(ctx context.Context) (again bool, err error) {
	var sc script
	c.current = map[string]currentRun{}
	c.fence(&sc)
	c.readAutomations(&sc)
	c.readContacts(&sc)
	c.readRuns(&sc)
	if err := c.tx.run(ctx, sc); err != nil {
		return false, err
	}
	if c.findMisplaced() {
		return true, nil
	}
	return false, c.readMissing(ctx)
}

// shareAutomations relies on automations_id, findVersions also on the primary key of
// versions. An automation that is shared cannot be disabled, and none of its
// versions pruned, before the commit.
const (
	shareAutomations = `
SELECT no, id, status = 'enabled' AND deleted_at IS NULL FROM automation.automations WHERE id = ANY ($1::text[]) ORDER BY no FOR SHARE`

	findVersions = `
SELECT a.id, v.version
FROM unnest($1::text[], $2::int[]) AS u (id, version)
JOIN automation.automations a ON a.id = ANY (ARRAY[u.id])
JOIN automation.versions v ON v.automation_no = a.no AND v.version = u.version`
)

// readAutomations looks for what the new runs are of.
func (c *committer) readAutomations(sc *script) {
	c.automations, c.versions = map[string]sharedAutomation{}, map[automation.VersionRef]bool{}
	wanted := map[automation.VersionRef]bool{}
	var ids []string
	var versions []int32
	for _, w := range c.writes {
		for i := range w.t.Runs {
			r := &w.t.Runs[i]
			v := automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}
			if r.New && !wanted[v] {
				wanted[v] = true
				ids, versions = append(ids, r.AutomationID), append(versions, int32(r.Version))
			}
		}
	}
	if len(ids) == 0 {
		return
	}
	sc.query(func(scan scanFunc) error {
		var a sharedAutomation
		var id string
		err := scan(&a.no, &id, &a.enabled)
		c.automations[id] = a
		c.s.inLease.noteNumber(id, a.no)
		return err
	}, shareAutomations, ids)
	sc.query(func(scan scanFunc) error {
		var v automation.VersionRef
		err := scan(&v.AutomationID, &v.Version)
		c.versions[v] = true
		return err
	}, findVersions, ids, versions)
}

// renameContacts, lockContacts and peekContacts rely on the primary key of contacts.
const (
	// renameContacts makes changes that follow from nothing in the contact. It returns
	// contacts as they are then.
	renameContacts = `
UPDATE automation.contacts c
SET first_name = coalesce(u.first_name, c.first_name), last_name = coalesce(u.last_name, c.last_name),
	unsubscribed = coalesce(u.unsubscribed, c.unsubscribed)
FROM (
	SELECT unnest($1::text[]) AS id, unnest($2::text[]) AS first_name, unnest($3::text[]) AS last_name, unnest($4::boolean[]) AS unsubscribed
) u
WHERE c.id = ANY (ARRAY[u.id]) AND c.deleted_at IS NULL
RETURNING ` + contactColumns

	peekContacts = `SELECT ` + contactColumns + ` FROM automation.contacts c WHERE c.id = ANY ($1::text[])`
	lockContacts = peekContacts + ` ORDER BY c.id FOR NO KEY UPDATE`
)

// readContacts reads the contacts that change, that are in a result, or of which
// runs go on. It makes those changes at once that it can.
func (c *committer) readContacts(sc *script) {
	c.contacts, c.damaged = map[string]*storedContact{}, map[string]error{}
	var changing, others []string
	var names renames
	for _, w := range c.writes {
		w.renamed = w.t.Key.ID != "" && !w.t.Delete && names.add(w.t)
		switch id := w.t.Key.ID; {
		case id == "" || w.renamed:
		case w.t.Change != nil || w.t.Delete:
			changing = append(changing, id)
		case !w.t.Release || slices.ContainsFunc(w.t.Runs, goesOn):
			others = append(others, id)
		}
	}
	if len(names.ids) > 0 {
		sc.query(c.addContact, renameContacts, names.ids, names.first.arg(), names.last.arg(), names.unsubscribed.arg())
	}
	if len(changing) > 0 {
		sc.query(c.addContact, lockContacts, changing)
	}
	if len(others) > 0 {
		sc.query(c.addContact, peekContacts, others)
	}
}

func (c *committer) addContact(scan scanFunc) error {
	stored, err := scanStoredContact(scan)
	owner := ownerOf(automation.ContactRef{ID: stored.ID})
	if errors.Is(err, record.ErrDamaged) {
		c.damaged[owner] = err
		return nil
	}
	c.contacts[owner] = &stored
	return err
}

// renames are changes of contacts, by column.
type renames struct {
	ids          []string
	first, last  nullableTexts
	unsubscribed nullableBools
}

// add reports whether the change of a transition, if there is one, follows from
// nothing in the contact.
func (r *renames) add(t *automation.Transition) bool {
	c := t.Change
	if c == nil || c.Email != nil || len(c.Properties)+len(c.AddSegments)+len(c.RemoveSegments) > 0 {
		return false
	}
	var unsubscribed pgtype.Bool
	if c.Unsubscribed != nil {
		unsubscribed = pgtype.Bool{Bool: *c.Unsubscribed, Valid: true}
	}
	r.ids, r.first, r.last = append(r.ids, t.Key.ID), append(r.first, nameOrNull(c.FirstName)), append(r.last, nameOrNull(c.LastName))
	r.unsubscribed = append(r.unsubscribed, unsubscribed)
	return true
}

// given returns a name as it is kept, NULL for none.
func nameOrNull(name *string) pgtype.Text {
	if name == nil {
		return pgtype.Text{}
	}
	return pgtype.Text{String: storable(*name), Valid: true}
}

func goesOn(r automation.RunChange) bool { return r.Status == automation.RunRunning }

// presentEnded and presentActive rely on the primary keys. A run that has ended can
// be reopened by others meanwhile, unless it is locked; one that is reopened
// before that is seen by the statements after it.
const (
	currentEnded = `
SELECT id, automation_no, version, status, step, 0::smallint FROM automation.ended_runs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`

	currentActive = `
SELECT id, automation_no, version, status, step, control FROM automation.active_runs WHERE id = ANY ($1::uuid[])`
)

// readRuns finds the runs that change where they are most often: new ones nowhere,
// the others among the active ones, unless they are with their lease.
func (c *committer) readRuns(sc *script) {
	var at runLookup
	for _, w := range c.writes {
		for i := range w.t.Runs {
			if r := &w.t.Runs[i]; r.New || w.parks || !c.s.inLease.has(r.ID) {
				at.add(r, r.New)
			}
		}
	}
	c.queryRuns(sc, &at)
}

// readMissing looks everywhere for the runs and contacts that should have been found.
func (c *committer) readMissing(ctx context.Context) error {
	var at runLookup
	var gone []string
	for _, w := range c.writes {
		for i := range w.t.Runs {
			r := &w.t.Runs[i]
			if _, ok := c.current[r.ID]; !ok && !r.New && r != w.inLease {
				at.add(r, true)
			}
		}
		if w.renamed && c.contacts[w.owner] == nil && c.damaged[w.owner] == nil {
			gone = append(gone, w.t.Key.ID)
		}
	}
	var sc script
	c.queryRuns(&sc, &at)
	if len(gone) > 0 {
		sc.query(c.addContact, peekContacts, gone)
	}
	if len(sc) == 0 {
		return nil
	}
	return c.tx.run(ctx, sc)
}

// runLookup says where to look for runs. Those that end are moved where they are
// found: nothing has to be known of them before.
type runLookup struct {
	ended, active uuids
	ending        endingColumns
}

func (l *runLookup) add(r *automation.RunChange, everywhere bool) {
	if !goesOn(*r) {
		l.ending.add(&r.RunRecord, r.DueAt)
		l.ending.served = append(l.ending.served, record.RequestCode(r.Served))
	}
	if everywhere {
		l.ended = append(l.ended, uuidOf(r.ID))
	}
	if everywhere || goesOn(*r) {
		l.active = append(l.active, uuidOf(r.ID))
	}
}

func (c *committer) queryRuns(sc *script, at *runLookup) {
	if len(at.ended) > 0 {
		sc.query(c.found(currentRun{}), currentEnded, at.ended)
	}
	if len(at.ending.ids) > 0 {
		sc.query(c.found(currentRun{moved: true}), endRuns, append(at.ending.args(), at.ending.served)...)
	}
	if len(at.active) > 0 {
		sc.query(c.found(currentRun{active: true}), currentActive, at.active)
	}
}

// found returns what notes a run that stands as r does.
func (c *committer) found(r currentRun) func(scan scanFunc) error {
	return func(scan scanFunc) error {
		var id string
		err := scan(&id, &r.Automation, &r.Version, &r.Status, &r.Step, &r.request)
		c.current[id] = r
		return err
	}
}
