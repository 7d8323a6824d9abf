package dashboard

import (
	"cmp"
	"html/template"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	mailtemplate "github.com/seed-b636437c/automation/mail/template"
)

// templateRoutes are the pages about templates.
func (h *Handler) templateRoutes() []route {
	if h.opts.Templates == nil {
		return nil
	}
	return []route{
		view("GET /templates", (*exchange).templates),
		view("GET /templates/{id}", (*exchange).template),
		view("GET /templates/{id}/preview", (*exchange).templatePreview),
	}
}

// Templates are the templates of emails that the pages show. *template.Library of package
// mail/template implements it; another implementation must behave as the methods of Library
// are documented to. All methods must be safe for concurrent use.
type Templates interface {
	Get(idOrAlias string) (mailtemplate.Template, error)
	List(q automation.PageQuery) (automation.Page[mailtemplate.Template], error)
	Needs(idOrAlias string) ([]mailtemplate.Need, error)
	Preview(idOrAlias string, sample mailtemplate.Sample) (mail.Message, error)
}

var _ Templates = (*mailtemplate.Library)(nil)

// templatesPage is a page of templates.
type templatesPage struct {
	Rows []templateRow
	pager
}

// templateRow is a template in the list.
type templateRow struct {
	Link              template.URL
	Name, ID, Subject string
	Status            string
	Changed           moment
	HasUnpublished    bool
}

// templates lists the templates.
func (x *exchange) templates() error {
	found, err := x.opts.Templates.List(x.pageQuery())
	if err != nil {
		return named(err, "template")
	}
	var list templatesPage
	for _, t := range found.Data {
		list.Rows = append(list.Rows, x.templateRow(t))
	}
	list.pager = pagerOf(x, found, func(t mailtemplate.Template) string { return t.ID })
	return x.show("templates", page{Title: "Templates", Section: "Templates", Body: list})
}

func (x *exchange) templateRow(t mailtemplate.Template) templateRow {
	return templateRow{
		Link: x.to.To("templates", t.ID), Name: t.Name, ID: cmp.Or(t.Alias, t.ID), Subject: t.Subject,
		Status: string(t.Status), Changed: x.moment(later(t.CreatedAt, t.UpdatedAt)), HasUnpublished: t.HasUnpublishedVersions,
	}
}
