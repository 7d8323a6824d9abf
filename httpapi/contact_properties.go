package httpapi

import (
	"net/http"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// propertyRoutes are the routes about definitions of contact properties that
// Options.Contacts adds.
func (h *Handler) propertyRoutes() map[string]resource {
	return map[string]resource{
		"/contact-properties": {"GET": listing(h.listProperties), "POST": created(h.createProperty)},
		"/contact-properties/{property}": {
			"GET": ok(h.getProperty), "PATCH": ok(h.updateProperty), "DELETE": ok(h.deleteProperty),
		},
	}
}

// propertyItem is a definition in a list.
type propertyItem struct {
	ID            string                  `json:"id"`
	Key           string                  `json:"key"`
	Type          automation.PropertyType `json:"type"`
	FallbackValue any                     `json:"fallback_value"`
	CreatedAt     timestamp               `json:"created_at"`
}

func newPropertyItem(p automation.ContactProperty) propertyItem {
	return propertyItem{p.ID, p.Key, p.Type, p.Fallback, timestamp(p.CreatedAt)}
}

// propertyBody is a definition.
type propertyBody struct {
	Object string `json:"object"`
	propertyItem
}

func propertyRef(p automation.ContactProperty) reference { return reference{"contact_property", p.ID} }

func (h *Handler) listProperties(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	found, err := h.runner.ListContactProperties(r.Context(), page)
	if err != nil {
		return nil, unknownCursor(err, page)
	}
	return listOf(found, newPropertyItem), nil
}

func (h *Handler) createProperty(r *http.Request) (any, error) {
	var p automation.ContactProperty
	var kind string
	if err := readFields(r,
		required(text("key", &p.Key)), required(text("type", &kind)), scalar("fallback_value", &p.Fallback),
	); err != nil {
		return nil, err
	}
	p.Type = automation.PropertyType(kind)
	made, err := h.runner.CreateContactProperty(r.Context(), p)
	if err != nil {
		return nil, taken(err, "there is a contact property with the key %q already", p.Key)
	}
	return propertyRef(made), nil
}

func (h *Handler) getProperty(r *http.Request) (any, error) {
	p, err := h.property(r)
	if err != nil {
		return nil, err
	}
	return propertyBody{"contact_property", newPropertyItem(p)}, nil
}

// property returns the definition that the path names by id or by key.
func (h *Handler) property(r *http.Request) (automation.ContactProperty, error) {
	idOrKey := r.PathValue("property")
	p, err := h.runner.GetContactProperty(r.Context(), idOrKey)
	return p, absent(err, "contact property", idOrKey)
}

func (h *Handler) updateProperty(r *http.Request) (any, error) {
	var fallback any
	var id string
	given := false
	if err := readFields(r,
		text("id", &id), // some clients name the property here too
		noting(scalar("fallback_value", &fallback), &given),
		unsupported("key", "it does not change"),
		unsupported("type", "it does not change"),
	); err != nil {
		return nil, err
	}
	if !given {
		return nil, flawed(automation.CodeMissingField, "fallback_value", "is required: null removes it")
	}
	p, err := h.property(r)
	if err != nil {
		return nil, err
	}
	if id != "" && id != p.ID && id != p.Key {
		return nil, invalid("id", "is not the contact property that the path names: an id does not change")
	}
	if p, err = h.runner.UpdateContactProperty(r.Context(), p.ID, fallback); err != nil {
		return nil, absent(err, "contact property", r.PathValue("property"))
	}
	return propertyRef(p), nil
}

func (h *Handler) deleteProperty(r *http.Request) (any, error) {
	p, err := h.property(r)
	if err != nil {
		return nil, err
	}
	if err := h.runner.DeleteContactProperty(r.Context(), p.ID); err != nil {
		return nil, absent(err, "contact property", r.PathValue("property"))
	}
	return deleted{"contact_property", p.ID, true}, nil
}

// scalar is a string, a number, a boolean or null, which means no value. Numbers keep their
// digits.
func scalar(name string, into *any) field {
	return field{name: name, read: func(r *reader, n int) {
		if k := r.Kind(n); k == jsondoc.Object || k == jsondoc.Array {
			r.wrongType(n, "a string, a number or null")
			return
		}
		*into = r.Value(n)
	}}
}
