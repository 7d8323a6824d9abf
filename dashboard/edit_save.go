package dashboard

import (
	"cmp"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/seed-b636437c/automation"
)

// create makes a new automation, which is disabled: a person starts it.
func (x *exchange) create() error {
	document := x.formValue("document")
	a, err := decodeDraft(document)
	if err == nil {
		a.Status = automation.StatusDisabled
		a, err = x.runner.CreateAutomation(x.ctx, a)
	}
	x.audit(createAction, a.ID, err)
	if err != nil {
		return x.unsaved(editor{Document: document}, err)
	}
	return x.saved(a.ID, "automation-created")
}

// save makes a new version of an automation. It refuses a draft that is based on an older
// revision.
func (x *exchange) save() error {
	id, document := x.r.PathValue("id"), x.formValue("document")
	revision, err := x.revision()
	if err != nil {
		return err
	}
	a, err := decodeDraft(document)
	if err == nil {
		_, err = x.runner.UpdateAutomation(x.ctx, id, automation.AutomationUpdate{
			Name: &a.Name, Steps: a.Steps, Connections: append([]automation.Connection{}, a.Connections...), Retry: &a.Retry,
			Entry: cmp.Or(a.Entry, &automation.Entry{}), Exit: cmp.Or(a.Exit, &automation.Exit{}), Revision: revision,
		})
	}
	x.audit(saveAction, id, err)
	if err == nil {
		return x.saved(id, "automation-saved")
	}
	if errors.Is(err, automation.ErrNotFound) {
		return notFound("automation")
	}
	e, failed := x.storedEditor()
	if failed != nil {
		return failed
	}
	e.Document = document
	return x.unsaved(e, err)
}

// decodeDraft decodes a document, strictly.
func decodeDraft(document string) (a automation.Automation, err error) {
	err = a.UnmarshalJSON([]byte(document))
	return a, err
}

// saved answers after a draft was saved: with the page of the automation, or for a script
// with the link to it.
func (x *exchange) saved(id, notice string) error {
	link := x.to.With(x.to.To("a", id), "done", notice)
	if x.wantsJSON() {
		return x.json(http.StatusOK, map[string]template.URL{"location": link})
	}
	return x.seeOther(link)
}

// unsaved answers after a draft was refused: with the editor, which still has the draft, or
// for a script with the reasons.
func (x *exchange) unsaved(e editor, err error) error {
	var invalid *automation.ValidationError
	status := http.StatusUnprocessableEntity
	switch {
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			e.Problems = append(e.Problems, p.String())
		}
	case errors.Is(err, automation.ErrConflict) && e.ID != "":
		status, e.Conflict = http.StatusConflict, true
	default:
		return err
	}
	if x.wantsJSON() {
		return x.json(status, map[string]any{"problems": e.Problems, "conflict": e.Conflict, "saved": e.Saved, "revision": e.Revision, "version": e.Version})
	}
	return x.showEditor(status, e)
}

// wantsJSON reports whether a script sent the request.
func (x *exchange) wantsJSON() bool {
	return strings.HasPrefix(x.r.Header.Get("Accept"), "application/json")
}
