package automation_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestCreateContact_ReturnsWhatWasKept(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	given := automation.Contact{
		Email: "Ada@Example.com", FirstName: "Ada", LastName: "Lovelace", Unsubscribed: true,
		Properties: map[string]any{"plan": "pro"}, Segments: []string{"vip"}, CreatedAt: start.Add(-time.Hour),
	}
	c := r.contact(given)
	assert.NotEmpty(t, c.ID)
	want := given
	want.ID, want.CreatedAt = c.ID, start
	assert.Equal(t, want, c)

	given.Properties["plan"], c.Segments[0] = "changed", "changed"
	for _, ref := range []automation.ContactRef{{ID: c.ID}, {Email: "ada@example.COM"}} {
		read, err := r.GetContact(r.ctx, ref)
		require.NoError(t, err)
		assert.Equal(t, map[string]any{"plan": "pro"}, read.Properties)
		assert.Equal(t, []string{"vip"}, read.Segments)
		assert.Equal(t, "Ada@Example.com", read.Email)
	}
}

func TestCreateContact_NilPropertyIsNone(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	given := map[string]any{"plan": "pro", "seats": nil}
	c := r.contact(automation.Contact{Email: "ada@example.com", Properties: given})
	assert.Equal(t, map[string]any{"plan": "pro"}, c.Properties)
	assert.Len(t, given, 2, "what was given stays the caller's")
	read, err := r.GetContact(r.ctx, automation.ContactRef{ID: c.ID})
	require.NoError(t, err)
	assert.Equal(t, c, read)
}

// Comparing each segment with each other would take half a minute.
func TestCreateContact_TakesVeryManySegments(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	ids := make([]string, 100_000)
	for i := range ids {
		ids[i] = fmt.Sprint("s", i)
	}
	began := time.Now()
	c := r.contact(automation.Contact{Email: "ada@example.com", Segments: append(ids, ids...)})
	assert.Equal(t, ids, c.Segments)
	assert.Less(t, time.Since(began), 10*time.Second, "generous: it takes a tenth of a second")
}

func TestCreateContact_TakenIDOrEmailConflicts(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	r.contact(automation.Contact{ID: "c1", Email: "ada@example.com"})
	_, err := r.CreateContact(r.ctx, automation.Contact{ID: "c2", Email: "ADA@example.com"})
	require.ErrorIs(t, err, automation.ErrConflict)
	_, err = r.CreateContact(r.ctx, automation.Contact{ID: "c1", Email: "bob@example.com"})
	require.ErrorIs(t, err, automation.ErrConflict)
	require.NoError(t, r.DeleteContact(r.ctx, "c1"))
	_, err = r.CreateContact(r.ctx, automation.Contact{ID: "c1", Email: "ada@example.com"})
	assert.ErrorIs(t, err, automation.ErrConflict, "the id of a deleted contact stays taken")
}

func TestContact_InvalidFieldsAreListed(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	c := r.contact(automation.Contact{Email: "bob@example.com"})
	_, err := r.CreateContact(r.ctx, automation.Contact{
		Email: "Ada <ada@example.com>", FirstName: "A\nB", LastName: "C\rD",
		Properties: map[string]any{"nan": math.NaN(), "list": []any{1}, "ok": 1},
	})
	want := []string{"email", "first_name", "last_name", "properties.list", "properties.nan"}
	assert.Equal(t, want, paths(problemsOf(t, err)))

	_, err = r.CreateContact(r.ctx, automation.Contact{
		ID: "a\nb", Email: "ada@example.com", FirstName: "A\x00", Segments: []string{"vip", "", "a\tb"},
		Properties: map[string]any{"ref": automation.Var("event.plan"), "literal": automation.String("pro"), "bytes": "\xff"},
	})
	want = []string{"id", "first_name", "properties.bytes", "properties.literal", "properties.ref", "segments[1]", "segments[2]"}
	assert.Equal(t, want, paths(problemsOf(t, err)))
	assert.NotContains(t, err.Error(), "Var(")
	assert.Contains(t, err.Error(), "a property cannot be an automation.Value: use a string, a finite number, a boolean or nil")

	_, err = r.UpdateContact(r.ctx, c.ID, automation.ContactChange{
		Properties: map[string]any{"ref": automation.Null()}, AddSegments: []string{""},
	})
	assert.Equal(t, []string{"properties.ref", "add_segments[0]"}, paths(problemsOf(t, err)))
	bad := "nobody"
	_, err = r.UpdateContact(r.ctx, c.ID, automation.ContactChange{Email: &bad})
	assert.Equal(t, []string{"email"}, paths(problemsOf(t, err)))
	read, err := r.GetContact(r.ctx, automation.ContactRef{ID: c.ID})
	require.NoError(t, err)
	assert.Equal(t, c, read)
}

func TestUpdateContact_ChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	c := r.contact(automation.Contact{
		Email: "ada@example.com", FirstName: "Ada", LastName: "Lovelace",
		Properties: map[string]any{"a": "1", "b": "2"}, Segments: []string{"vip"},
	})
	none, yes, email := "", true, "ada@new.example.com"
	got, err := r.UpdateContact(r.ctx, c.ID, automation.ContactChange{
		LastName: &none, Unsubscribed: &yes, Email: &email,
		Properties: map[string]any{"a": nil, "c": "3"}, AddSegments: []string{"vip", "new"},
	})
	require.NoError(t, err)
	want := c
	want.LastName, want.Unsubscribed, want.Email = "", true, email
	want.Properties, want.Segments = map[string]any{"b": "2", "c": "3"}, []string{"vip", "new"}
	assert.Equal(t, want, got)
	_, err = r.GetContact(r.ctx, automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)

	r.contact(automation.Contact{Email: "bob@example.com"})
	taken := "BOB@example.com"
	_, err = r.UpdateContact(r.ctx, c.ID, automation.ContactChange{Email: &taken})
	assert.ErrorIs(t, err, automation.ErrConflict)
}

func TestContact_IsInASegmentOnce(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	given := []string{"vip", "new", "vip"}
	c := r.contact(automation.Contact{Email: "ada@example.com", Segments: given})
	assert.Equal(t, []string{"vip", "new"}, c.Segments)
	assert.Equal(t, []string{"vip", "new", "vip"}, given)
	c, err := r.UpdateContact(r.ctx, c.ID, automation.ContactChange{AddSegments: []string{"late", "vip", "late"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"vip", "new", "late"}, c.Segments)
	read, err := r.GetContact(r.ctx, automation.ContactRef{ID: c.ID})
	require.NoError(t, err)
	assert.Equal(t, c, read)
}

func TestUpdateContact_IsSeenByRunsFromTheirNextStep(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	c := r.contact(automation.Contact{Email: "ada@example.com"})
	r.create(linear("welcome", "signup", mailing("hello"), delaying("rest", "1 day"), mailing("tips")))
	r.send(automation.Event{Name: "signup", ContactID: c.ID})
	r.drain()
	email := "ada@new.example.com"
	_, err := r.UpdateContact(r.ctx, c.ID, automation.ContactChange{Email: &email})
	require.NoError(t, err)
	r.pass(24 * time.Hour)
	emails := r.mailer.Emails()
	require.Len(t, emails, 2)
	assert.Equal(t, []string{"ada@example.com", email}, []string{emails[0].To, emails[1].To})
}

func TestDeleteContact_CancelsItsRunsForGood(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	c := r.contact(automation.Contact{Email: "ada@example.com"})
	r.create(linear("welcome", "signup", waiting("confirmed", "confirm"), mailing("hello")))
	r.send(signup("ada@example.com"))
	r.drain()
	require.NoError(t, r.DeleteContact(r.ctx, c.ID))
	r.contact(automation.Contact{Email: "ada@example.com"})
	r.send(automation.Event{Name: "confirm", Email: "ada@example.com"})
	r.drain()
	run := r.run()
	assert.Equal(t, automation.RunCancelled, run.Status)
	assert.Equal(t, automation.CancelledContactGone, run.Error.Code)
	assert.Empty(t, r.sent(), "a contact made later does not revive the run")
}

func TestContact_UnknownIsNotFound(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	_, err := r.GetContact(r.ctx, automation.ContactRef{ID: "c1"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = r.GetContact(r.ctx, automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = r.UpdateContact(r.ctx, "c1", automation.ContactChange{})
	require.ErrorIs(t, err, automation.ErrNotFound)
	assert.ErrorIs(t, r.DeleteContact(r.ctx, "c1"), automation.ErrNotFound)
}

func TestListContacts_PagesFromNewestToOldest(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	for i := range 5 {
		c := automation.Contact{ID: fmt.Sprint(i), Email: fmt.Sprintf("%d@example.com", i)}
		if i%2 == 0 {
			c.Segments = []string{"even"}
		}
		r.contact(c)
	}
	list := func(q automation.ContactQuery) (ids []string, more bool) {
		page, err := r.ListContacts(r.ctx, q)
		require.NoError(t, err)
		for _, c := range page.Data {
			ids = append(ids, c.ID)
		}
		return ids, page.HasMore
	}
	ids, more := list(automation.ContactQuery{PageQuery: automation.PageQuery{Limit: 2, After: "4"}})
	assert.Equal(t, []string{"3", "2"}, ids)
	assert.True(t, more)
	ids, more = list(automation.ContactQuery{Segment: "even"})
	assert.Equal(t, []string{"4", "2", "0"}, ids)
	assert.False(t, more)
}
