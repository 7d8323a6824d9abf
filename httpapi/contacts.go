package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// contactRoutes are the routes that Options.Contacts adds.
func (h *Handler) contactRoutes() map[string]resource {
	return map[string]resource{
		"/contacts":           {"GET": listing(h.listContacts, "segment_id", "email_prefix"), "POST": created(h.createContact)},
		"/contacts/{contact}": {"GET": ok(h.getContact), "PATCH": ok(h.updateContact), "DELETE": ok(h.deleteContact)},
	}
}

// contactItem is a contact in a list.
type contactItem struct {
	ID           string    `json:"id"`
	Email        string    `json:"email"`
	FirstName    *string   `json:"first_name"`
	LastName     *string   `json:"last_name"`
	CreatedAt    timestamp `json:"created_at"`
	Unsubscribed bool      `json:"unsubscribed"`
}

func newContactItem(c automation.Contact) contactItem {
	return contactItem{c.ID, c.Email, nullable(c.FirstName), nullable(c.LastName), timestamp(c.CreatedAt), c.Unsubscribed}
}

// contactBody is a contact. As in Resend's answers, only a contact by itself has its
// properties.
type contactBody struct {
	Object string `json:"object"`
	contactItem
	Properties map[string]typedProperty `json:"properties"`
}

func (h *Handler) listContacts(r *http.Request) (any, error) {
	q, err := queryOf(r)
	if err != nil {
		return nil, err
	}
	page, err := q.page()
	if err != nil {
		return nil, err
	}
	selected := automation.ContactQuery{Segment: q.Get("segment_id"), EmailPrefix: q.Get("email_prefix"), PageQuery: page}
	if problems, _ := problemsOf(selected.Check()); problems != nil {
		return nil, validation(problems)
	}
	if selected.Segment != "" {
		if known, err := h.isSegment(r.Context(), selected.Segment); err != nil || !known {
			return listOf(automation.Page[automation.Contact]{}, newContactItem), err
		}
	}
	return h.contactsBy(r.Context(), selected)
}

func (h *Handler) createContact(r *http.Request) (any, error) {
	var c automation.Contact
	named := r.PathValue("segment") // of /audiences/{id}/contacts
	audience, segment := named, ""
	if err := readFields(r,
		required(text("email", &c.Email)),
		text("first_name", &c.FirstName),
		text("last_name", &c.LastName),
		flag("unsubscribed", &c.Unsubscribed),
		properties("properties", &c.Properties),
		segments("segments", &c.Segments),
		hidden(text("audience_id", &audience)), // an older name of one segment
		hidden(text("segment_id", &segment)),   // another one, of the client for Java
		unsupported("topics", "leave it out"),
	); err != nil {
		return nil, err
	}
	if named != "" && named != audience {
		return nil, invalid("audience_id", "is not the audience that the path names")
	}
	further := []segmentField{{"audience_id", audience}, {"segment_id", segment}}
	if err := h.requireSegments(r.Context(), c.Segments, further...); err != nil {
		return nil, err
	}
	for _, f := range further {
		if f.id != "" {
			c.Segments = append(c.Segments, f.id)
		}
	}
	kept, err := h.runner.CreateContact(r.Context(), c)
	if err != nil {
		return nil, taken(err, "there is a contact with the email %q already", c.Email)
	}
	return reference{"contact", kept.ID}, nil
}

func (h *Handler) getContact(r *http.Request) (any, error) {
	c, err := h.contact(r)
	if err != nil {
		return nil, err
	}
	return contactBody{"contact", newContactItem(c), typedProperties(c.Properties)}, nil
}

// contact returns the contact that the path names by id or by email.
func (h *Handler) contact(r *http.Request) (automation.Contact, error) {
	name := r.PathValue("contact")
	ref := automation.ContactRef{ID: name}
	if strings.Contains(name, "@") {
		ref = automation.ContactRef{Email: name}
	}
	c, err := h.runner.GetContact(r.Context(), ref)
	return c, absent(err, "contact", name)
}

func (h *Handler) updateContact(r *http.Request) (any, error) {
	var change automation.ContactChange
	var id, audience, segment string
	clearAll := false
	if err := readFields(r,
		text("id", &id), // some clients name the contact here too
		changeable("email", readText, &change.Email),
		clearable("first_name", &change.FirstName),
		clearable("last_name", &change.LastName),
		changeable("unsubscribed", readFlag, &change.Unsubscribed),
		clearing(properties("properties", &change.Properties), &clearAll),
		hidden(text("audience_id", &audience)), // some clients name a segment of the contact too
		hidden(text("segment_id", &segment)),
	); err != nil {
		return nil, err
	}
	c, err := h.contact(r)
	if err != nil {
		return nil, err
	}
	if id != "" && id != c.ID && id != r.PathValue("contact") {
		return nil, invalid("id", "is not the contact that the path names: an id does not change")
	}
	if err := requireMember(c, segmentField{"audience_id", audience}, segmentField{"segment_id", segment}); err != nil {
		return nil, err
	}
	if clearAll {
		change.Properties = cleared(c.Properties)
	}
	if _, err = h.runner.UpdateContact(r.Context(), c.ID, change); err != nil {
		return nil, taken(absent(err, "contact", r.PathValue("contact")), "the email belongs to another contact")
	}
	return reference{"contact", c.ID}, nil
}

// requireMember refuses a segment that the contact is not in.
func requireMember(c automation.Contact, named ...segmentField) error {
	for _, f := range named {
		if f.id != "" && !slices.Contains(c.Segments, f.id) {
			return invalid(f.name, "the contact is not in this segment: it joins and leaves segments by /contacts/{id}/segments/{segment_id}")
		}
	}
	return nil
}

// cleared returns the change that clears all properties.
func cleared(properties map[string]any) map[string]any {
	change := make(map[string]any, len(properties))
	for name := range properties {
		change[name] = nil
	}
	return change
}

// deleteContact answers with the id in the field contact, as Resend does, and in the
// field id, which Resend's client for Go reads.
func (h *Handler) deleteContact(r *http.Request) (any, error) {
	c, err := h.contact(r)
	if err != nil {
		return nil, err
	}
	if err := h.runner.DeleteContact(r.Context(), c.ID); err != nil {
		return nil, absent(err, "contact", r.PathValue("contact"))
	}
	return struct {
		Object  string `json:"object"`
		Contact string `json:"contact"`
		ID      string `json:"id"`
		Deleted bool   `json:"deleted"`
	}{"contact", c.ID, c.ID, true}, nil
}
