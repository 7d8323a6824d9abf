package template

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
)

// reserved are the names that neither a template may declare nor a step may give. They
// are Resend's.
var reserved = []string{
	"FIRST_NAME", "LAST_NAME", "EMAIL", unsubscribeURL, resendUnsubscribeURL, "contact", "this",
}

const (
	unsubscribeURL       = "UNSUBSCRIBE_URL"
	resendUnsubscribeURL = "RESEND_UNSUBSCRIBE_URL"

	contactPrefix    = "contact."
	propertiesPrefix = "properties."
)

// contactFields are the fields behind `contact.`, except for the properties.
var contactFields = map[string]func(automation.Contact) any{
	"id":           func(c automation.Contact) any { return c.ID },
	"email":        func(c automation.Contact) any { return c.Email },
	"first_name":   func(c automation.Contact) any { return c.FirstName },
	"last_name":    func(c automation.Contact) any { return c.LastName },
	"unsubscribed": func(c automation.Contact) any { return c.Unsubscribed },
	"created_at":   func(c automation.Contact) any { return c.CreatedAt.UTC().Format(time.RFC3339) },
}

// isVariable reports whether the name is a variable of the template. The Library fills in
// every other name itself.
func (r ref) isVariable() bool {
	return !slices.Contains(reserved, r.name) && !strings.HasPrefix(r.name, contactPrefix)
}

// isUnsubscribeURL reports whether r is one of the two names of the link.
func (r ref) isUnsubscribeURL() bool {
	return r.name == unsubscribeURL || r.name == resendUnsubscribeURL
}

// reservedValue returns the value of a reserved name, or "" if the contact has none.
func reservedValue(name string, c automation.Contact, unsubscribe string) any {
	switch name {
	case "FIRST_NAME":
		return c.FirstName
	case "LAST_NAME":
		return c.LastName
	case "EMAIL":
		return c.Email
	case unsubscribeURL, resendUnsubscribeURL:
		return unsubscribe
	}
	path := strings.TrimPrefix(name, contactPrefix)
	if field, ok := contactFields[path]; ok {
		return field(c)
	}
	if v := printable(c.Properties[strings.TrimPrefix(path, propertiesPrefix)]); v != nil {
		return v
	}
	return ""
}

// checkTagName returns the flaw of a name in the text, or "".
func checkTagName(name string) string {
	switch {
	case name == "":
		return "a tag is empty: write a variable's name into it"
	case name == "contact":
		return "contact is not a text: write contact.first_name, for instance"
	case name == "this" || name == ".":
		return name + " is not a text: write a variable's name"
	case strings.HasPrefix(name, contactPrefix):
		return checkContactPath(strings.TrimPrefix(name, contactPrefix))
	}
	return checkVariableName(name)
}

func checkContactPath(path string) string {
	property, ok := strings.CutPrefix(path, propertiesPrefix)
	if _, known := contactFields[path]; known || ok && property != "" {
		return ""
	}
	return "a contact has no " + jsondoc.Quote(path) + ": it has id, email, first_name, last_name, unsubscribed, created_at, properties.NAME"
}

// checkVariableName returns the flaw of a variable's name, or "".
func checkVariableName(name string) string {
	switch {
	case name == "":
		return "a variable needs a name"
	case strings.ContainsFunc(name, func(r rune) bool { return !isNameRune(r) }):
		return jsondoc.Quote(name) + " is not a variable's name: use letters, digits and underscores"
	case utf8.RuneCountInString(name) > MaxNameLength:
		return jsondoc.Quote(name) + " is too long for a variable's name: 50 characters are allowed"
	}
	return ""
}

func isNameRune(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r|0x20 && r|0x20 <= 'z' && r < utf8.RuneSelf
}
