package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/internal/record"
)

// Commit implements automation.WorkStore. It needs two round trips, however many
// transitions there are.
func (s *Store) Commit(ctx context.Context, ts []automation.Transition) ([]automation.CommitResult, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	select {
	case s.committing <- struct{}{}:
		defer func() { <-s.committing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	results := make([]automation.CommitResult, len(ts))
	for _, wave := range record.Waves(ts) {
		items := make([]*item, len(wave))
		for i, at := range wave {
			items[i] = &item{t: &ts[at], owner: record.Owner(ts[at].Contact), res: &results[at]}
		}
		// Everybody locks leases in this order.
		slices.SortFunc(items, func(a, b *item) int { return cmp.Compare(a.owner, b.owner) })
		if err := s.write(ctx, items); err != nil {
			return nil, fmt.Errorf("postgres store: commit: %w", err)
		}
	}
	return results, nil
}

// item is a transition that is written with others.
type item struct {
	t     *automation.Transition
	owner string
	res   *automation.CommitResult
	// contact is what the contact will be, nil if it is not known or was not
	// needed.
	contact  *contactRow
	controls map[string]automation.Control
}

// write writes transitions of different contacts in one transaction. If the
// database refuses a value it writes them one by one, to find the one to blame.
func (s *Store) write(ctx context.Context, items []*item) error {
	err := s.writeTogether(ctx, items)
	if !isAboutValues(err) {
		return err
	}
	if len(items) == 1 {
		if code(err) == uniqueViolation {
			err = conflict("contact %q: %v", items[0].t.Contact, err)
		}
		*items[0].res = automation.CommitResult{Err: err}
		return nil
	}
	for i := range items {
		if err := s.write(ctx, items[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// writeTogether writes transitions in one transaction. When some turn out to be
// refused it begins again without them: their leases must be as they were.
func (s *Store) writeTogether(ctx context.Context, items []*item) error {
	for len(items) > 0 {
		var w *writing
		err := s.transact(ctx, func(tx *transaction) error {
			w = &writing{s: s, tx: tx, items: items}
			if err := w.read(ctx); err != nil || w.refuse() {
				return err
			}
			return w.commit(ctx)
		})
		if err != nil || !w.refused {
			return err
		}
		items = slices.DeleteFunc(items, func(it *item) bool { return it.res.Err != nil })
	}
	return nil
}

// writing is one transaction of Commit.
type writing struct {
	s       *Store
	tx      *transaction
	items   []*item // sorted by owner
	refused bool    // some of them

	held        map[string]bool // owners whose lease is that of their transition
	automations map[string]share
	versions    map[automation.VersionRef]bool
	present     map[string]presentRun
	contacts    map[string]*contactRow // by owner
}

// share is an automation that is kept from changing until the commit.
type share struct {
	no      int64
	enabled bool
}

// presentRun is how a run stands before it is written.
type presentRun struct {
	record.Place
	active  bool
	control int16
}

// endLeases and extendLeases rely on the primary key of leases.
const (
	endLeases = `
DELETE FROM automation.leases l USING unnest($1::text[], $2::bigint[]) AS t (owner, token)
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.token = ANY (ARRAY[t.token]) RETURNING l.owner`

	extendLeases = `
UPDATE automation.leases l SET until = t.until
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS t (owner, token, until)
WHERE l.owner = ANY (ARRAY[t.owner]) AND l.token = ANY (ARRAY[t.token]) RETURNING l.owner`
)

// read ends or extends the leases, which fences and locks everything about their
// contacts, and then reads what has to be known before anything is written.
func (w *writing) read(ctx context.Context) error {
	w.held = make(map[string]bool, len(w.items))
	hold := func(scan scanFunc) error {
		var owner string
		err := scan(&owner)
		w.held[owner] = true
		return err
	}
	var ending, extended []string
	var endTokens, tokens []int64
	var until []time.Time
	for _, it := range w.items {
		if it.t.Release {
			ending, endTokens = append(ending, it.owner), append(endTokens, it.t.Token)
		} else {
			extended, tokens, until = append(extended, it.owner), append(tokens, it.t.Token), append(until, it.t.Extend)
		}
	}
	var sc script
	if len(extended) > 0 {
		sc.query(hold, extendLeases, extended, tokens, until)
	}
	if len(ending) > 0 {
		sc.query(hold, endLeases, ending, endTokens)
	}
	w.readAutomations(&sc)
	w.readContacts(&sc)
	w.readRuns(&sc)
	return w.tx.run(ctx, sc)
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
		return err
	}, shareAutomations, ids)
	sc.query(func(scan scanFunc) error {
		var v automation.VersionRef
		err := scan(&v.AutomationID, &v.Version)
		w.versions[v] = true
		return err
	}, findVersions, ids, versions)
}

// lockContacts and peekContacts rely on the primary key of contacts.
const (
	peekContacts = `SELECT ` + contactColumns + ` FROM automation.contacts c WHERE c.id = ANY ($1::text[])`
	lockContacts = peekContacts + ` ORDER BY c.id FOR NO KEY UPDATE`
)

// readContacts reads the contacts that change, that are in a result, or of which
// runs go on.
func (w *writing) readContacts(sc *script) {
	w.contacts = map[string]*contactRow{}
	var changing, others []string
	for _, it := range w.items {
		switch id := it.t.Contact.ID; {
		case id == "":
		case it.t.Change != nil || it.t.Delete:
			changing = append(changing, id)
		case !it.t.Release || slices.ContainsFunc(it.t.Runs, goesOn):
			others = append(others, id)
		}
	}
	row := func(scan scanFunc) error {
		c, err := scanContact(scan)
		w.contacts[record.Owner(automation.ContactRef{ID: c.ID})] = &c
		return err
	}
	if len(changing) > 0 {
		sc.query(row, lockContacts, changing)
	}
	if len(others) > 0 {
		sc.query(row, peekContacts, others)
	}
}

func goesOn(r automation.RunChange) bool { return r.Status == automation.RunRunning }

// presentEnded and presentActive rely on the primary keys. A run that has ended can
// be reopened by others meanwhile, unless it is locked; one that is reopened
// before that is seen by the second statement.
const (
	presentEnded = `
SELECT id, automation_no, version, status, step, 0::smallint FROM automation.ended_runs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`

	presentActive = `
SELECT id, automation_no, version, status, step, control FROM automation.active_runs WHERE id = ANY ($1::uuid[])`
)

func (w *writing) readRuns(sc *script) {
	var ids []pgtype.UUID
	for _, it := range w.items {
		for i := range it.t.Runs {
			ids = append(ids, uuidOf(it.t.Runs[i].ID))
		}
	}
	if len(ids) == 0 {
		return
	}
	w.present = map[string]presentRun{}
	row := func(active bool) func(scan scanFunc) error {
		return func(scan scanFunc) error {
			var id string
			r := presentRun{active: active}
			err := scan(&id, &r.Automation, &r.Version, &r.Status, &r.Step, &r.control)
			w.present[id] = r
			return err
		}
	}
	sc.query(row(false), presentEnded, ids)
	sc.query(row(true), presentActive, ids)
}

// refuse sets the results of the transitions that may not be written. It reports
// whether the transaction has to begin again without them; those that have lost
// their lease have touched nothing in it.
func (w *writing) refuse() bool {
	held := w.items[:0:0]
	for _, it := range w.items {
		*it.res = automation.CommitResult{}
		if !w.held[it.owner] {
			it.res.Err = fmt.Errorf("contact %q: %w", it.t.Contact.String(), automation.ErrLeaseLost)
			continue
		}
		if it.res.Err = w.prepare(it); it.res.Err != nil {
			w.refused = true
		}
		held = append(held, it)
	}
	if !w.refused {
		w.items = held
	}
	return w.refused
}

// prepare returns why a transition may not be written, and notes what becomes of
// its contact.
func (w *writing) prepare(it *item) error {
	for i := range it.t.Runs {
		if err := w.refusal(&it.t.Runs[i]); err != nil {
			return err
		}
	}
	it.contact, it.controls = nil, nil
	if c := w.contacts[it.owner]; c != nil && !c.deleted {
		now := *c
		if it.t.Change != nil {
			now = c.change(*it.t.Change)
		}
		it.contact = &now
		_, err := insertContactArgs(now.Contact) // whether it can be encoded
		return err
	}
	return nil
}

func (w *writing) refusal(r *automation.RunChange) error {
	if _, ok := w.present[r.ID]; ok {
		return nil // also a new one that is written again
	}
	switch {
	case !r.New:
		return notFound("run", r.ID)
	case !w.automations[r.AutomationID].enabled:
		return conflict("automation %q is not enabled any more", r.AutomationID)
	case !w.versions[automation.VersionRef{AutomationID: r.AutomationID, Version: r.Version}]:
		return conflict("version %d of automation %q is not in use any more", r.Version, r.AutomationID)
	default:
		return nil
	}
}

// commit writes what the transitions say and makes the results.
func (w *writing) commit(ctx context.Context) error {
	targets, err := w.findTargets(ctx)
	if err != nil {
		return err
	}
	var sc script
	w.handle(&sc)
	w.erase(&sc)
	w.writeRuns(&sc)
	if err := w.writeContacts(&sc); err != nil {
		return err
	}
	w.move(&sc, targets)
	if err := w.tx.commit(ctx, sc); err != nil {
		return err
	}
	for _, it := range w.items {
		it.res.Controls = it.controls
		if it.contact != nil && !it.t.Release && !it.t.Delete {
			c := it.contact.Contact.Clone()
			it.res.Contact = &c
		}
	}
	return nil
}

// handleEvents relies on the primary key of pending. Events that were handled
// before are left alone.
const handleEvents = `
WITH handled AS (
	DELETE FROM automation.pending p
	USING unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::boolean[]) AS h (owner, event_id, at, loose)
	WHERE p.owner = ANY (ARRAY[h.owner]) AND p.event_id = ANY (ARRAY[h.event_id])
	RETURNING h.event_id, h.at, h.loose
)
INSERT INTO automation.loose_events (handled_at, event_id) SELECT at, event_id FROM handled WHERE loose`

func (w *writing) handle(sc *script) {
	var owners []string
	var ids []pgtype.UUID
	var at []time.Time
	var loose []bool
	for _, it := range w.items {
		for _, id := range it.t.Handled {
			started := slices.ContainsFunc(it.t.Runs, func(r automation.RunChange) bool { return r.New && r.EventID == id })
			owners, ids, at, loose = append(owners, it.owner), append(ids, uuidOf(id)), append(at, it.t.Now), append(loose, !started)
		}
	}
	if len(ids) > 0 {
		sc.exec(handleEvents, owners, ids, at, loose)
	}
}

func (w *writing) writeContacts(sc *script) error {
	var changes []contactChange
	var dead []contactRow
	var diedAt, cancelAt []time.Time
	var cancelled []string
	for _, it := range w.items {
		if it.contact != nil && it.t.Change != nil {
			changes = append(changes, contactChange{old: *w.contacts[it.owner], now: *it.contact})
		}
		if !it.t.Delete {
			continue
		}
		if it.contact != nil {
			dead, diedAt = append(dead, *it.contact), append(diedAt, it.t.Now)
		}
		cancelled, cancelAt = append(cancelled, it.owner), append(cancelAt, it.t.Now)
	}
	if len(changes) > 0 {
		if err := updateContacts(sc, changes); err != nil {
			return err
		}
	}
	for _, ch := range changes {
		if ch.now.Email != ch.old.Email {
			w.s.adopt(sc, ch.now.Contact)
		}
	}
	if len(dead) > 0 {
		bury(sc, dead, diedAt)
	}
	if len(cancelled) > 0 {
		cancelOwned(sc, cancelled, cancelAt)
	}
	return nil
}
