package dashboard

import (
	"html/template"
	"strings"

	"github.com/seed-b636437c/automation"
)

// contactLink names a contact, and links to it if it exists.
type contactLink struct {
	Text string
	Link template.URL
}

// contactLink names a contact by its email if that is known, and otherwise by its id. An
// email without an id may belong to no contact: it leads to the search.
func (x *exchange) contactLink(id, email string) contactLink {
	switch {
	case id == "":
		return contactLink{email, x.to.With(x.to.To("search"), "q", email)}
	case email == "":
		return contactLink{id, x.to.To("contacts", id)}
	default:
		return contactLink{email, x.to.To("contacts", id)}
	}
}

// contactRef reads what a person writes to name a contact: an email or an id.
func contactRef(text string) automation.ContactRef {
	if strings.Contains(text, "@") {
		return automation.ContactRef{Email: text}
	}
	return automation.ContactRef{ID: text}
}
