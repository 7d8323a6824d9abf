package httpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// segmentRoutes are the routes about segments that Options.Contacts adds.
func (h *Handler) segmentRoutes() map[string]resource {
	return map[string]resource{
		"/segments":                              {"GET": listing(h.listSegments), "POST": created(h.createSegment)},
		"/segments/{segment}":                    {"GET": ok(h.getSegment), "PATCH": ok(h.renameSegment), "DELETE": ok(h.deleteSegment)},
		"/segments/{segment}/contacts":           {"GET": listing(h.listSegmentContacts)},
		"/contacts/{contact}/segments":           {"GET": listing(h.listContactSegments).ignoring("contact_id", "email")},
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
	return newSegmentRef(s), nil
}

// segmentRef is the answer to a call that created or renamed a segment.
type segmentRef struct {
	reference
	Name string `json:"name"`
}

func newSegmentRef(s automation.Segment) segmentRef {
	return segmentRef{reference{"segment", s.ID}, s.Name}
}

func (h *Handler) renameSegment(r *http.Request) (any, error) {
	var name string
	if err := readFields(r, required(text("name", &name))); err != nil {
		return nil, err
	}
	id := r.PathValue("segment")
	s, err := h.runner.RenameSegment(r.Context(), id, name)
	if err != nil {
		return nil, absent(err, "segment", id)
	}
	return newSegmentRef(s), nil
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

func (h *Handler) listSegmentContacts(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("segment")
	if known, err := h.isSegment(r.Context(), id); err != nil || !known {
		return nil, cmp.Or(err, noSegment(id))
	}
	return h.contactsBy(r.Context(), automation.ContactQuery{Segment: id, PageQuery: page})
}

// isSegment reports whether a contact may join the segment and the segment's contacts
// may be listed. It is false for a segment that was never created or was deleted:
// contacts keep the id of a deleted segment, and with this check they have left it. Where
// contacts live in a table of the application, segments do too, and any id may name one.
func (h *Handler) isSegment(ctx context.Context, id string) (bool, error) {
	if strings.ContainsRune(id, 0) {
		return false, nil // Postgres would refuse to look for it
	}
	_, err := h.runner.GetSegment(ctx, id)
	if !errors.Is(err, automation.ErrNotFound) {
		return err == nil, err
	}
	return h.hostContacts(ctx), nil
}

// hostContacts reports whether contacts live in a table of the application. A contact
// without an email is never created, and the error depends on where contacts live.
func (h *Handler) hostContacts(ctx context.Context) bool {
	_, err := h.runner.CreateContact(ctx, automation.Contact{})
	return errors.Is(err, errors.ErrUnsupported)
}

func noSegment(id string) error {
	return absent(automation.ErrNotFound, "segment", id)
}

// segmentField is a field with the id of a segment, or with nothing.
type segmentField struct{ name, id string }

// requireSegments returns an error that names each of the segments that does not exist. ids
// are those of the field segments.
func (h *Handler) requireSegments(ctx context.Context, ids []string, further ...segmentField) error {
	fields := make([]segmentField, len(ids), len(ids)+len(further))
	for i, id := range ids {
		fields[i] = segmentField{fmt.Sprintf("segments[%d]", i), id}
	}
	for _, f := range further {
		if f.id != "" {
			fields = append(fields, f)
		}
	}
	var problems automation.Problems
	for _, f := range fields {
		known, err := h.isSegment(ctx, f.id)
		if err != nil {
			return err
		}
		if !known {
			problems.Add(automation.CodeInvalidContact, f.name, "there is no segment %q", f.id)
		}
		if len(problems) > maxProblems {
			break
		}
	}
	return problems.Err("request")
}

// contactsBy lists the contacts that q selects.
func (h *Handler) contactsBy(ctx context.Context, q automation.ContactQuery) (any, error) {
	found, err := h.runner.ListContacts(ctx, q)
	if err != nil {
		return nil, unknownCursor(err, q.PageQuery)
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
	found, err := pageIn(all, page, func(s automation.Segment) string { return s.ID })
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
	var named membershipFields
	if err := readOptionalFields(r,
		text("email", &named.email), text("contact_id", &named.contact), text("segment_id", &named.segment),
	); err != nil {
		return nil, err
	}
	c, err := h.contact(r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("segment")
	if err := named.check(c, id); err != nil {
		return nil, err
	}
	if known, err := h.isSegment(r.Context(), id); err != nil || !known {
		return nil, cmp.Or(err, noSegment(id))
	}
	return h.changeMembership(r, c, automation.ContactChange{AddSegments: []string{id}})
}

// membershipFields are what some clients name in the body too, although the path names
// it.
type membershipFields struct{ email, contact, segment string }

// check refuses a body that names another contact or another segment than the path.
func (m membershipFields) check(c automation.Contact, segment string) error {
	switch {
	case m.email != "" && automation.EmailKey(m.email) != automation.EmailKey(c.Email):
		return invalid("email", "is not the email of the contact that the path names")
	case m.contact != "" && m.contact != c.ID:
		return invalid("contact_id", "is not the contact that the path names")
	case m.segment != "" && m.segment != segment:
		return invalid("segment_id", "is not the segment that the path names")
	default:
		return nil
	}
}

// leaveSegment gives the same answer for a contact that is not in the segment.
func (h *Handler) leaveSegment(r *http.Request) (any, error) {
	c, err := h.contact(r)
	if err != nil {
		return nil, err
	}
	m, err := h.changeMembership(r, c, automation.ContactChange{RemoveSegments: []string{r.PathValue("segment")}})
	m.Deleted = true
	return m, err
}

func (h *Handler) changeMembership(r *http.Request, c automation.Contact, change automation.ContactChange) (membership, error) {
	id := r.PathValue("segment")
	_, err := h.runner.UpdateContact(r.Context(), c.ID, change)
	if problems, other := problemsOf(err); other == nil && len(problems) > 0 {
		return membership{}, invalid("segment_id", "%s", problems[0].Message)
	}
	if err != nil {
		return membership{}, absent(err, "contact", r.PathValue("contact"))
	}
	return membership{Object: "contact_segment", ID: id, ContactID: c.ID, SegmentID: id}, nil
}
