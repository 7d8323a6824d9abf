package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// currentRun is a run as the database has it before a commit changes it. At most one
// of its flags is set. A run with no flag has ended.
type currentRun struct {
	id      string
	placeNo int32
	event   *runsEvent // of a run that leaves the row of its lease
	active  bool       // it is among the active runs
	moved   bool       // it was active, and queryRuns has moved it to the ended runs
	inLease bool       // it was in the row of its lease before the transaction
	request int16
}

// read ends or extends the leases, which fences and locks everything about their
// contacts. Then it reads what the committer needs before it writes anything else. It
// reports whether the transaction has to begin again.
func (c *committer) read(ctx context.Context) (again bool, err error) {
	var sc script
	c.current = map[string]currentRun{}
	c.fence(&sc)
	c.takeEvents(&sc)
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
// versions. Until the commit no other transaction can disable a shared automation or
// prune a version of it.
const (
	shareAutomations = `
SELECT id, status = 'enabled' AND deleted_at IS NULL FROM automation.automations WHERE id = ANY ($1::text[]) ORDER BY no FOR SHARE`

	findVersions = `
SELECT a.id, v.version
FROM unnest($1::text[], $2::int[]) AS u (id, version)
JOIN automation.automations a ON a.id = ANY (ARRAY[u.id])
JOIN automation.versions v ON v.automation_no = a.no AND v.version = u.version`
)

// readAutomations reads the automations and versions of new runs.
func (c *committer) readAutomations(sc *script) {
	c.enabled, c.kept = map[string]bool{}, map[automation.VersionRef]bool{}
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
		var id string
		var enabled bool
		err := scan(&id, &enabled)
		c.enabled[id] = enabled
		return err
	}, shareAutomations, ids)
	sc.query(func(scan scanFunc) error {
		var v automation.VersionRef
		err := scan(&v.AutomationID, &v.Version)
		c.kept[v] = true
		return err
	}, findVersions, ids, versions)
}

// renameContacts, lockContacts and peekContacts rely on the primary key of contacts.
const (
	// renameContacts makes changes whose result does not depend on the contact as it is.
	// It returns the contacts after the change.
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

// readContacts reads the contacts that transitions need. It makes those changes of
// contacts at once that renameContacts can make.
func (c *committer) readContacts(sc *script) {
	c.contacts, c.damaged = map[ownerKey]*storedContact{}, map[ownerKey]error{}
	var changing, unchanged []string
	var names renames
	for _, w := range c.writes {
		w.renamed = w.t.Key.ID != "" && !w.t.Delete && names.add(w.t)
		switch id := w.t.Key.ID; {
		case id == "" || w.renamed:
		case w.t.Change != nil || w.t.Delete:
			changing = append(changing, id)
		case record.NeedsContact(w.t) || w.t.Heed:
			unchanged = append(unchanged, id)
		}
	}
	if len(names.ids) > 0 {
		sc.query(c.addContact, renameContacts, names.ids, names.first.arg(), names.last.arg(), names.unsubscribed.arg())
	}
	if len(changing) > 0 {
		sc.query(c.addContact, lockContacts, changing)
	}
	if len(unchanged) > 0 {
		sc.query(c.addContact, peekContacts, unchanged)
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

// renames contains the arguments of renameContacts, by column.
type renames struct {
	ids          []string
	first, last  nullableTexts
	unsubscribed nullableBools
}

// add adds the change of a transition. It reports false if there is none, or if its
// result depends on the contact as it is.
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

// nameOrNull returns a name for a column, NULL for a name that does not change.
func nameOrNull(name *string) pgtype.Text {
	if name == nil {
		return pgtype.Text{}
	}
	return pgtype.Text{String: storable(*name), Valid: true}
}

// currentEnded and currentActive rely on the primary keys. currentEnded locks the ended
// runs, because another transaction could reopen them meanwhile. If a run was reopened
// before it could be locked, the statements after currentEnded find it among the active
// runs.
const (
	currentEnded = `
SELECT id, place_no, 0::smallint FROM automation.ended_runs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`

	currentActive = `
SELECT id, place_no, coalesce(control, 0::smallint) FROM automation.active_runs WHERE id = ANY ($1::uuid[])`
)

// readRuns looks for the runs of the transitions where they most likely are. An existing
// run is most likely among the active runs, unless this process has put it into its
// lease's row, which fence reads. A new run must not exist: readRuns looks for it
// everywhere.
func (c *committer) readRuns(sc *script) {
	var lookup runLookup
	for _, w := range c.writes {
		for i := range w.t.Runs {
			if r := &w.t.Runs[i]; r.New || w.parks || !c.s.inLease.has(r.ID) {
				lookup.add(r, c.places.of(&r.RunRecord), r.New)
			}
		}
	}
	c.queryRuns(sc, &lookup)
}

// readMissing looks everywhere for the runs and contacts that should exist and that the
// transaction has not found.
func (c *committer) readMissing(ctx context.Context) error {
	var lookup runLookup
	var missing []string
	for _, w := range c.writes {
		for i := range w.t.Runs {
			r := &w.t.Runs[i]
			if _, ok := c.current[r.ID]; !ok && !r.New && r != w.inLease {
				lookup.add(r, c.places.of(&r.RunRecord), true)
			}
		}
		if w.renamed && c.contacts[w.owner] == nil && c.damaged[w.owner] == nil {
			missing = append(missing, w.t.Key.ID)
		}
	}
	var sc script
	c.queryRuns(&sc, &lookup)
	if len(missing) > 0 {
		sc.query(c.addContact, peekContacts, missing)
	}
	if len(sc) == 0 {
		return nil
	}
	return c.tx.run(ctx, sc)
}

// runLookup contains the runs to look for, by table. The statement that finds an active
// run which ends also moves it, because the committer needs nothing about such a run
// before it writes the run.
type runLookup struct {
	ended, active uuids
	ending        endingColumns
}

func (l *runLookup) add(r *automation.RunChange, placeNo int32, everywhere bool) {
	if !record.GoesOn(*r) {
		l.ending.add(&r.RunRecord, placeNo, r.DueAt, pgtype.Int4{}, r.Exit)
		l.ending.served = append(l.ending.served, record.RequestCode(r.Served))
	}
	if everywhere {
		l.ended = append(l.ended, uuidOf(r.ID))
	}
	if everywhere || record.GoesOn(*r) {
		l.active = append(l.active, uuidOf(r.ID))
	}
}

// queryRuns adds the statements that look for runs.
func (c *committer) queryRuns(sc *script, l *runLookup) {
	if len(l.ended) > 0 {
		sc.query(c.found(currentRun{}), currentEnded, l.ended)
	}
	if len(l.ending.ids) > 0 {
		sc.query(c.found(currentRun{moved: true}), endRuns, append(l.ending.args(), l.ending.statuses, l.ending.served, l.ending.exits.arg())...)
	}
	if len(l.active) > 0 {
		sc.query(c.found(currentRun{active: true}), currentActive, l.active)
	}
}

// found returns a function that scans a run into current, with the flags of r.
func (c *committer) found(r currentRun) func(scan scanFunc) error {
	return func(scan scanFunc) error {
		var id string
		err := scan(&id, &r.placeNo, &r.request)
		c.current[id] = r
		return err
	}
}
