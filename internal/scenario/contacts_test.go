package scenario_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestContact_TwoEventsForANewEmailMakeOne(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("", "user.created", world.Email("welcome")))
	nodes := []*automation.Runner{w.Runner, w.Node(w.Opts)}
	var all sync.WaitGroup
	for i, address := range []string{"Ada@Example.com", "ada@example.COM"} {
		all.Go(func() {
			_, err := nodes[i].Send(t.Context(), automation.Event{Name: "user.created", Email: address})
			assert.NoError(t, err)
			_, err = nodes[i].Drain(t.Context())
			assert.NoError(t, err)
		})
	}
	all.Wait()
	w.Drain()
	page, err := w.ListContacts(t.Context(), automation.ContactQuery{})
	require.NoError(t, err)
	require.Len(t, page.Data, 1)
	runs := w.Runs()
	require.Len(t, runs, 2)
	for _, r := range runs {
		assert.Equal(t, page.Data[0].ID, r.ContactID)
		assert.Equal(t, automation.RunCompleted, r.Status)
	}
}

func TestContact_IsNotCreatedWithoutARun(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	_, err := w.GetContact(w.Ctx, automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)

	w.Create(world.Flow("welcome", "signup", world.Email("hello")))
	w.Send(world.Signup("ada@example.com"), world.Signup("ADA@example.com"))
	w.Drain()
	c, err := w.GetContact(w.Ctx, automation.ContactRef{Email: "ada@example.com"})
	require.NoError(t, err)
	assert.Equal(t, "ada@example.com", c.Email)
	assert.Len(t, w.Mailer.To("ada@example.com"), 2)
	page, err := w.ListContacts(w.Ctx, automation.ContactQuery{})
	require.NoError(t, err)
	assert.Len(t, page.Data, 1)
}

func TestCreateContact_ReturnsWhatIsStored(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	given := automation.Contact{
		Email: "Ada@Example.com", FirstName: "Ada", LastName: "Lovelace", Unsubscribed: true,
		Properties: map[string]any{"plan": "pro"}, Segments: []string{"vip"}, CreatedAt: world.Start.Add(-time.Hour),
	}
	c := w.AddContact(given)
	assert.NotEmpty(t, c.ID)
	want := given
	want.ID, want.CreatedAt = c.ID, world.Start
	assert.Equal(t, want, c)

	given.Properties["plan"], c.Segments[0] = "changed", "changed"
	for _, ref := range []automation.ContactRef{{ID: c.ID}, {Email: "ada@example.COM"}} {
		read, err := w.GetContact(w.Ctx, ref)
		require.NoError(t, err)
		assert.Equal(t, map[string]any{"plan": "pro"}, read.Properties)
		assert.Equal(t, []string{"vip"}, read.Segments)
		assert.Equal(t, "Ada@Example.com", read.Email)
	}
}

func TestCreateContact_NilPropertyIsNone(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	given := map[string]any{"plan": "pro", "seats": nil}
	c := w.AddContact(automation.Contact{Email: "ada@example.com", Properties: given})
	assert.Equal(t, map[string]any{"plan": "pro"}, c.Properties)
	assert.Len(t, given, 2, "what was given stays the caller's")
	read, err := w.GetContact(w.Ctx, automation.ContactRef{ID: c.ID})
	require.NoError(t, err)
	assert.Equal(t, c, read)
}

// A comparison of each segment with each other segment would take half a minute.
func TestCreateContact_TakesVeryManySegments(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	ids := make([]string, 100_000)
	for i := range ids {
		ids[i] = fmt.Sprint("s", i)
	}
	began := time.Now()
	c := w.AddContact(automation.Contact{Email: "ada@example.com", Segments: append(ids, ids...)})
	assert.Equal(t, ids, c.Segments)
	assert.Less(t, time.Since(began), 10*time.Second, "generous: it takes a tenth of a second")
}

func TestCreateContact_TakenIDOrEmailConflicts(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{ID: "c1", Email: "ada@example.com"})
	_, err := w.CreateContact(w.Ctx, automation.Contact{ID: "c2", Email: "ADA@example.com"})
	require.ErrorIs(t, err, automation.ErrConflict)
	_, err = w.CreateContact(w.Ctx, automation.Contact{ID: "c1", Email: "bob@example.com"})
	require.ErrorIs(t, err, automation.ErrConflict)
	require.NoError(t, w.DeleteContact(w.Ctx, "c1"))
	_, err = w.CreateContact(w.Ctx, automation.Contact{ID: "c1", Email: "ada@example.com"})
	assert.ErrorIs(t, err, automation.ErrConflict, "the id of a deleted contact stays taken")
}

func TestContact_InvalidFieldsAreListed(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	c := w.AddContact(automation.Contact{Email: "bob@example.com"})
	_, err := w.CreateContact(w.Ctx, automation.Contact{
		Email: "Ada <ada@example.com>", FirstName: "A\nB", LastName: "C\rD",
		Properties: map[string]any{"nan": math.NaN(), "list": []any{1}, "ok": 1},
	})
	want := []string{"email", "first_name", "last_name", "properties.list", "properties.nan"}
	assert.Equal(t, want, world.Paths(world.Problems(t, err)))

	_, err = w.CreateContact(w.Ctx, automation.Contact{
		ID: "a\nb", Email: "ada@example.com", FirstName: "A\x00", Segments: []string{"vip", "", "a\tb"},
		Properties: map[string]any{"ref": automation.Var("event.plan"), "literal": automation.String("pro"), "bytes": "\xff"},
	})
	want = []string{"id", "first_name", "properties.bytes", "properties.literal", "properties.ref", "segments[1]", "segments[2]"}
	assert.Equal(t, want, world.Paths(world.Problems(t, err)))
	assert.NotContains(t, err.Error(), "Var(")
	assert.Contains(t, err.Error(), "a property cannot be an automation.Value: use a string, a finite number, a boolean or nil")

	_, err = w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{
		Properties: map[string]any{"ref": automation.Null()}, AddSegments: []string{""},
	})
	assert.Equal(t, []string{"properties.ref", "add_segments[0]"}, world.Paths(world.Problems(t, err)))
	bad := "no-address"
	_, err = w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{Email: &bad})
	assert.Equal(t, []string{"email"}, world.Paths(world.Problems(t, err)))
	read, err := w.GetContact(w.Ctx, automation.ContactRef{ID: c.ID})
	require.NoError(t, err)
	assert.Equal(t, c, read)
}

func TestUpdateContact_ChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	c := w.AddContact(automation.Contact{
		Email: "ada@example.com", FirstName: "Ada", LastName: "Lovelace",
		Properties: map[string]any{"a": "1", "b": "2"}, Segments: []string{"vip"},
	})
	none, yes, email := "", true, "ada@new.example.com"
	got, err := w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{
		LastName: &none, Unsubscribed: &yes, Email: &email,
		Properties: map[string]any{"a": nil, "c": "3"}, AddSegments: []string{"vip", "new"},
	})
	require.NoError(t, err)
	want := c
	want.LastName, want.Unsubscribed, want.Email = "", true, email
	want.Properties, want.Segments = map[string]any{"b": "2", "c": "3"}, []string{"vip", "new"}
	assert.Equal(t, want, got)
	_, err = w.GetContact(w.Ctx, automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)

	w.AddContact(automation.Contact{Email: "bob@example.com"})
	taken := "BOB@example.com"
	_, err = w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{Email: &taken})
	assert.ErrorIs(t, err, automation.ErrConflict)
}

func TestContact_IsInASegmentOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	given := []string{"vip", "new", "vip"}
	c := w.AddContact(automation.Contact{Email: "ada@example.com", Segments: given})
	assert.Equal(t, []string{"vip", "new"}, c.Segments)
	assert.Equal(t, []string{"vip", "new", "vip"}, given)
	c, err := w.UpdateContact(w.Ctx, c.ID, automation.ContactChange{AddSegments: []string{"late", "vip", "late"}})
	require.NoError(t, err)
	assert.Equal(t, []string{"vip", "new", "late"}, c.Segments)
	read, err := w.GetContact(w.Ctx, automation.ContactRef{ID: c.ID})
	require.NoError(t, err)
	assert.Equal(t, c, read)
}

func TestContact_UnknownIsNotFound(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	_, err := w.GetContact(w.Ctx, automation.ContactRef{ID: "c1"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.GetContact(w.Ctx, automation.ContactRef{Email: "ada@example.com"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.UpdateContact(w.Ctx, "c1", automation.ContactChange{})
	require.ErrorIs(t, err, automation.ErrNotFound)
	assert.ErrorIs(t, w.DeleteContact(w.Ctx, "c1"), automation.ErrNotFound)
}

func TestListContacts_PagesFromNewestToOldest(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for i := range 5 {
		c := automation.Contact{ID: fmt.Sprint(i), Email: fmt.Sprintf("%d@example.com", i)}
		if i%2 == 0 {
			c.Segments = []string{"even"}
		}
		w.AddContact(c)
	}
	list := func(q automation.ContactQuery) (ids []string, more bool) {
		page, err := w.ListContacts(w.Ctx, q)
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

func TestContactChange_LeavesBeforeItJoins(t *testing.T) {
	t.Parallel()
	c := automation.Contact{Segments: []string{"a", "b", "c"}}
	before := c
	automation.ContactChange{RemoveSegments: []string{"a", "c"}, AddSegments: []string{"c", "d"}}.Apply(&c)
	assert.Equal(t, []string{"b", "c", "d"}, c.Segments)
	assert.Equal(t, []string{"a", "b", "c"}, before.Segments)
}
