package e2e

import (
	"testing"
	"time"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

// hello is a template with a variable.
func hello(name string) *resend.CreateTemplateRequest {
	return &resend.CreateTemplateRequest{
		Name: name, Subject: "Hello, {{{FIRST_NAME|friend}}}", Html: "<p>You are on {{{PLAN}}}.</p>",
		Variables: []*resend.TemplateVariable{{Key: "PLAN", Type: resend.VariableTypeString, FallbackValue: "free"}},
	}
}

// draft creates a template and returns it in the form of lists.
func (w *world) draft(name string) *resend.TemplateListItem {
	w.t.Helper()
	created, err := w.Templates.Create(hello(name))
	require.NoError(w.t, err)
	w.later()
	return templateItem(w.template(created.Id))
}

// template returns a template from the library.
func (w *world) template(idOrAlias string) template.Template {
	w.t.Helper()
	kept, err := w.templates.Get(idOrAlias)
	require.NoError(w.t, err)
	return kept
}

func templateItem(t template.Template) *resend.TemplateListItem {
	return &resend.TemplateListItem{
		Id: t.ID, Name: t.Name, Alias: t.Alias, Status: string(t.Status),
		CreatedAt: stamp(t.CreatedAt), UpdatedAt: stamp(t.UpdatedAt), PublishedAt: stampOf(t.PublishedAt),
	}
}

func TestTemplates_AreCreatedAndRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	created, err := w.Templates.Create(&resend.CreateTemplateRequest{
		Name: "Welcome", Alias: "welcome", From: "Ada <ada@acme.example>", Subject: "Hello", ReplyTo: "team@acme.example",
		Html: "<p>{{{PLAN}}} {{{SEATS}}}</p>", Text: "{{{PLAN}}} {{{SEATS}}}",
		Variables: []*resend.TemplateVariable{
			{Key: "PLAN", Type: resend.VariableTypeString, FallbackValue: "free"},
			{Key: "SEATS", Type: resend.VariableTypeNumber},
		},
	})
	require.NoError(t, err)
	kept := w.template(created.Id)
	assert.Equal(t, &resend.CreateTemplateResponse{Object: "template", Id: kept.ID}, created)

	for _, idOrAlias := range []string{kept.ID, "welcome"} {
		got, err := w.Templates.Get(idOrAlias)
		require.NoError(t, err)
		require.Len(t, got.Variables, 2)
		for i, v := range got.Variables {
			assert.NotEmpty(t, v.Id)
			assert.Equal(t, stamp(start), v.CreatedAt)
			assert.Equal(t, stamp(start), v.UpdatedAt)
			assert.Equal(t, kept.Variables[i].Key, v.Key)
			assert.Equal(t, string(kept.Variables[i].Type), string(v.Type))
			assert.Equal(t, kept.Variables[i].FallbackValue, v.FallbackValue)
		}
		got.Variables = nil
		assert.Equal(t, &resend.Template{
			Object: "template", Id: kept.ID, Alias: "welcome", Name: "Welcome", Status: "draft",
			CreatedAt: stamp(start), UpdatedAt: stamp(start),
			From: "Ada <ada@acme.example>", Subject: "Hello", ReplyTo: []any{"team@acme.example"},
			Html: "<p>{{{PLAN}}} {{{SEATS}}}</p>", Text: "{{{PLAN}}} {{{SEATS}}}",
		}, got)
	}
}

func TestTemplates_TakeSeveralAddressesToReplyTo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	request := hello("Welcome")
	addresses := []any{`"Lovelace, Ada" <a@acme.example>`, "b@acme.example"}
	request.ReplyTo = addresses
	created, err := w.Templates.Create(request)
	require.NoError(t, err)
	got, err := w.Templates.Get(created.Id)
	require.NoError(t, err)
	assert.Equal(t, addresses, got.ReplyTo)
}

func TestTemplates_AreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	empty, err := w.Templates.List(nil)
	require.NoError(t, err)
	assert.Equal(t, &resend.ListTemplatesResponse{Object: "list", Data: []*resend.TemplateListItem{}}, empty)

	a, b, c := w.draft("A"), w.draft("B"), w.draft("C")
	all, err := w.Templates.List(&resend.ListOptions{})
	require.NoError(t, err)
	assert.Equal(t, &resend.ListTemplatesResponse{Object: "list", Data: []*resend.TemplateListItem{c, b, a}}, all)
	page, err := w.Templates.ListWithContext(t.Context(), &resend.ListOptions{Limit: ptr(1), After: &c.Id})
	require.NoError(t, err)
	assert.Equal(t, &resend.ListTemplatesResponse{Object: "list", HasMore: true, Data: []*resend.TemplateListItem{b}}, page)
	page, err = w.Templates.List(&resend.ListOptions{Before: &b.Id})
	require.NoError(t, err)
	assert.Equal(t, &resend.ListTemplatesResponse{Object: "list", Data: []*resend.TemplateListItem{c}}, page)
}

func TestTemplates_AreChangedPublishedAndDuplicated(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.draft("Welcome").Id
	published, err := w.Templates.Publish(id)
	require.NoError(t, err)
	assert.Equal(t, &resend.PublishTemplateResponse{Object: "template", Id: id}, published)
	assert.Equal(t, template.StatusPublished, w.template(id).Status)
	at := w.clock.Now()
	w.later()

	updated, err := w.Templates.Update(id, &resend.UpdateTemplateRequest{Name: "Hello", Alias: "hello", Html: "<p>Hi, {{{WHO}}}</p>", Variables: []*resend.TemplateVariable{{Key: "WHO", Type: resend.VariableTypeString}}})
	require.NoError(t, err)
	assert.Equal(t, &resend.UpdateTemplateResponse{Object: "template", Id: id}, updated)
	kept := w.template(id)
	assert.Equal(t, "<p>Hi, {{{WHO}}}</p>", kept.HTML)
	assert.Equal(t, "Hello, {{{FIRST_NAME|friend}}}", kept.Subject)
	got, err := w.Templates.Get("hello")
	require.NoError(t, err)
	assert.Equal(t, "published", got.Status)
	assert.Equal(t, stamp(at), got.PublishedAt)
	assert.Equal(t, stamp(at.Add(time.Second)), got.UpdatedAt)
	require.Len(t, got.Variables, 1)
	assert.Equal(t, "WHO", got.Variables[0].Key)

	copied, err := w.Templates.Duplicate("hello")
	require.NoError(t, err)
	twin := w.template(copied.Id)
	assert.Equal(t, &resend.DuplicateTemplateResponse{Object: "template", Id: twin.ID}, copied)
	assert.NotEqual(t, id, twin.ID)
	assert.Equal(t, template.StatusDraft, twin.Status)
	assert.Equal(t, "<p>Hi, {{{WHO}}}</p>", twin.HTML)

	removed, err := w.Templates.Remove("hello")
	require.NoError(t, err)
	assert.Equal(t, &resend.RemoveTemplateResponse{Object: "template", Id: id, Deleted: true}, removed)
	_, err = w.templates.Get(id)
	assert.ErrorIs(t, err, automation.ErrNotFound)
	_, err = w.Templates.Get("hello")
	assert.ErrorContains(t, err, "hello")
}

func TestTemplates_AreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.Templates.Create(&resend.CreateTemplateRequest{Html: "<p>{{</p>"})
	require.ErrorContains(t, err, "name")
	assert.ErrorContains(t, err, "html")

	first := hello("Welcome")
	first.Alias = "welcome"
	_, err = w.Templates.Create(first)
	require.NoError(t, err)
	_, err = w.Templates.Create(first)
	assert.ErrorContains(t, err, "welcome")
}
