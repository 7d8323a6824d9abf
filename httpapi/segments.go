package httpapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/seed-b636437c/automation"
)

// segmentRoutes are the routes about segments that Options.Contacts adds.
func (h *Handler) segmentRoutes() map[string]resource {
	return map[string]resource{
		"/segments":                              {"GET": ok(h.listSegments), "POST": created(h.createSegment)},
		"/segments/{segment}":                    {"GET": ok(h.getSegment), "DELETE": ok(h.deleteSegment)},
		"/segments/{segment}/contacts":           {"GET": ok(h.listSegmentContacts)},
		"/contacts/{contact}/segments":           {"GET": ok(h.listContactSegments)},
		"/contacts/{contact}/segments/{segment}": {"POST": ok(h.joinSegment), "DELETE": ok(h.leaveSegment)},
	}
}

// segmentItem is a segment in a list.
type segmentItem struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt timestamp `json:"created_at"`
}

func newSegmentItem(s automation.Segment) segmentItem {
	return segmentItem{s.ID, s.Name, timestamp(s.CreatedAt)}
}

// segmentBody is a segment.
type segmentBody struct {
	Object string `json:"object"`
	segmentItem
}

func (h *Handler) listSegments(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	found, err := h.runner.ListSegments(r.Context(), page)
	if err != nil {
		return nil, unknownCursor(err, page)
	}
	return listOf(found, newSegmentItem), nil
}

func (h *Handler) createSegment(r *http.Request) (any, error) {
	var s automation.Segment
	if err := readFields(r, required(text("name", &s.Name))); err != nil {
		return nil, err
	}
	s, err := h.runner.CreateSegment(r.Context(), s)
	if err != nil {
		return nil, err
	}
	return struct {
		reference
		Name string `json:"name"`
	}{reference{"segment", s.ID}, s.Name}, nil
}

func (h *Handler) getSegment(r *http.Request) (any, error) {
	id := r.PathValue("segment")
	s, err := h.runner.GetSegment(r.Context(), id)
	if err != nil {
		return nil, absent(err, "segment", id)
	}
	return segmentBody{"segment", newSegmentItem(s)}, nil
}

func (h *Handler) deleteSegment(r *http.Request) (any, error) {
	id := r.PathValue("segment")
	if err := h.runner.DeleteSegment(r.Context(), id); err != nil {
		return nil, absent(err, "segment", id)
	}
	return deleted{"segment", id, true}, nil
}

// listSegmentContacts lists the contacts of a segment without a name too: a step may
// have added contacts to one.
func (h *Handler) listSegmentContacts(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	return h.contactsIn(r.Context(), r.PathValue("segment"), page)
}

// contactsIn lists the contacts of a segment, or all contacts if segment is empty.
func (h *Handler) contactsIn(ctx context.Context, segment string, page automation.PageQuery) (any, error) {
	found, err := h.runner.ListContacts(ctx, automation.ContactQuery{Segment: segment, PageQuery: page})
	if err != nil {
		return nil, unknownCursor(err, page)
	}
	return listOf(found, newContactItem), nil
}

// listContactSegments leaves out segments that have no name.
func (h *Handler) listContactSegments(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	c, err := h.contact(r)
	if err != nil {
		return nil, err
	}
	all, err := h.named(r.Context(), c.Segments)
	if err != nil {
		return nil, err
	}
	found, err := pageOfSegments(all, page)
	if err != nil {
		return nil, unknownCursor(err, page)
	}
	return listOf(found, newSegmentItem), nil
}

// named returns those of the segments with these ids that have names, newest first.
func (h *Handler) named(ctx context.Context, ids []string) ([]automation.Segment, error) {
	var all []automation.Segment
	for _, id := range ids {
		s, err := h.runner.GetSegment(ctx, id)
		if errors.Is(err, automation.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b automation.Segment) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	return all, nil
}

// pageOfSegments returns a page of all segments. The error is ErrNotFound if the segment
// at which the page begins is not among them.
func pageOfSegments(all []automation.Segment, q automation.PageQuery) (automation.Page[automation.Segment], error) {
	var page automation.Page[automation.Segment]
	limit := cmp.Or(q.Limit, 20)
	if cursor := q.After + q.Before; cursor != "" {
		at := slices.IndexFunc(all, func(s automation.Segment) bool { return s.ID == cursor })
		switch {
		case at < 0:
			return page, automation.ErrNotFound
		case q.After != "":
			all = all[at+1:]
		default:
			all = all[:at]
		}
	}
	page.HasMore = len(all) > limit
	if q.Before != "" {
		page.Data = all[max(0, len(all)-limit):]
	} else {
		page.Data = all[:min(limit, len(all))]
	}
	return page, nil
}

// membership is the answer to a call that added a contact to a segment or removed it.
// Resend documents contact_id and segment_id. Its clients read id, the segment's id.
type membership struct {
	Object    string `json:"object"`
	ID        string `json:"id"`
	ContactID string `json:"contact_id"`
	SegmentID string `json:"segment_id"`
	Deleted   bool   `json:"deleted,omitzero"`
}

func (h *Handler) joinSegment(r *http.Request) (any, error) {
	if err := readOptionalFields(r); err != nil {
		return nil, err
	}
	return h.changeMembership(r, func(id string) automation.ContactChange {
		return automation.ContactChange{AddSegments: []string{id}}
	})
}

// leaveSegment gives the same answer for a contact that is not in the segment.
func (h *Handler) leaveSegment(r *http.Request) (any, error) {
	m, err := h.changeMembership(r, func(id string) automation.ContactChange {
		return automation.ContactChange{RemoveSegments: []string{id}}
	})
	m.Deleted = true
	return m, err
}

func (h *Handler) changeMembership(r *http.Request, change func(segment string) automation.ContactChange) (membership, error) {
	c, err := h.contact(r)
	if err != nil {
		return membership{}, err
	}
	id := r.PathValue("segment")
	_, err = h.runner.UpdateContact(r.Context(), c.ID, change(id))
	if problems, other := problemsOf(err); other == nil && len(problems) > 0 {
		return membership{}, invalid("segment_id", "%s", problems[0].Message)
	}
	if err != nil {
		return membership{}, absent(err, "contact", r.PathValue("contact"))
	}
	return membership{Object: "contact_segment", ID: id, ContactID: c.ID, SegmentID: id}, nil
}
