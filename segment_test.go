package automation_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestSegments_AreNamedListedAndForgotten(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	vip, err := r.CreateSegment(r.ctx, automation.Segment{Name: "VIPs"})
	require.NoError(t, err)
	assert.NotEmpty(t, vip.ID)
	assert.Equal(t, r.clock.Now().UTC(), vip.CreatedAt)
	own, err := r.CreateSegment(r.ctx, automation.Segment{ID: "beta", Name: "Beta"})
	require.NoError(t, err)

	found, err := r.GetSegment(r.ctx, vip.ID)
	require.NoError(t, err)
	assert.Equal(t, vip, found)
	page, err := r.ListSegments(r.ctx, automation.PageQuery{Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, automation.Page[automation.Segment]{Data: []automation.Segment{own}, HasMore: true}, page)

	ada := r.contact(automation.Contact{Email: "ada@example.com", Segments: []string{"beta"}})
	require.NoError(t, r.DeleteSegment(r.ctx, "beta"))
	_, err = r.GetSegment(r.ctx, "beta")
	require.ErrorIs(t, err, automation.ErrNotFound)
	kept, err := r.GetContact(r.ctx, automation.ContactRef{ID: ada.ID})
	require.NoError(t, err)
	assert.Equal(t, []string{"beta"}, kept.Segments, "who was in it keeps its id")
}

func TestSegments_RefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	r := setup(t, automation.Options{})
	for _, s := range []automation.Segment{{}, {Name: "a\x00"}, {ID: "a\nb", Name: "a"}} {
		_, err := r.CreateSegment(r.ctx, s)
		assert.ErrorIs(t, err, automation.ErrInvalid, "%+v", s)
	}
	_, err := r.CreateSegment(r.ctx, automation.Segment{ID: "beta", Name: "Beta"})
	require.NoError(t, err)
	_, err = r.CreateSegment(r.ctx, automation.Segment{ID: "beta", Name: "Other"})
	require.ErrorIs(t, err, automation.ErrConflict)
	require.ErrorIs(t, r.DeleteSegment(r.ctx, "gone"), automation.ErrNotFound)
	_, err = r.ListSegments(r.ctx, automation.PageQuery{After: "gone"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = r.ListSegments(r.ctx, automation.PageQuery{Limit: 101})
	assert.ErrorIs(t, err, automation.ErrInvalid)
}

func TestContactChange_LeavesBeforeItJoins(t *testing.T) {
	t.Parallel()
	c := automation.Contact{Segments: []string{"a", "b", "c"}}
	before := c
	automation.ContactChange{RemoveSegments: []string{"a", "c"}, AddSegments: []string{"c", "d"}}.Apply(&c)
	assert.Equal(t, []string{"b", "c", "d"}, c.Segments)
	assert.Equal(t, []string{"a", "b", "c"}, before.Segments)
}
