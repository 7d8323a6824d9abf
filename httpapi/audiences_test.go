package httpapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Older clients of Resend call segments audiences.
func TestAudiences_AreSegmentsUnderTheirOlderName(t *testing.T) {
	t.Parallel()
	a := setup(t)
	play(t, a, []step{
		{name: "audience_create", method: "POST", path: "/audiences", body: `{"name": "Customers"}`, id: "audience"},
		{name: "audience_get", method: "GET", path: "/audiences/{audience}"},
		{name: "audiences", method: "GET", path: "/audiences"},
		{name: "audience_segment", method: "GET", path: "/segments/{audience}"},
		{name: "audience_contact_create", method: "POST", path: "/audiences/{audience}/contacts", body: `{"email": "ada@example.com", "first_name": "Ada", "audience_id": "{audience}"}`, id: "contact"},
		{name: "audience_contacts", method: "GET", path: "/audiences/{audience}/contacts"},
		{name: "audience_contact_segments", method: "GET", path: "/contacts/{contact}/segments"},
		{name: "audience_contact_get", method: "GET", path: "/audiences/{audience}/contacts/ada@example.com"},
		{name: "audience_contact_update", method: "PATCH", path: "/audiences/{audience}/contacts/{contact}", body: `{"unsubscribed": true}`},
		{name: "audience_contact_delete", method: "DELETE", path: "/audiences/{audience}/contacts/{contact}"},
		{name: "audience_delete", method: "DELETE", path: "/audiences/{audience}"},
		{name: "audience_missing", method: "GET", path: "/audiences/{audience}"},
	})
}

func TestAudiences_MustExistAndHaveTheContact(t *testing.T) {
	t.Parallel()
	a := setup(t)
	audience := a.must(http.StatusCreated, "POST", "/audiences", `{"name": "Customers"}`).id(t)
	a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com"}`)
	for _, call := range [][3]string{
		{"POST", "/audiences/x/contacts", `{"email": "bob@example.com"}`},
		{"GET", "/audiences/x/contacts", ``},
		{"GET", "/audiences/x/contacts/ada@example.com", ``},
		{"PATCH", "/audiences/x/contacts/ada@example.com", `{"unsubscribed": true}`},
		{"DELETE", "/audiences/x/contacts/ada@example.com", ``},
		{"GET", "/audiences/" + audience + "/contacts/ada@example.com", ``},
		{"PATCH", "/audiences/" + audience + "/contacts/ada@example.com", `{"unsubscribed": true}`},
		{"DELETE", "/audiences/" + audience + "/contacts/ada@example.com", ``},
	} {
		a.must(http.StatusNotFound, call[0], call[1], call[2])
	}
	got := a.must(http.StatusUnprocessableEntity, "POST", "/audiences/"+audience+"/contacts", `{"email": "bob@example.com", "audience_id": "other"}`)
	assert.Contains(t, got.failure(t).Message, "audience_id: is not the audience that the path names")
	_, all := a.must(http.StatusOK, "GET", "/contacts", "").page(t)
	assert.Len(t, all, 1)
}
