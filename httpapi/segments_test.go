package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
)

func TestSegments_AnswerAsResendDoes(t *testing.T) {
	t.Parallel()
	tick := func(a *api, _ map[string]string) { a.clock.Add(time.Second) }
	play(t, setup(t), []step{
		{name: "segments_empty", method: "GET", path: "/segments"},
		{name: "segment_create", method: "POST", path: "/segments", body: `{"name": "Customers"}`, id: "customers"},
		{name: "segment_create_again", method: "POST", path: "/segments", body: `{"name": "Customers"}`, id: "partners", before: tick},
		{name: "segments", method: "GET", path: "/segments"},
		{name: "segments_before", method: "GET", path: "/segments?limit=1&before={customers}"},
		{name: "segment_get", method: "GET", path: "/segments/{customers}"},
		{name: "segment_rename", method: "PATCH", path: "/segments/{customers}", body: `{"name": "Patrons"}`},
		{name: "segment_renamed", method: "GET", path: "/segments/{customers}"},
		{name: "segment_contact", method: "POST", path: "/contacts", body: `{"email": "ada@example.com", "segments": ["{customers}"]}`, id: "contact"},
		{name: "segment_join", method: "POST", path: "/contacts/ada@example.com/segments/{partners}"},
		{name: "segment_join_again", method: "POST", path: "/contacts/{contact}/segments/{partners}", body: `{}`},
		{name: "segment_contacts", method: "GET", path: "/segments/{partners}/contacts"},
		{name: "segment_contacts_none", method: "GET", path: "/segments/unknown/contacts"},
		{name: "contact_segments", method: "GET", path: "/contacts/ada@example.com/segments"},
		{name: "contact_segments_after", method: "GET", path: "/contacts/{contact}/segments?limit=1&after={partners}"},
		{name: "segment_leave", method: "DELETE", path: "/contacts/ada@example.com/segments/{customers}"},
		{name: "segment_leave_again", method: "DELETE", path: "/contacts/{contact}/segments/{customers}"},
		{name: "contact_segments_left", method: "GET", path: "/contacts/{contact}/segments"},
		{name: "segment_delete", method: "DELETE", path: "/segments/{partners}"},
		{name: "segment_missing", method: "GET", path: "/segments/{partners}"},
		{name: "contact_segments_none", method: "GET", path: "/contacts/{contact}/segments"},
	})
}

func TestContactSegments_ArePaged(t *testing.T) {
	t.Parallel()
	a := setup(t)
	var ids []string
	for i := range 25 {
		if i%2 == 0 { // some are created at the same time
			a.clock.Add(time.Second)
		}
		ids = append([]string{a.must(http.StatusCreated, "POST", "/segments", fmt.Sprintf(`{"name": "Segment %d"}`, i)).id(t)}, ids...)
	}
	contact := a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com", "segments": ["`+strings.Join(ids, `", "`)+`"]}`).id(t)
	tests := map[string]struct {
		query string
		want  []string
		more  bool
	}{
		"default":          {"", ids[:20], true},
		"all":              {"?limit=25", ids, false},
		"older":            {"?after=" + ids[19], ids[20:], false},
		"older, limited":   {"?limit=2&after=" + ids[0], ids[1:3], true},
		"newer":            {"?before=" + ids[3], ids[:3], false},
		"newer, limited":   {"?limit=2&before=" + ids[3], ids[1:3], true},
		"after the last":   {"?after=" + ids[24], nil, false},
		"before the first": {"?before=" + ids[0], nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more, listed := a.must(http.StatusOK, "GET", "/contacts/"+contact+"/segments"+tt.query, "").page(t)
			assert.Equal(t, tt.want, listed)
			assert.Equal(t, tt.more, more)
		})
	}
}

// forgetful is a store whose segments cannot be read.
type forgetful struct {
	automation.Store
	err error
}

func (s forgetful) FindSegment(context.Context, string) (automation.Segment, error) {
	return automation.Segment{}, s.err
}

func (s forgetful) InsertSegment(context.Context, automation.Segment) error { return s.err }

func (s forgetful) UpdateContact(context.Context, string, automation.ContactChange) (automation.Contact, error) {
	return automation.Contact{}, s.err
}

// departing is a store whose contacts are gone when they are changed.
type departing struct{ automation.Store }

func (departing) UpdateContact(context.Context, string, automation.ContactChange) (automation.Contact, error) {
	return automation.Contact{}, automation.ErrNotFound
}

func TestSegments_FailWithTheStore(t *testing.T) {
	t.Parallel()
	a := setupOn(t, forgetful{memory.New(), errors.New("disk on fire")}, automation.Options{})
	_, err := a.runner.CreateContact(t.Context(), automation.Contact{Email: "ada@example.com", Segments: []string{"s"}})
	assert.NoError(t, err)
	a.must(http.StatusInternalServerError, "POST", "/contacts", `{"email": "bob@example.com", "segments": ["s"]}`)
	a.must(http.StatusInternalServerError, "GET", "/contacts?segment_id=s", "")
	a.must(http.StatusInternalServerError, "GET", "/segments/s/contacts", "")
	a.must(http.StatusInternalServerError, "POST", "/segments", `{"name": "Customers"}`)
	a.must(http.StatusInternalServerError, "GET", "/segments/s", "")
	a.must(http.StatusInternalServerError, "GET", "/contacts/ada@example.com/segments", "")
	a.must(http.StatusInternalServerError, "POST", "/contacts/ada@example.com/segments/s", "")
	a.must(http.StatusInternalServerError, "DELETE", "/contacts/ada@example.com/segments/s", "")
}

func TestMembership_OfAContactThatIsGoneInBetweenIsNotFound(t *testing.T) {
	t.Parallel()
	a := setupOn(t, departing{memory.New()}, automation.Options{})
	a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com"}`)
	segment := a.must(http.StatusCreated, "POST", "/segments", `{"name": "Friends"}`).id(t)
	got := a.must(http.StatusNotFound, "POST", "/contacts/ada@example.com/segments/"+segment, "").failure(t)
	assert.Equal(t, failure{404, "not_found", `there is no contact "ada@example.com"`}, got)
}

// lockedContacts is the contact table of a host that can only be read.
type lockedContacts struct{ hostContacts }

func (lockedContacts) UpdateContact(context.Context, string, automation.ContactChange) (automation.Contact, error) {
	return automation.Contact{}, fmt.Errorf("the table is read only: %w", errors.ErrUnsupported)
}

func TestSegments_OfTheHostsContactsMayBeUnsupported(t *testing.T) {
	t.Parallel()
	a := setupOn(t, memory.New(), automation.Options{Contacts: lockedContacts{}})
	a.must(http.StatusOK, "GET", "/contacts/u1/segments", "")
	a.must(http.StatusNotImplemented, "GET", "/segments/s/contacts", "")
	a.must(http.StatusNotImplemented, "POST", "/contacts/u1/segments/s", "")
	a.must(http.StatusNotImplemented, "DELETE", "/contacts/u1/segments/s", "")
	a.must(http.StatusNotImplemented, "PATCH", "/contacts/u1", `{"unsubscribed": true}`)
}
