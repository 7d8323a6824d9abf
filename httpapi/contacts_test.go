package httpapi_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestContacts_AreFoundByTheBeginningOfTheirEmails(t *testing.T) {
	t.Parallel()
	a := setup(t)
	segment := a.must(http.StatusCreated, "POST", "/segments", `{"name": "Customers"}`).id(t)
	ids := map[string]string{}
	for _, email := range []string{"Bob@example.com", "ada.b@example.com", "Ada@example.com", "a_a@example.com"} {
		ids[email] = a.must(http.StatusCreated, "POST", "/contacts", `{"email": "`+email+`"}`).id(t)
	}
	a.must(http.StatusOK, "PATCH", "/contacts/bob@example.com", `{"first_name": "Bob"}`)
	a.must(http.StatusOK, "POST", "/contacts/ada@example.com/segments/"+segment, "")
	tests := map[string]struct {
		query url.Values
		want  []string
		more  bool
	}{
		"in the order of emails": {url.Values{"email_prefix": {"ADA"}}, []string{"ada.b@example.com", "Ada@example.com"}, false},
		"not a pattern":          {url.Values{"email_prefix": {"a_"}}, []string{"a_a@example.com"}, false},
		"first page":             {url.Values{"email_prefix": {"a"}, "limit": {"1"}}, []string{"a_a@example.com"}, true},
		"second page":            {url.Values{"email_prefix": {"a"}, "limit": {"1"}, "after": {ids["a_a@example.com"]}}, []string{"ada.b@example.com"}, true},
		"in a segment":           {url.Values{"email_prefix": {"a"}, "segment_id": {segment}}, []string{"Ada@example.com"}, false},
	}
	for name, tt := range tests {
		more, got := a.must(http.StatusOK, "GET", "/contacts?"+tt.query.Encode(), "").page(t)
		var want []string
		for _, email := range tt.want {
			want = append(want, ids[email])
		}
		assert.Equal(t, want, got, name)
		assert.Equal(t, tt.more, more, name)
	}
	for _, prefix := range []string{strings.Repeat("a", 256), "a\n"} {
		got := a.must(http.StatusUnprocessableEntity, "GET", "/contacts?"+url.Values{"email_prefix": {prefix}}.Encode(), "").failure(t)
		assert.Contains(t, got.Message, "email_prefix")
	}
}

// searchableContacts is the contact table of a host that can be searched.
type searchableContacts struct{ hostContacts }

func (h searchableContacts) ListContacts(ctx context.Context, q automation.ContactQuery) (automation.Page[automation.Contact], error) {
	c, err := h.FindContact(ctx, automation.ContactRef{ID: "u1"})
	if !strings.HasPrefix(c.Email, q.EmailPrefix) || q.Segment != "" && q.Segment != "theirs" {
		return automation.Page[automation.Contact]{}, err
	}
	return automation.Page[automation.Contact]{Data: []automation.Contact{c}}, err
}

// Segments of the application need no name here.
func TestContacts_OfTheHostAreFoundIfItsTableCan(t *testing.T) {
	t.Parallel()
	a := setupOn(t, memory.New(), automation.Options{Contacts: searchableContacts{}})
	for target, want := range map[string][]string{
		"/contacts":                                    {"u1"},
		"/contacts?email_prefix=ada":                   {"u1"},
		"/contacts?email_prefix=bob":                   nil,
		"/contacts?email_prefix=ada&segment_id=theirs": {"u1"},
		"/contacts?segment_id=other":                   nil,
		"/segments/theirs/contacts":                    {"u1"},
	} {
		_, got := a.must(http.StatusOK, "GET", target, "").page(t)
		assert.Equal(t, want, got, target)
	}
}
