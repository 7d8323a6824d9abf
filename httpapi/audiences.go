package httpapi

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/seed-b636437c/automation"
)

// audienceRoutes are the routes of segments under their older name, which Resend still
// serves. Options.Contacts adds them.
func (h *Handler) audienceRoutes() map[string]resource {
	return map[string]resource{
		"/audiences":           {"GET": listing(h.listSegments), "POST": created(audience(h.createSegment))},
		"/audiences/{segment}": {"GET": ok(audience(h.getSegment)), "DELETE": ok(audience(h.deleteSegment))},
		"/audiences/{segment}/contacts": {
			"GET": listing(h.listSegmentContacts).ignoring("audience_id"), "POST": created(h.createMember),
		},
		"/audiences/{segment}/contacts/{contact}": {
			"GET": ok(h.member(h.getContact)), "PATCH": ok(h.member(h.updateContact)), "DELETE": ok(h.member(h.deleteContact)),
		},
	}
}

// audience returns do, with answers about an audience instead of a segment.
func audience(do func(*http.Request) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		const object = "audience"
		answer, err := do(r)
		switch body := answer.(type) {
		case segmentBody:
			body.Object = object
			return body, err
		case segmentRef:
			body.Object = object
			return body, err
		case deleted:
			body.Object = object
			return body, err
		default:
			return answer, err
		}
	}
}

// createMember creates a contact in the segment that the path names.
func (h *Handler) createMember(r *http.Request) (any, error) {
	id := r.PathValue("segment")
	if known, err := h.isSegment(r.Context(), id); err != nil || !known {
		return nil, cmp.Or(err, noSegment(id))
	}
	return h.createContact(r)
}

// member returns do, for a contact that is in the segment that the path names.
func (h *Handler) member(do func(*http.Request) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		id := r.PathValue("segment")
		if known, err := h.isSegment(r.Context(), id); err != nil || !known {
			return nil, cmp.Or(err, noSegment(id))
		}
		c, err := h.contact(r)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(c.Segments, id) {
			return nil, absent(automation.ErrNotFound, "contact", r.PathValue("contact"))
		}
		return do(r)
	}
}
