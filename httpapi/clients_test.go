package httpapi_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/store/memory"
)

// propertiesOf returns the properties of the contact at path, as they are written.
func (a *api) propertiesOf(path string) string {
	a.t.Helper()
	var body struct{ Properties json.RawMessage }
	require.NoError(a.t, json.Unmarshal([]byte(a.must(http.StatusOK, "GET", path, "").body), &body))
	return string(body.Properties)
}

func TestProperties_AreAnsweredWithTheirTypes(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.must(http.StatusCreated, "POST", "/contacts", `{"email": "ada@example.com", "properties": {"plan": "pro", "seats": 12345678901234567890, "vip": true, "none": null}}`)
	assert.JSONEq(t, `{
		"plan": {"type": "string", "value": "pro"},
		"seats": {"type": "number", "value": 12345678901234567890},
		"vip": {"type": "boolean", "value": true}
	}`, a.propertiesOf("/contacts/ada@example.com"))
	assert.NotContains(t, a.must(http.StatusOK, "GET", "/contacts", "").body, "properties", "lists have none")
}

func TestProperties_OfTheHostHaveTheTypesOfTheirJSON(t *testing.T) {
	t.Parallel()
	type plan string
	host := hostContacts{properties: map[string]any{"plan": plan("pro"), "seats": 3, "price": 1.5, "vip": false, "none": nil}}
	a := setupOn(t, memory.New(), automation.Options{Contacts: host})
	assert.JSONEq(t, `{
		"plan": {"type": "string", "value": "pro"},
		"price": {"type": "number", "value": 1.5},
		"seats": {"type": "number", "value": 3},
		"vip": {"type": "boolean", "value": false}
	}`, a.propertiesOf("/contacts/u1"))
}

func TestProperties_AreTakenAsTheyAreAnswered(t *testing.T) {
	t.Parallel()
	a := setup(t)
	typed := `{"email": "ada@example.com", "properties": {
		"plan": {"type": "string", "value": "pro"}, "seats": {"value": 5, "type": "number"}, "vip": {"type": "boolean", "value": true},
		"none": {"type": "string", "value": null}, "bare": {"value": "x"}}}`
	a.must(http.StatusCreated, "POST", "/contacts", typed)
	c, err := a.runner.GetContact(t.Context(), automation.ContactRef{Email: "ada@example.com"})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"plan": "pro", "seats": json.Number("5"), "vip": true, "bare": "x"}, c.Properties)

	a.must(http.StatusOK, "PATCH", "/contacts/"+c.ID, `{"properties": {"plan": {"type": "string", "value": null}, "seats": {"type": "number", "value": 6}}}`)
	c, err = a.runner.GetContact(t.Context(), automation.ContactRef{ID: c.ID})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"seats": json.Number("6"), "vip": true, "bare": "x"}, c.Properties)
}

// resendNames are the names of errors that Resend documents. Its client for PHP takes an
// answer with any other name for success.
var resendNames = []string{
	"application_error", "concurrent_idempotent_requests", "daily_quota_exceeded", "internal_server_error",
	"invalid_access", "invalid_api_key", "invalid_attachment", "invalid_from_address", "invalid_idempotency_key",
	"invalid_idempotent_request", "invalid_parameter", "invalid_region", "method_not_allowed", "missing_api_key",
	"missing_required_field", "monthly_quota_exceeded", "not_found", "rate_limit_exceeded", "restricted_api_key",
	"security_error", "validation_error",
}

// Every answer of every test is compared with the document, so the names of the document
// are all that there are.
func TestErrors_HaveNamesThatEveryClientKnows(t *testing.T) {
	t.Parallel()
	names, _ := described().at("components", "schemas", "Error", "properties", "name", "enum").([]any)
	require.NotEmpty(t, names)
	for _, name := range names {
		assert.Contains(t, resendNames, name)
	}
}

func TestIdempotency_ConflictHasResendsName(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.must(http.StatusAccepted, "POST", "/events/send", `{"event": "x", "email": "ada@example.com"}`, "Idempotency-Key", "k")
	got := a.must(http.StatusConflict, "POST", "/events/send", `{"event": "x", "email": "bob@example.com"}`, "Idempotency-Key", "k")
	assert.Equal(t, "invalid_idempotent_request", got.failure(t).Name)
}
