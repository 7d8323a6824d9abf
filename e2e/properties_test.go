package e2e

import (
	"testing"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
)

func TestContactProperties_AreDefinedReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	w := setup(t)
	empty, err := w.ContactProperties.List()
	require.NoError(t, err)
	assert.Equal(t, resend.ListContactPropertiesResponse{Object: "list", Data: []resend.ContactProperty{}}, empty)

	created, err := w.ContactProperties.Create(&resend.CreateContactPropertyRequest{Key: "plan", Type: "string", FallbackValue: "free"})
	require.NoError(t, err)
	assert.Equal(t, resend.CreateContactPropertyResponse{Object: "contact_property", Id: created.Id}, created)
	w.later()
	seats, err := w.ContactProperties.Create(&resend.CreateContactPropertyRequest{Key: "seats", Type: "number"})
	require.NoError(t, err)

	want := resend.ContactProperty{Object: "contact_property", Id: created.Id, Key: "plan", Type: "string", FallbackValue: "free", CreatedAt: stamp(start)}
	got, err := w.ContactProperties.Get(created.Id)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	page, err := w.ContactProperties.ListWithOptions(t.Context(), &resend.ListOptions{After: &seats.Id})
	require.NoError(t, err)
	want.Object = ""
	assert.Equal(t, resend.ListContactPropertiesResponse{Object: "list", Data: []resend.ContactProperty{want}}, page)

	for _, fallback := range []any{"basic", nil} {
		updated, err := w.ContactProperties.Update(&resend.UpdateContactPropertyRequest{Id: created.Id, FallbackValue: fallback})
		require.NoError(t, err)
		assert.Equal(t, resend.UpdateContactPropertyResponse{Object: "contact_property", Id: created.Id}, updated)
		kept, err := w.runner.GetContactProperty(t.Context(), "plan")
		require.NoError(t, err)
		assert.Equal(t, fallback, kept.Fallback)
	}
	_, err = w.ContactProperties.Update(&resend.UpdateContactPropertyRequest{Id: created.Id, FallbackValue: 5})
	assert.ErrorContains(t, err, "fallback_value: must be a string")

	removed, err := w.ContactProperties.Remove(created.Id)
	require.NoError(t, err)
	assert.Equal(t, resend.RemoveContactPropertyResponse{Object: "contact_property", Id: created.Id, Deleted: true}, removed)
	_, err = w.ContactProperties.Get(created.Id)
	assert.ErrorContains(t, err, created.Id)
}

func TestContactProperties_BindValuesAndFillEmails(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, p := range []resend.CreateContactPropertyRequest{
		{Key: "plan", Type: "string", FallbackValue: "free"}, {Key: "seats", Type: "number", FallbackValue: 3},
	} {
		_, err := w.ContactProperties.Create(&p)
		require.NoError(t, err)
	}
	_, err := w.Contacts.Create(&resend.CreateContactRequest{Email: "ada@example.com", Properties: map[string]any{"seats": "5"}})
	assert.ErrorContains(t, err, "properties.seats: must be a number")
	_, err = w.Contacts.Create(&resend.CreateContactRequest{Email: "ada@example.com", Properties: map[string]any{"seats": 5}})
	require.NoError(t, err)

	template, err := w.Templates.Create(&resend.CreateTemplateRequest{
		Name: "Plan", Alias: "plan", Subject: "Plan", Html: "<p>{{{PLAN}}} {{{contact.properties.seats}}}</p>",
		Variables: []*resend.TemplateVariable{{Key: "PLAN", Type: resend.VariableTypeString}},
	})
	require.NoError(t, err)
	_, err = w.Templates.Publish(template.Id)
	require.NoError(t, err)
	_, err = w.runner.CreateAutomation(t.Context(), automation.Automation{
		Name: "Plan",
		Steps: []automation.Step{
			{Key: "start", Config: automation.Trigger{EventName: "plan"}},
			{Key: "mail", Config: automation.SendEmail{Template: automation.TemplateRef{
				ID: "plan", Variables: map[string]automation.Value{"PLAN": automation.Var("contact.properties.plan")},
			}}},
		},
		Connections: []automation.Connection{{From: "start", To: "mail"}},
	})
	require.NoError(t, err)
	for _, email := range []string{"ada@example.com", "bob@example.com"} {
		_, err = w.Events.Send(&resend.SendEventRequest{Event: "plan", Email: email})
		require.NoError(t, err)
		w.drain()
	}
	require.Len(t, w.sent, 2)
	assert.Equal(t, "<p>free 5</p>", w.sent[0].HTML)
	assert.Equal(t, "<p>free 3</p>", w.sent[1].HTML)
}
