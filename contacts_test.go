package automation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// users is a host's own contact table.
type users struct {
	mu    sync.Mutex
	rows  map[string]automation.Contact
	calls []string
	// fail, if set, is asked about every call.
	fail func(call string) error
}

func newUsers(rows ...automation.Contact) *users {
	u := &users{rows: map[string]automation.Contact{}}
	for _, c := range rows {
		u.rows[c.ID] = c
	}
	return u
}

// begin notes a call. It is made under u.mu.
func (u *users) begin(call string) error {
	u.calls = append(u.calls, call)
	if u.fail == nil {
		return nil
	}
	return u.fail(call)
}

func (u *users) FindContact(_ context.Context, ref automation.ContactRef) (automation.Contact, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.begin("find"); err != nil {
		return automation.Contact{}, err
	}
	return u.find(ref)
}

func (u *users) find(ref automation.ContactRef) (automation.Contact, error) {
	if c, ok := u.rows[ref.ID]; ok {
		return c.Clone(), nil
	}
	for _, c := range u.rows {
		if ref.ID == "" && automation.EmailKey(c.Email) == automation.EmailKey(ref.Email) {
			return c.Clone(), nil
		}
	}
	return automation.Contact{}, fmt.Errorf("user %s: %w", ref, automation.ErrNotFound)
}

func (u *users) CreateContact(_ context.Context, email string) (automation.Contact, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.begin("create"); err != nil {
		return automation.Contact{}, err
	}
	if c, err := u.find(automation.ContactRef{Email: email}); err == nil {
		return c, nil
	}
	c := automation.Contact{ID: fmt.Sprintf("user-%d", len(u.rows)+1), Email: email}
	u.rows[c.ID] = c
	return c, nil
}

func (u *users) UpdateContact(_ context.Context, id string, change automation.ContactChange) (automation.Contact, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.begin("change"); err != nil {
		return automation.Contact{}, err
	}
	c, ok := u.rows[id]
	if !ok {
		return c, automation.ErrNotFound
	}
	change.Apply(&c)
	u.rows[id] = c
	return c.Clone(), nil
}

func (u *users) DeleteContact(_ context.Context, id string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.begin("delete"); err != nil {
		return err
	}
	delete(u.rows, id)
	return nil
}

// edit changes a row behind the Runner's back.
func (u *users) edit(id string, change func(c *automation.Contact)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.rows[id]
	change(&c)
	u.rows[id] = c
}

// count returns how often a method was called.
func (u *users) count(call string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(u.calls), func(c string) bool { return c != call }))
}

// setupUsers returns a rig whose contacts are in u.
func setupUsers(t *testing.T, u *users, opts automation.Options) *rig {
	t.Helper()
	opts.Contacts = u
	opts.Retry.Jitter = -1
	return setup(t, opts)
}

var ada = automation.Contact{ID: "u-ada", Email: "Ada@example.com", FirstName: "Ada"}

func TestHostContacts_AreChangedByEffects(t *testing.T) {
	t.Parallel()
	u := newUsers(ada)
	r := setupUsers(t, u, automation.Options{})
	r.create(linear("welcome", "signup",
		automation.Step{Key: "update", Config: automation.ContactUpdate{
			LastName: automation.Var("event.last"), Properties: map[string]automation.Value{"plan": automation.String("pro")},
		}},
		automation.Step{Key: "segment", Config: automation.AddToSegment{SegmentID: "vip"}},
		mailing("hello"),
		automation.Step{Key: "bye", Config: automation.ContactDelete{}}, mailing("never")))
	e := signup("ada@EXAMPLE.com")
	e.Payload = automation.Payload(map[string]any{"last": "Lovelace"})
	r.send(e)
	r.drain()

	run := r.run()
	assert.Equal(t, automation.RunCompleted, run.Status)
	assert.Equal(t, "u-ada", run.ContactID)
	assert.JSONEq(t, `{"last_name":"Lovelace","properties":{"plan":"pro"}}`, string(stepRun(t, run, "update").Output))
	assert.JSONEq(t, `{"segment_id":"vip"}`, string(stepRun(t, run, "segment").Output))
	assert.Equal(t, automation.StepSkipped, stepRun(t, run, "never").Status)
	require.Len(t, r.mailer.Emails(), 1)
	seen := r.mailer.Emails()[0].Contact
	assert.Equal(t, "Lovelace", seen.LastName, "an effect sees what the one before has changed")
	assert.Equal(t, []string{"vip"}, seen.Segments)
	assert.Equal(t, 2, u.count("change"))
	assert.Empty(t, u.rows)
}

func TestHostContacts_FailedChangesAreTriedAgain(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"change", "delete"} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			u := newUsers(ada)
			r := setupUsers(t, u, automation.Options{})
			step := automation.Step{Key: "it", Config: automation.ContactDelete{}}
			if call == "change" {
				step.Config = automation.AddToSegment{SegmentID: "vip"}
			}
			r.create(linear("welcome", "signup", step))
			left := 2
			u.fail = func(c string) error {
				if left > 0 && c == call {
					left--
					return errOutage
				}
				return nil
			}
			r.send(signup("ada@example.com"))
			r.drain()
			r.pass(time.Second)
			assert.Equal(t, automation.RunRunning, r.run().Status)
			r.pass(2 * time.Second)
			assert.Equal(t, automation.RunCompleted, r.run().Status)
			assert.Len(t, stepRun(t, r.run(), "it").Attempts, 2)
			assert.Equal(t, 3, u.count(call))
		})
	}
}

func TestHostContacts_PermanentErrorFailsTheStep(t *testing.T) {
	t.Parallel()
	u := newUsers(ada)
	r := setupUsers(t, u, automation.Options{})
	r.create(linear("welcome", "signup", automation.Step{Key: "it", Config: automation.AddToSegment{SegmentID: "gone"}}))
	u.fail = func(c string) error {
		if c == "change" {
			return automation.Permanent(errors.New("no such segment"))
		}
		return nil
	}
	r.send(signup("ada@example.com"))
	r.drain()
	assert.Equal(t, automation.FailedPermanently, r.run().Error.Code)
}

func TestHostContacts_AreReadBeforeEachEffect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit   func(c *automation.Contact)
		to     []string
		status automation.StepStatus
	}{
		"another address": {func(c *automation.Contact) { c.Email = "new@example.com" }, []string{"new@example.com"}, automation.StepCompleted},
		"unsubscribed":    {func(c *automation.Contact) { c.Unsubscribed = true }, nil, automation.StepSkipped},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := newUsers(ada)
			r := setupUsers(t, u, automation.Options{})
			r.create(linear("welcome", "signup", mailing("hello")))
			attempts := 0
			r.mailer.Respond = func(context.Context, automation.Email) error {
				if attempts++; attempts == 1 {
					u.edit("u-ada", tt.edit)
					return errOutage
				}
				return nil
			}
			r.send(automation.Event{Name: "signup", ContactID: "u-ada"})
			r.drain()
			r.pass(time.Second)
			var to []string
			for _, e := range r.mailer.Emails() {
				to = append(to, e.To)
			}
			assert.Equal(t, tt.to, to)
			assert.Equal(t, tt.status, stepRun(t, r.run(), "hello").Status)
		})
	}
}

func TestHostContacts_DeletedByTheHostCancelsRuns(t *testing.T) {
	t.Parallel()
	u := newUsers(ada)
	r := setupUsers(t, u, automation.Options{})
	r.create(linear("welcome", "signup", delaying("rest", "1 day"), mailing("hello")))
	r.send(signup("ada@example.com"))
	r.drain()
	require.NoError(t, u.DeleteContact(r.ctx, "u-ada"))
	r.pass(24 * time.Hour)
	assert.Equal(t, automation.CancelledContactGone, r.run().Error.Code)
	assert.Empty(t, r.sent())
}

func TestHostContacts_AreCreatedWhenARunStarts(t *testing.T) {
	t.Parallel()
	u := newUsers()
	r := setupUsers(t, u, automation.Options{})
	r.create(linear("welcome", "signup", mailing("hello")))
	r.send(automation.Event{Name: "other", Email: "eve@example.com"})
	r.drain()
	assert.Zero(t, u.count("create"), "an event that starts no run creates nobody")

	r.send(signup("bob@example.com"), signup("BOB@example.com"))
	r.drain()
	assert.Len(t, u.rows, 1)
	runs := r.runs()
	require.Len(t, runs, 2)
	assert.Equal(t, runs[0].ContactID, runs[1].ContactID)
	assert.Len(t, r.sent(), 2)
}

func TestHostContacts_UnknownIDIsRefused(t *testing.T) {
	t.Parallel()
	r := setupUsers(t, newUsers(ada), automation.Options{})
	_, err := r.Send(r.ctx, automation.Event{Name: "signup", ContactID: "u-bob"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	u := newUsers(ada)
	u.fail = func(string) error { return errOutage }
	_, err = setupUsers(t, u, automation.Options{}).Send(t.Context(), signup("ada@example.com"))
	assert.ErrorIs(t, err, errOutage)
}

func TestHostContacts_AreReadAndChangedWhereTheyLive(t *testing.T) {
	t.Parallel()
	u := newUsers(ada)
	r := setupUsers(t, u, automation.Options{})
	yes := true
	changed, err := r.UpdateContact(r.ctx, ada.ID, automation.ContactChange{Unsubscribed: &yes})
	require.NoError(t, err)
	assert.True(t, changed.Unsubscribed)
	assert.True(t, u.rows[ada.ID].Unsubscribed)
	found, err := r.GetContact(r.ctx, automation.ContactRef{Email: "ADA@example.com"})
	require.NoError(t, err)
	assert.Equal(t, changed, found)
	_, err = r.GetContact(r.ctx, automation.ContactRef{ID: "u-bob"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	noAddress := "nobody"
	_, err = r.UpdateContact(r.ctx, ada.ID, automation.ContactChange{Email: &noAddress})
	assert.ErrorIs(t, err, automation.ErrInvalid)
}

func TestHostContacts_AreNotMadeDeletedOrListedHere(t *testing.T) {
	t.Parallel()
	r := setupUsers(t, newUsers(ada), automation.Options{})
	calls := map[string]func() error{
		"create": func() error { _, err := r.CreateContact(r.ctx, ada); return err },
		"delete": func() error { return r.DeleteContact(r.ctx, ada.ID) },
		"list":   func() error { _, err := r.ListContacts(r.ctx, automation.ContactQuery{}); return err },
	}
	for name, call := range calls {
		assert.ErrorIs(t, call(), errors.ErrUnsupported, name)
	}
}

// A host whose database is away for a minute costs no attempt, and no effect
// that was never begun is taken for one whose outcome is unknown.
func TestHostContacts_OutageBeforeAnEffectSpendsNothing(t *testing.T) {
	for _, mode := range []string{"Drain", "Run"} {
		t.Run(mode, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				u := newUsers(ada)
				r := setupUsers(t, u, automation.Options{Clock: automation.SystemClock(), Delivery: automation.AtMostOnce})
				r.create(linear("welcome", "signup", mailing("hello")))
				r.send(signup("ada@example.com"))
				finds, down := 0, true
				u.fail = func(call string) error {
					if call != "find" || !down {
						return nil
					}
					if finds++; finds%2 == 0 { // what is claimed can be read, what follows cannot
						return errOutage
					}
					return nil
				}
				work := func(d time.Duration) { let(d) }
				if mode == "Run" {
					r.serve(r.Runner)
				} else {
					work = func(d time.Duration) {
						let(d)
						_, _ = r.Drain(r.ctx)
					}
				}
				for range 60 {
					work(time.Second)
				}
				require.Equal(t, automation.RunRunning, r.run().Status)
				assert.Less(t, u.count("find"), 200, "the host is left alone in between")
				u.mu.Lock()
				down = false
				u.mu.Unlock()
				work(2 * time.Second)
				run := r.run()
				assert.Equal(t, automation.RunCompleted, run.Status)
				assert.Empty(t, stepRun(t, run, "hello").Attempts)
				assert.Equal(t, []string{"hello"}, r.sent())
			})
		})
	}
}

// Another run's outcome must not be lost with a contact that cannot be read.
func TestHostContacts_OutageLosesNoOutcome(t *testing.T) {
	bubble(t, func(t *testing.T) {
		u := newUsers(ada)
		r := setupUsers(t, u, automation.Options{Clock: automation.SystemClock(), Delivery: automation.AtMostOnce})
		gates := map[string]*gate{"one": newGate(), "slow": newGate(), "two": newGate()}
		close(gates["two"].open)
		r.mailer.Respond = func(ctx context.Context, e automation.Email) error {
			return gates[e.TemplateID].respond(ctx, e)
		}
		r.create(linear("first", "signup", mailing("one"), mailing("two")))
		r.create(linear("second", "signup", mailing("slow")))
		r.serve(r.Runner)
		r.send(signup("ada@example.com"))
		synctest.Wait()
		u.mu.Lock()
		u.fail = func(string) error { return errOutage }
		u.mu.Unlock()
		close(gates["one"].open) // which leads to an effect that needs the contact
		synctest.Wait()
		close(gates["slow"].open)
		synctest.Wait()
		u.mu.Lock()
		u.fail = nil
		u.mu.Unlock()
		let(2 * time.Minute)
		for _, run := range r.runs() {
			assert.Equal(t, automation.RunCompleted, run.Status, run.AutomationID)
		}
		assert.ElementsMatch(t, []string{"one", "two", "slow"}, r.sent())
	})
}

func TestHostContacts_ChangesAreObserved(t *testing.T) {
	t.Parallel()
	j := &journal{}
	r := setupUsers(t, newUsers(ada), automation.Options{Observer: j})
	r.create(linear("welcome", "signup",
		automation.Step{Key: "name", Config: automation.ContactUpdate{FirstName: automation.String("Augusta")}},
		automation.Step{Key: "bye", Config: automation.ContactDelete{}}))
	r.send(signup("ada@example.com"))
	r.drain()
	assert.Equal(t, []string{
		"accepted signup", "started welcome", "step start completed, 0 failed", "step name running, 0 failed",
		"handled signup, started 1, resumed 0",
		"changed Augusta", "step name completed, 0 failed", "step bye running, 0 failed",
		"deleted", "step bye completed, 0 failed", "ended completed",
	}, j.take())
}
