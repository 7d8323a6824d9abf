package e2e

import (
	"testing"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// group creates a segment and returns it in the form of lists.
func (w *world) group(name string) resend.Segment {
	w.t.Helper()
	created, err := w.Segments.Create(&resend.CreateSegmentRequest{Name: name})
	require.NoError(w.t, err)
	w.later()
	s, err := w.runner.GetSegment(w.t.Context(), created.Id)
	require.NoError(w.t, err)
	return resend.Segment{Id: s.ID, Name: s.Name, CreatedAt: stamp(s.CreatedAt)}
}

func TestSegments_AreCreatedReadAndDeleted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	created, err := w.Segments.Create(&resend.CreateSegmentRequest{Name: "Customers"})
	require.NoError(t, err)
	assert.Equal(t, resend.CreateSegmentResponse{Object: "segment", Id: created.Id, Name: "Customers"}, created)
	kept, err := w.runner.GetSegment(t.Context(), created.Id)
	require.NoError(t, err)

	got, err := w.Segments.Get(kept.ID)
	require.NoError(t, err)
	assert.Equal(t, resend.Segment{Object: "segment", Id: kept.ID, Name: "Customers", CreatedAt: stamp(start)}, got)

	removed, err := w.Segments.Remove(kept.ID)
	require.NoError(t, err)
	assert.Equal(t, resend.RemoveSegmentResponse{Object: "segment", Id: kept.ID, Deleted: true}, removed)
	_, err = w.runner.GetSegment(t.Context(), kept.ID)
	assert.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.Segments.Get(kept.ID)
	assert.ErrorContains(t, err, kept.ID)
	_, err = w.Segments.Create(&resend.CreateSegmentRequest{})
	assert.ErrorContains(t, err, "name")
}

func TestSegments_AreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	empty, err := w.Segments.List()
	require.NoError(t, err)
	assert.Equal(t, resend.ListSegmentsResponse{Object: "list", Data: []resend.Segment{}}, empty)

	a, b, c := w.group("A"), w.group("B"), w.group("C")
	all, err := w.Segments.List()
	require.NoError(t, err)
	assert.Equal(t, resend.ListSegmentsResponse{Object: "list", Data: []resend.Segment{c, b, a}}, all)
	page, err := w.Segments.ListWithOptions(t.Context(), &resend.ListOptions{Limit: ptr(1), After: &c.Id})
	require.NoError(t, err)
	assert.Equal(t, resend.ListSegmentsResponse{Object: "list", HasMore: true, Data: []resend.Segment{b}}, page)
	page, err = w.Segments.ListWithOptions(t.Context(), &resend.ListOptions{Before: &b.Id})
	require.NoError(t, err)
	assert.Equal(t, resend.ListSegmentsResponse{Object: "list", Data: []resend.Segment{c}}, page)
}

// segmentsOf returns the segments of a contact from the engine.
func (w *world) segmentsOf(contact string) []string {
	w.t.Helper()
	c, err := w.runner.GetContact(w.t.Context(), automation.ContactRef{ID: contact})
	require.NoError(w.t, err)
	return c.Segments
}

func TestContactSegments_AreAddedListedAndRemoved(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ada, bob := w.invite("ada@example.com"), w.invite("bob@example.com")
	customers, testers := w.group("Customers"), w.group("Testers")

	none, err := w.Contacts.Segments.List(&resend.ListContactSegmentsRequest{ContactId: ada})
	require.NoError(t, err)
	assert.Equal(t, resend.ListContactSegmentsResponse{Object: "list", Data: []resend.Segment{}}, none)

	added, err := w.Contacts.Segments.Add(&resend.AddContactSegmentRequest{ContactId: ada, SegmentId: customers.Id})
	require.NoError(t, err)
	assert.Equal(t, customers.Id, added.Id)
	_, err = w.Contacts.Segments.Add(&resend.AddContactSegmentRequest{Email: "ada@example.com", SegmentId: testers.Id})
	require.NoError(t, err)
	_, err = w.Contacts.Segments.Add(&resend.AddContactSegmentRequest{ContactId: bob, SegmentId: customers.Id})
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{customers.Id, testers.Id}, w.segmentsOf(ada))

	byEmail, err := w.Contacts.Segments.List(&resend.ListContactSegmentsRequest{Email: "ada@example.com"})
	require.NoError(t, err)
	assert.Equal(t, "list", byEmail.Object)
	assert.False(t, byEmail.HasMore)
	assert.ElementsMatch(t, []resend.Segment{customers, testers}, byEmail.Data)
	page, err := w.Contacts.Segments.ListWithOptions(t.Context(), &resend.ListContactSegmentsRequest{ContactId: ada}, &resend.ListOptions{Limit: ptr(1)})
	require.NoError(t, err)
	assert.Len(t, page.Data, 1)
	assert.True(t, page.HasMore)

	members, err := w.Contacts.List(&resend.ListContactsOptions{SegmentId: customers.Id})
	require.NoError(t, err)
	assert.Equal(t, resend.ListContactsResponse{Object: "list", Data: []resend.Contact{
		w.contact(bob), w.contact(ada),
	}}, members)
	members, err = w.Contacts.List(&resend.ListContactsOptions{SegmentId: customers.Id, Limit: ptr(1), After: &bob})
	require.NoError(t, err)
	assert.Equal(t, resend.ListContactsResponse{Object: "list", Data: []resend.Contact{w.contact(ada)}}, members)

	removed, err := w.Contacts.Segments.Remove(&resend.RemoveContactSegmentRequest{Email: "ada@example.com", SegmentId: customers.Id})
	require.NoError(t, err)
	assert.Equal(t, customers.Id, removed.Id)
	assert.True(t, removed.Deleted)
	_, err = w.Contacts.Segments.Remove(&resend.RemoveContactSegmentRequest{ContactId: ada, SegmentId: testers.Id})
	require.NoError(t, err)
	assert.Empty(t, w.segmentsOf(ada))
	assert.Equal(t, []string{customers.Id}, w.segmentsOf(bob))
}

func TestContactSegments_NeedTheContactToExist(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.group("Customers")
	_, err := w.Contacts.Segments.Add(&resend.AddContactSegmentRequest{Email: "nobody@example.com", SegmentId: s.Id})
	assert.ErrorContains(t, err, "nobody@example.com")
	_, err = w.Contacts.Segments.List(&resend.ListContactSegmentsRequest{Email: "nobody@example.com"})
	assert.ErrorContains(t, err, "nobody@example.com")
}
