package httpapi_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/mail/template"
)

// newLibrary returns a library with one template from a file, billing/receipt.
func newLibrary(t *testing.T, clock automation.Clock) *template.Library {
	t.Helper()
	library, err := template.New(template.Options{Clock: clock, Random: rand.NewChaCha8([32]byte{})})
	require.NoError(t, err)
	require.NoError(t, library.Load(fstest.MapFS{
		"billing/receipt.json": {Data: []byte(`{"name": "Receipt", "alias": "receipt", "from": "shop@example.com", "subject": "Receipt", "text": "Thank you"}`)},
	}))
	return library
}

func TestTemplates_AnswerAsResendDoes(t *testing.T) {
	t.Parallel()
	tick := func(a *api, _ map[string]string) { a.clock.Add(time.Second) }
	play(t, setup(t), []step{
		{name: "template_create", method: "POST", path: "/templates", body: `{"name": "Order", "alias": "order", "from": "Shop <shop@example.com>", "subject": "Your order", "reply_to": ["a@example.com", "b@example.com"],
			"html": "<p>{{{PRODUCT}}}: {{{PRICE}}}</p>", "text": "{{{PRODUCT}}}", "variables": [{"key": "PRODUCT", "type": "string", "fallback_value": "It"}, {"key": "PRICE", "type": "number", "fallback_value": 12.50}, {"key": "GIFT", "type": "boolean"}]}`, id: "template"},
		{name: "template_create_bare", method: "POST", path: "/templates", body: `{"name": "Bare", "html": "<p>Hello</p>", "alias": null, "reply_to": null, "variables": null}`, id: "bare"},
		{name: "template_create_conflict", method: "POST", path: "/templates", body: `{"name": "Order", "alias": "order", "html": "<p>Hello</p>"}`},
		{name: "template_create_invalid", method: "POST", path: "/templates", body: `{"name": "", "subject": "{{{", "variables": [{"key": "no good", "type": "date"}]}`},
		{name: "templates", method: "GET", path: "/templates"},
		{name: "templates_after", method: "GET", path: "/templates?limit=1&after={bare}"},
		{name: "template_get", method: "GET", path: "/templates/{template}"},
		{name: "template_get_bare", method: "GET", path: "/templates/{bare}"},
		{name: "template_publish", method: "POST", path: "/templates/order/publish", before: tick},
		{name: "template_published", method: "GET", path: "/templates/order"},
		{name: "template_update", method: "PATCH", path: "/templates/order", body: `{"name": "Orders", "alias": "orders", "reply_to": null, "text": null, "variables": []}`, before: tick},
		{name: "template_updated", method: "GET", path: "/templates/orders"},
		{name: "template_missing", method: "GET", path: "/templates/order"},
		{name: "template_update_conflict", method: "PATCH", path: "/templates/{bare}", body: `{"alias": "orders"}`},
		{name: "template_duplicate", method: "POST", path: "/templates/orders/duplicate", id: "copy"},
		{name: "template_copy", method: "GET", path: "/templates/{copy}"},
		{name: "template_delete", method: "DELETE", path: "/templates/orders"},
		{name: "template_file", method: "GET", path: "/templates/billing%2Freceipt"},
		{name: "template_file_update", method: "PATCH", path: "/templates/receipt", body: `{"subject": "x"}`},
		{name: "template_file_delete", method: "DELETE", path: "/templates/receipt"},
		{name: "template_file_publish", method: "POST", path: "/templates/receipt/publish"},
	})
}

func TestTemplates_CanBePublishedAtOnce(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.must(http.StatusCreated, "POST", "/templates", `{"name": "Hello", "html": "<p>Hello</p>", "status": "published"}`).id(t)
	assert.Contains(t, a.must(http.StatusOK, "GET", "/templates/"+id, "").body, `"status":"published"`)
}

func TestTemplates_AreServedOnlyIfTheyAreGiven(t *testing.T) {
	t.Parallel()
	a := setup(t, func(o *httpapi.Options) { o.Templates = nil })
	a.must(http.StatusNotFound, "GET", "/templates", "")
	a.must(http.StatusNotFound, "POST", "/templates/receipt/publish", "")
}

// racyTemplates deletes its templates between two calls.
type racyTemplates struct {
	*template.Library
	err error
}

func (r racyTemplates) Update(string, template.Change) (template.Template, error) {
	return template.Template{}, r.err
}

func (r racyTemplates) Publish(string) (template.Template, error) {
	return template.Template{}, r.err
}

func (r racyTemplates) Delete(string) error { return r.err }

func TestTemplates_ThatAreGoneInBetweenAreNotFound(t *testing.T) {
	t.Parallel()
	a := setup(t, func(o *httpapi.Options) {
		o.Templates = racyTemplates{o.Templates.(*template.Library), automation.ErrNotFound}
	})
	want := failure{404, "not_found", `there is no template "receipt"`}
	assert.Equal(t, want, a.call("PATCH", "/templates/receipt", `{"name": "x"}`).failure(t))
	assert.Equal(t, want, a.call("POST", "/templates/receipt/publish", "").failure(t))
	assert.Equal(t, want, a.call("DELETE", "/templates/receipt", "").failure(t))
}
