package scenario_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestSegments_AreNamedListedAndDeleted(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	vip, err := w.CreateSegment(w.Ctx, automation.Segment{Name: "VIPs"})
	require.NoError(t, err)
	assert.NotEmpty(t, vip.ID)
	assert.Equal(t, w.Clock.Now().UTC(), vip.CreatedAt)
	own, err := w.CreateSegment(w.Ctx, automation.Segment{ID: "beta", Name: "Beta"})
	require.NoError(t, err)

	found, err := w.GetSegment(w.Ctx, vip.ID)
	require.NoError(t, err)
	assert.Equal(t, vip, found)
	page, err := w.ListSegments(w.Ctx, automation.PageQuery{Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, automation.Page[automation.Segment]{Data: []automation.Segment{own}, HasMore: true}, page)

	renamed, err := w.RenameSegment(w.Ctx, vip.ID, "Patrons")
	require.NoError(t, err)
	vip.Name = "Patrons"
	assert.Equal(t, vip, renamed)
	found, err = w.GetSegment(w.Ctx, vip.ID)
	require.NoError(t, err)
	assert.Equal(t, vip, found)

	ada := w.AddContact(automation.Contact{Email: "ada@example.com", Segments: []string{"beta"}})
	require.NoError(t, w.DeleteSegment(w.Ctx, "beta"))
	_, err = w.GetSegment(w.Ctx, "beta")
	require.ErrorIs(t, err, automation.ErrNotFound)
	kept, err := w.GetContact(w.Ctx, automation.ContactRef{ID: ada.ID})
	require.NoError(t, err)
	assert.Equal(t, []string{"beta"}, kept.Segments, "who was in it keeps its id")
}

func TestSegments_RefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for _, s := range []automation.Segment{{}, {Name: "a\x00"}, {ID: "a\nb", Name: "a"}} {
		_, err := w.CreateSegment(w.Ctx, s)
		assert.ErrorIs(t, err, automation.ErrInvalid, "%+v", s)
	}
	_, err := w.CreateSegment(w.Ctx, automation.Segment{ID: "beta", Name: "Beta"})
	require.NoError(t, err)
	_, err = w.CreateSegment(w.Ctx, automation.Segment{ID: "beta", Name: "Other"})
	require.ErrorIs(t, err, automation.ErrConflict)
	require.ErrorIs(t, w.DeleteSegment(w.Ctx, "gone"), automation.ErrNotFound)
	_, err = w.RenameSegment(w.Ctx, "gone", "Beta")
	require.ErrorIs(t, err, automation.ErrNotFound)
	for _, name := range []string{"", "a\x00"} {
		_, err = w.RenameSegment(w.Ctx, "beta", name)
		require.ErrorIs(t, err, automation.ErrInvalid)
	}
	_, err = w.ListSegments(w.Ctx, automation.PageQuery{After: "gone"})
	require.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.ListSegments(w.Ctx, automation.PageQuery{Limit: 101})
	assert.ErrorIs(t, err, automation.ErrInvalid)
}
