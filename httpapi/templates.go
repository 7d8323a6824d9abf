package httpapi

import (
	"net/http"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/template"
)

// Templates keeps the templates that the API serves. *template.Library implements it;
// another implementation must behave as the methods of Library are documented to. All
// methods must be safe for concurrent use.
type Templates interface {
	Create(t template.Template) (template.Template, error)
	Get(idOrAlias string) (template.Template, error)
	List(q automation.PageQuery) (automation.Page[template.Template], error)
	Update(idOrAlias string, change template.Change) (template.Template, error)
	Publish(idOrAlias string) (template.Template, error)
	Duplicate(idOrAlias string) (template.Template, error)
	Delete(idOrAlias string) error
}

var _ Templates = (*template.Library)(nil)

// templateRoutes are the routes that Options.Templates adds.
func (h *Handler) templateRoutes() map[string]resource {
	return map[string]resource{
		"/templates": {"GET": listing(h.listTemplates), "POST": created(h.createTemplate)},
		"/templates/{template}": {
			"GET": ok(h.getTemplate), "PATCH": ok(h.updateTemplate), "DELETE": ok(h.deleteTemplate),
		},
		"/templates/{template}/publish":   {"POST": ok(h.publishTemplate)},
		"/templates/{template}/duplicate": {"POST": created(h.duplicateTemplate)},
	}
}

// templateItem is a template in a list.
type templateItem struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Alias       *string         `json:"alias"`
	Status      template.Status `json:"status"`
	PublishedAt timestamp       `json:"published_at"`
	CreatedAt   timestamp       `json:"created_at"`
	UpdatedAt   timestamp       `json:"updated_at"`
}

func newTemplateItem(t template.Template) templateItem {
	return templateItem{
		t.ID, t.Name, nullable(t.Alias), t.Status, timestamp(t.PublishedAt), timestamp(t.CreatedAt), timestamp(t.UpdatedAt),
	}
}

// templateBody is a template with its texts.
type templateBody struct {
	Object string `json:"object"`
	templateItem
	From                   *string            `json:"from"`
	Subject                *string            `json:"subject"`
	ReplyTo                []string           `json:"reply_to"`
	HTML                   string             `json:"html"`
	Text                   *string            `json:"text"`
	Variables              []templateVariable `json:"variables"`
	HasUnpublishedVersions bool               `json:"has_unpublished_versions"`
}

// templateVariable is a variable in Resend's form. In Templates a variable has neither an
// id nor times of its own: here its id is its key, which is unique in the template, and
// its times are the template's.
type templateVariable struct {
	ID            string                `json:"id"`
	Key           string                `json:"key"`
	Type          template.VariableType `json:"type"`
	FallbackValue any                   `json:"fallback_value"`
	CreatedAt     timestamp             `json:"created_at"`
	UpdatedAt     timestamp             `json:"updated_at"`
}

func newTemplateBody(t template.Template) templateBody {
	body := templateBody{
		"template", newTemplateItem(t), nullable(t.From), nullable(t.Subject), addresses(t.ReplyTo), t.HTML, nullable(t.Text),
		make([]templateVariable, len(t.Variables)), t.HasUnpublishedVersions,
	}
	for i, v := range t.Variables {
		body.Variables[i] = templateVariable{v.Key, v.Key, v.Type, v.FallbackValue, timestamp(t.CreatedAt), timestamp(t.UpdatedAt)}
	}
	return body
}

// addresses splits a list of addresses, because Resend's clients read an array. A comma
// between quotes belongs to a name. Without addresses the result is nil, which is null
// in JSON.
func addresses(list string) []string {
	var all []string
	quoted, start := false, 0
	for i, r := range list + "," {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && (!quoted || i == len(list)):
			if address := strings.TrimSpace(list[start:i]); address != "" {
				all = append(all, address)
			}
			start = i + 1
		}
	}
	return all
}

func templateRef(t template.Template) reference { return reference{"template", t.ID} }

func (h *Handler) listTemplates(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	found, err := h.opts.Templates.List(page)
	if err != nil {
		return nil, unknownCursor(err, page)
	}
	return listOf(found, newTemplateItem), nil
}

func (h *Handler) createTemplate(r *http.Request) (any, error) {
	t, _, err := readTemplate(r)
	if err != nil {
		return nil, err
	}
	made, err := h.opts.Templates.Create(t)
	if err != nil {
		return nil, taken(err, "the alias %q belongs to another template", t.Alias)
	}
	return templateRef(made), nil
}

// readTemplate reads a template and returns which fields the body has, null included.
func readTemplate(r *http.Request) (template.Template, map[string]bool, error) {
	data, body, err := readJSON(r)
	if err != nil {
		return template.Template{}, nil, err
	}
	t, err := template.Parse(data)
	if err != nil {
		return template.Template{}, nil, err
	}
	given := map[string]bool{}
	body.members(0, func(key, _ int) { given[body.Text(key)] = true })
	return t, given, nil
}

func (h *Handler) getTemplate(r *http.Request) (any, error) {
	t, err := h.template(r)
	if err != nil {
		return nil, err
	}
	return newTemplateBody(t), nil
}

// template returns the template that the path names by id or by alias.
func (h *Handler) template(r *http.Request) (template.Template, error) {
	idOrAlias := r.PathValue("template")
	t, err := h.opts.Templates.Get(idOrAlias)
	return t, absent(err, "template", idOrAlias)
}

func (h *Handler) updateTemplate(r *http.Request) (any, error) {
	t, given, err := readTemplate(r)
	if err != nil {
		return nil, err
	}
	change, err := newTemplateChange(t, given)
	if err != nil {
		return nil, err
	}
	old, err := h.changeTemplate(r, t.Alias, func(id string) error {
		_, err := h.opts.Templates.Update(id, change)
		return err
	})
	if err != nil {
		return nil, err
	}
	return templateRef(old), nil
}

// newTemplateChange returns the change of the given fields. Null clears a field.
func newTemplateChange(t template.Template, given map[string]bool) (template.Change, error) {
	var change template.Change
	if given["status"] {
		return change, invalid("status", "is changed by publishing the template")
	}
	if len(given) == 0 {
		return change, flawed(automation.CodeMissingField, "", "an update needs at least one field")
	}
	for _, f := range []struct {
		name   string
		value  *string
		change **string
	}{
		{"name", &t.Name, &change.Name}, {"alias", &t.Alias, &change.Alias}, {"from", &t.From, &change.From},
		{"subject", &t.Subject, &change.Subject}, {"reply_to", &t.ReplyTo, &change.ReplyTo},
		{"html", &t.HTML, &change.HTML}, {"text", &t.Text, &change.Text},
	} {
		if given[f.name] {
			*f.change = f.value
		}
	}
	if given["variables"] {
		change.Variables = &t.Variables
	}
	return change, nil
}

// changeTemplate changes the template that the path names, and returns the template as
// it was before. alias is the new alias, or empty.
func (h *Handler) changeTemplate(r *http.Request, alias string, change func(id string) error) (template.Template, error) {
	t, err := h.template(r)
	if err != nil {
		return t, err
	}
	err = absent(change(t.ID), "template", r.PathValue("template"))
	if other, missing := h.opts.Templates.Get(alias); missing == nil && other.ID != t.ID {
		return t, taken(err, "the alias %q belongs to another template", alias)
	}
	return t, taken(err, "template %q comes from a file: change it there", t.ID)
}

func (h *Handler) deleteTemplate(r *http.Request) (any, error) {
	t, err := h.changeTemplate(r, "", h.opts.Templates.Delete)
	if err != nil {
		return nil, err
	}
	return deleted{"template", t.ID, true}, nil
}

func (h *Handler) publishTemplate(r *http.Request) (any, error) {
	if err := readOptionalFields(r); err != nil {
		return nil, err
	}
	t, err := h.changeTemplate(r, "", func(id string) error {
		_, err := h.opts.Templates.Publish(id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return templateRef(t), nil
}

func (h *Handler) duplicateTemplate(r *http.Request) (any, error) {
	if err := readOptionalFields(r); err != nil {
		return nil, err
	}
	idOrAlias := r.PathValue("template")
	t, err := h.opts.Templates.Duplicate(idOrAlias)
	if err != nil {
		return nil, absent(err, "template", idOrAlias)
	}
	return templateRef(t), nil
}
