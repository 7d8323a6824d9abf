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
type share struct {
	no      int64
	enabled bool
}

// presentRun is how a run stands before it is written.
type presentRun struct {
	id string
	record.Place
	active, moved bool // is among the active runs, was moved to the ended ones
	begun         bool // is, or was, with its lease
	control       int16
}

// read ends or extends the leases, which fences and locks everything about their
// contacts, and then reads what has to be known before anything is written. It reports
// whether the transaction has to begin again.
func (w *writing) read(ctx context.Context) (again bool, err error) {
	var sc script
	w.present = map[string]presentRun{}
	w.fence(&sc)
	w.readAutomations(&sc)
	w.readContacts(&sc)
	w.readRuns(&sc)
	if err := w.tx.run(ctx, sc); err != nil {
		return false, err
	}
	if w.mistaken() {
		return true, nil
	}
	return false, w.readMissing(ctx)
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
func (w *writing) readAutomations(sc *script) {
	w.automations, w.versions = map[string]share{}, map[automation.VersionRef]bool{}
	wanted := map[automation.VersionRef]bool{}
	var ids []string
	var versions []int32
	for _, it := range w.items {
		for i := range it.t.Runs {
			r := &it.t.Runs[i]
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
		var a share
		var id string
		err := scan(&a.no, &id, &a.enabled)
		w.automations[id] = a
		w.s.begun.numbered(id, a.no)
		return err
	}, shareAutomations, ids)
	sc.query(func(scan scanFunc) error {
		var v automation.VersionRef
		err := scan(&v.AutomationID, &v.Version)
		w.versions[v] = true
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
func (w *writing) readContacts(sc *script) {
	w.contacts, w.damaged = map[string]*contactRow{}, map[string]error{}
	var changing, others []string
	var names renames
	for _, it := range w.items {
		it.renamed = it.t.Key.ID != "" && !it.t.Delete && names.add(it.t)
		switch id := it.t.Key.ID; {
		case id == "" || it.renamed:
		case it.t.Change != nil || it.t.Delete:
			changing = append(changing, id)
		case !it.t.Release || slices.ContainsFunc(it.t.Runs, goesOn):
			others = append(others, id)
		}
	}
	if len(names.ids) > 0 {
		sc.query(w.addContact, renameContacts, names.ids, names.first.arg(), names.last.arg(), names.unsubscribed.arg())
	}
	if len(changing) > 0 {
		sc.query(w.addContact, lockContacts, changing)
	}
	if len(others) > 0 {
		sc.query(w.addContact, peekContacts, others)
	}
}

func (w *writing) addContact(scan scanFunc) error {
	c, err := scanContact(scan)
	owner := ownerOf(automation.ContactRef{ID: c.ID})
	if errors.Is(err, errDamaged) {
		w.damaged[owner] = err
		return nil
	}
	w.contacts[owner] = &c
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
	r.ids, r.first, r.last = append(r.ids, t.Key.ID), append(r.first, given(c.FirstName)), append(r.last, given(c.LastName))
	r.unsubscribed = append(r.unsubscribed, unsubscribed)
	return true
}

// given returns a name as it is kept, NULL for none.
func given(name *string) pgtype.Text {
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
	presentEnded = `
SELECT id, automation_no, version, status, step, 0::smallint FROM automation.ended_runs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`

	presentActive = `
SELECT id, automation_no, version, status, step, control FROM automation.active_runs WHERE id = ANY ($1::uuid[])`
)

// readRuns finds the runs that change where they are most often: new ones nowhere,
// the others among the active ones, unless they are with their lease.
func (w *writing) readRuns(sc *script) {
	var at runLookup
	for _, it := range w.items {
		for i := range it.t.Runs {
			if r := &it.t.Runs[i]; r.New || it.plain || !w.s.begun.has(r.ID) {
				at.add(r, r.New)
			}
		}
	}
	w.look(sc, &at)
}

// readMissing looks everywhere for the runs and contacts that should have been found.
func (w *writing) readMissing(ctx context.Context) error {
	var at runLookup
	var gone []string
	for _, it := range w.items {
		for i := range it.t.Runs {
			r := &it.t.Runs[i]
			if _, ok := w.present[r.ID]; !ok && !r.New && r != it.begun {
				at.add(r, true)
			}
		}
		if it.renamed && w.contacts[it.owner] == nil && w.damaged[it.owner] == nil {
			gone = append(gone, it.t.Key.ID)
		}
	}
	var sc script
	w.look(&sc, &at)
	if len(gone) > 0 {
		sc.query(w.addContact, peekContacts, gone)
	}
	if len(sc) == 0 {
		return nil
	}
	return w.tx.run(ctx, sc)
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
		l.ending.seen = append(l.ending.seen, record.ControlCode(r.Served))
	}
	if everywhere {
		l.ended = append(l.ended, uuidOf(r.ID))
	}
	if everywhere || goesOn(*r) {
		l.active = append(l.active, uuidOf(r.ID))
	}
}

func (w *writing) look(sc *script, at *runLookup) {
	if len(at.ended) > 0 {
		sc.query(w.found(presentRun{}), presentEnded, at.ended)
	}
	if len(at.ending.ids) > 0 {
		sc.query(w.found(presentRun{moved: true}), endRuns, append(at.ending.args(), at.ending.seen)...)
	}
	if len(at.active) > 0 {
		sc.query(w.found(presentRun{active: true}), presentActive, at.active)
	}
}

// found returns what notes a run that stands as r does.
func (w *writing) found(r presentRun) func(scan scanFunc) error {
	return func(scan scanFunc) error {
		var id string
		err := scan(&id, &r.Automation, &r.Version, &r.Status, &r.Step, &r.control)
		w.present[id] = r
		return err
	}
}
