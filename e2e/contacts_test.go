package e2e

import (
	"testing"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

// invite creates a contact and returns its id.
func (w *world) invite(email string) string {
	w.t.Helper()
	created, err := w.Contacts.Create(&resend.CreateContactRequest{Email: email})
	require.NoError(w.t, err)
	w.later()
	return created.Id
}

// contact returns a contact in the form of lists, which has no properties.
func (w *world) contact(id string) resend.Contact {
	w.t.Helper()
	c, err := w.runner.GetContact(w.t.Context(), automation.ContactRef{ID: id})
	require.NoError(w.t, err)
	return resend.Contact{
		Id: c.ID, Email: c.Email, FirstName: c.FirstName, LastName: c.LastName,
		CreatedAt: stamp(c.CreatedAt), Unsubscribed: c.Unsubscribed,
	}
}

// property is a property in the form of a contact that is read by itself.
func property(jsonType string, value any) map[string]any {
	return map[string]any{"type": jsonType, "value": value}
}

func TestContacts_AreCreatedAndRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	properties := map[string]any{"tier": "premium", "seats": 3.0, "beta": true}
	created, err := w.Contacts.Create(&resend.CreateContactRequest{
		Email: "Ada@Example.com", FirstName: "Ada", LastName: "Lovelace", Unsubscribed: true, Properties: properties,
	})
	require.NoError(t, err)
	want := w.contact(created.Id)
	want.Properties = map[string]any{
		"tier": property("string", "premium"), "seats": property("number", 3.0), "beta": property("boolean", true),
	}
	assert.Equal(t, resend.CreateContactResponse{Object: "contact", Id: want.Id}, created)
	want.Object = "contact"
	assert.Equal(t, resend.Contact{
		Object: "contact", Id: created.Id, Email: "Ada@Example.com", FirstName: "Ada", LastName: "Lovelace",
		CreatedAt: stamp(start), Unsubscribed: true, Properties: want.Properties,
	}, want)

	for _, idOrEmail := range []string{created.Id, "ada@example.com", "Ada@Example.com", "ada%40example.com"} {
		got, err := w.Contacts.Get(&resend.GetContactOptions{Id: idOrEmail})
		require.NoError(t, err, idOrEmail)
		assert.Equal(t, want, got, idOrEmail)
	}

	_, err = w.Contacts.Create(&resend.CreateContactRequest{Email: "ada@example.com"})
	assert.ErrorContains(t, err, "ada@example.com")
}

func TestContacts_AreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	empty, err := w.Contacts.List(nil)
	require.NoError(t, err)
	assert.Equal(t, resend.ListContactsResponse{Object: "list", Data: []resend.Contact{}}, empty)

	a, b, c := w.invite("a@example.com"), w.invite("b@example.com"), w.invite("c@example.com")
	all, err := w.Contacts.List(&resend.ListContactsOptions{})
	require.NoError(t, err)
	assert.Equal(t, resend.ListContactsResponse{Object: "list", Data: []resend.Contact{
		w.contact(c), w.contact(b), w.contact(a),
	}}, all)
	page, err := w.Contacts.List(&resend.ListContactsOptions{Limit: ptr(1), After: &c})
	require.NoError(t, err)
	assert.Equal(t, resend.ListContactsResponse{Object: "list", HasMore: true, Data: []resend.Contact{w.contact(b)}}, page)
	page, err = w.Contacts.List(&resend.ListContactsOptions{Before: &b})
	require.NoError(t, err)
	assert.Equal(t, resend.ListContactsResponse{Object: "list", Data: []resend.Contact{w.contact(c)}}, page)
}

// The client reads the contact from a member that Resend does not send either.
func TestContacts_AreChanged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.invite("ada@example.com")
	byID := &resend.UpdateContactRequest{Id: id, Email: "countess@example.com", FirstName: "Ada", Properties: map[string]any{"tier": "gold"}}
	byID.SetUnsubscribed(true)
	answer, err := w.Contacts.Update(byID)
	require.NoError(t, err)
	assert.Zero(t, answer)
	got, err := w.Contacts.Get(&resend.GetContactOptions{Id: id})
	require.NoError(t, err)
	want := resend.Contact{
		Object: "contact", Id: id, Email: "countess@example.com", FirstName: "Ada",
		CreatedAt: stamp(start), Unsubscribed: true, Properties: map[string]any{"tier": property("string", "gold")},
	}
	assert.Equal(t, want, got)

	byEmail := &resend.UpdateContactRequest{Email: "countess@example.com", LastName: "Lovelace", Properties: map[string]any{"tier": nil, "seats": "3"}}
	byEmail.SetUnsubscribed(false)
	_, err = w.Contacts.Update(byEmail)
	require.NoError(t, err)
	want.LastName, want.Unsubscribed, want.Properties = "Lovelace", false, map[string]any{"seats": property("string", "3")}
	got, err = w.Contacts.Get(&resend.GetContactOptions{Id: id})
	require.NoError(t, err)
	assert.Equal(t, want, got)

	w.invite("bob@example.com")
	_, err = w.Contacts.Update(&resend.UpdateContactRequest{Id: id, Email: "bob@example.com"})
	assert.ErrorContains(t, err, "belongs to another contact")
}

func TestContacts_AreDeleted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, name := range []string{"id", "email"} {
		id := w.invite("ada@example.com")
		idOrEmail := map[string]string{"id": id, "email": "ada@example.com"}[name]
		removed, err := w.Contacts.Remove(&resend.RemoveContactOptions{Id: idOrEmail})
		require.NoError(t, err, name)
		assert.Equal(t, resend.RemoveContactResponse{Object: "contact", Id: id, Deleted: true}, removed)
		_, err = w.runner.GetContact(t.Context(), automation.ContactRef{ID: id})
		assert.ErrorIs(t, err, automation.ErrNotFound)
		_, err = w.Contacts.Get(&resend.GetContactOptions{Id: idOrEmail})
		assert.ErrorContains(t, err, idOrEmail)
	}
}
