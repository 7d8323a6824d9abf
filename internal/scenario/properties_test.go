package scenario_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// plan is a definition of the property plan.
var plan = automation.ContactProperty{Key: "plan", Type: automation.PropertyString, Fallback: "free"}

func define(w *world.World, p automation.ContactProperty) automation.ContactProperty {
	w.T.Helper()
	p, err := w.CreateContactProperty(w.Ctx, p)
	require.NoError(w.T, err)
	return p
}

func TestProperties_AreDefinedChangedListedAndDeleted(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	p := define(w, automation.ContactProperty{ID: "ignored", Key: "plan", Type: automation.PropertyString})
	seats := define(w, automation.ContactProperty{Key: "seats", Type: automation.PropertyNumber, Fallback: uint8(5)})
	assert.NotEqual(t, "ignored", p.ID)
	assert.Equal(t, w.Clock.Now().UTC(), p.CreatedAt)
	assert.Equal(t, json.Number("5"), seats.Fallback)

	for _, idOrKey := range []string{p.ID, p.Key} {
		for _, fallback := range []any{"free", nil} {
			changed, err := w.UpdateContactProperty(w.Ctx, idOrKey, fallback)
			require.NoError(t, err)
			p.Fallback = fallback
			assert.Equal(t, p, changed)
			found, err := w.GetContactProperty(w.Ctx, idOrKey)
			require.NoError(t, err)
			assert.Equal(t, p, found)
		}
	}
	page, err := w.ListContactProperties(w.Ctx, automation.PageQuery{Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, automation.Page[automation.ContactProperty]{Data: []automation.ContactProperty{seats}, HasMore: true}, page)

	require.NoError(t, w.DeleteContactProperty(w.Ctx, "plan"))
	_, err = w.GetContactProperty(w.Ctx, p.ID)
	require.ErrorIs(t, err, automation.ErrNotFound)
	require.ErrorIs(t, w.DeleteContactProperty(w.Ctx, p.ID), automation.ErrNotFound)
	_, err = w.UpdateContactProperty(w.Ctx, p.ID, nil)
	require.ErrorIs(t, err, automation.ErrNotFound)
	define(w, plan)
}

func TestProperties_RefuseDefinitionsThatAreWrong(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	for message, p := range map[string]automation.ContactProperty{
		"key: is missing":  {Type: automation.PropertyString},
		"key: must be":     {Key: "plan-b", Type: automation.PropertyString},
		"key: must be 1":   {Key: strings.Repeat("x", 51), Type: automation.PropertyString},
		"key: must be 1 t": {Key: "plän", Type: automation.PropertyString},
		"key: is reserved": {Key: "FIRST_NAME", Type: automation.PropertyString},
		"type: is missing": {Key: "plan"},
		"type: must be":    {Key: "plan", Type: "boolean"},
		"fallback_value: must be a number, the type of this property, not a string": {Key: "plan", Type: automation.PropertyNumber, Fallback: "5"},
		"fallback_value: must be a string, the type of this property, not a number": {Key: "plan", Type: automation.PropertyString, Fallback: 5},
		"fallback_value: a property cannot be":                                      {Key: "plan", Type: automation.PropertyString, Fallback: []string{}},
		"fallback_value: text":                                                      {Key: "plan", Type: automation.PropertyString, Fallback: "\xff"},
	} {
		_, err := w.CreateContactProperty(w.Ctx, p)
		require.ErrorIs(t, err, automation.ErrInvalid, message)
		assert.ErrorContains(t, err, message)
	}
	define(w, automation.ContactProperty{Key: strings.Repeat("x", 50), Type: automation.PropertyString})
	define(w, plan)
	_, err := w.CreateContactProperty(w.Ctx, plan)
	require.ErrorIs(t, err, automation.ErrConflict)
	_, err = w.UpdateContactProperty(w.Ctx, "plan", 5)
	require.ErrorIs(t, err, automation.ErrInvalid)
	_, err = w.ListContactProperties(w.Ctx, automation.PageQuery{Limit: 101})
	require.ErrorIs(t, err, automation.ErrInvalid)
	_, err = w.ListContactProperties(w.Ctx, automation.PageQuery{After: "gone"})
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestProperties_OfADefinedTypeRefuseOtherValues(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.AddContact(automation.Contact{Email: "old@example.com", Properties: map[string]any{"plan": json.Number("7"), "vip": true}})
	define(w, plan)
	define(w, automation.ContactProperty{Key: "seats", Type: automation.PropertyNumber})

	_, err := w.CreateContact(w.Ctx, automation.Contact{Email: "ada@", Properties: map[string]any{"plan": true, "seats": "5", "vip": 1}})
	var flawed *automation.ValidationError
	require.ErrorAs(t, err, &flawed)
	require.Len(t, flawed.Problems, 3, "the email too")
	assert.Equal(t, "properties.plan: must be a string, the type of this property, not a boolean", flawed.Problems[1].String())
	assert.Equal(t, "properties.seats: must be a number, the type of this property, not a string", flawed.Problems[2].String())
	assert.Equal(t, automation.CodeWrongType, flawed.Problems[2].Code)

	type tier string
	ada := w.AddContact(automation.Contact{Email: "ada@example.com", Properties: map[string]any{"plan": tier("pro"), "seats": 1.5, "vip": 1}})
	_, err = w.UpdateContact(w.Ctx, ada.ID, automation.ContactChange{Properties: map[string]any{"plan": 1}})
	require.ErrorIs(t, err, automation.ErrInvalid)
	_, err = w.UpdateContact(w.Ctx, ada.ID, automation.ContactChange{Properties: map[string]any{"plan": nil, "seats": json.Number("2")}})
	require.NoError(t, err)

	require.NoError(t, w.DeleteContactProperty(w.Ctx, "plan"))
	_, err = w.UpdateContact(w.Ctx, ada.ID, automation.ContactChange{Properties: map[string]any{"plan": 1}})
	require.NoError(t, err)
	old, err := w.GetContact(w.Ctx, automation.ContactRef{Email: "old@example.com"})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"plan": json.Number("7"), "vip": true}, old.Properties)
}

// personal sends an email whose variables are properties of the contact.
func personal(condition automation.Rule) automation.Automation {
	return world.Flow("personal", "signup",
		automation.Step{Key: "check", Config: automation.Condition{Rule: condition}},
		automation.Step{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello", Variables: map[string]automation.Value{
			"PLAN": automation.Var("contact.properties.plan"), "SEATS": automation.Var("contact.properties.seats"),
		}}}})
}

// variables returns the variables of the emails that were sent.
func variables(m *capture.Mailer) (all []map[string]any) {
	for _, e := range m.Emails() {
		all = append(all, e.Variables)
	}
	return all
}

func TestProperties_FallbacksAreForEmailsOnly(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	define(w, plan)
	define(w, automation.ContactProperty{Key: "seats", Type: automation.PropertyNumber})
	w.Create(personal(automation.Field("contact.properties.plan").IsEmpty()))
	w.AddContact(automation.Contact{Email: "bob@example.com", Properties: map[string]any{"plan": "pro"}})
	w.Send(world.Signup("ada@example.com"), world.Signup("bob@example.com"))
	w.Drain()
	assert.Equal(t, []map[string]any{{"PLAN": "free"}}, variables(w.Mailer), "the condition reads the contact as it is")
	assert.Equal(t, map[string]any{"plan": "free"}, w.Mailer.Emails()[0].Contact.Properties, "templates may contain it too")
	ada, err := w.GetContact(w.Ctx, automation.ContactRef{Email: "ada@example.com"})
	require.NoError(t, err)
	assert.Empty(t, ada.Properties)
}

func TestProperties_FallbacksChangeForTheNextEmail(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(personal(automation.Field("contact.email").Exists()))
	send := func(email string) any {
		w.Send(world.Signup(email))
		w.Drain()
		emails := w.Mailer.Emails()
		return emails[len(emails)-1].Variables["PLAN"]
	}
	assert.Nil(t, send("0@example.com"))
	define(w, plan)
	assert.Equal(t, "free", send("1@example.com"))
	other := w.Node(w.Opts)
	_, err := other.UpdateContactProperty(w.Ctx, "plan", "basic")
	require.NoError(t, err)
	w.Pass(time.Second)
	assert.Equal(t, "basic", send("2@example.com"), "another process has changed it a second ago")
	require.NoError(t, w.DeleteContactProperty(w.Ctx, "plan"))
	assert.Nil(t, send("3@example.com"))
}

// unreadable is a store that cannot list definitions while down is set.
type unreadable struct {
	*memory.Store
	down *bool
}

func (s unreadable) ListContactProperties(ctx context.Context, q automation.PageQuery) (automation.Page[automation.ContactProperty], error) {
	if *s.down {
		return automation.Page[automation.ContactProperty]{}, world.ErrOutage
	}
	return s.Store.ListContactProperties(ctx, q)
}

func TestProperties_EmailsWaitUntilTheFallbacksCanBeRead(t *testing.T) {
	t.Parallel()
	down := true
	w := world.New(t, automation.Options{})
	r := w.On(unreadable{w.Memory, &down}, w.Opts)
	define(w, plan)
	w.Create(personal(automation.Field("contact.email").Exists()))
	w.Send(world.Signup("ada@example.com"))
	drain := func() {
		_, err := r.Drain(w.Ctx)
		require.NoError(t, err)
	}
	drain()
	assert.Empty(t, w.Sent())
	_, err := r.CreateContact(w.Ctx, automation.Contact{Email: "bob@example.com", Properties: map[string]any{"plan": 1}})
	require.ErrorIs(t, err, world.ErrOutage)
	down = false
	w.Clock.Add(time.Minute)
	drain()
	assert.Equal(t, []map[string]any{{"PLAN": "free"}}, variables(w.Mailer))
	assert.Equal(t, automation.RunCompleted, w.Runs()[0].Status)
}

func TestProperties_ManyAreRead(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	define(w, plan)
	for i := range 150 {
		define(w, automation.ContactProperty{Key: "p" + strings.Repeat("_", i%40) + string(rune('a'+i/40)), Type: automation.PropertyString})
	}
	_, err := w.CreateContact(w.Ctx, automation.Contact{Email: "ada@example.com", Properties: map[string]any{"plan": 1}})
	require.ErrorIs(t, err, automation.ErrInvalid, "the oldest of several pages")
}
