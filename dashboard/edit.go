package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/seed-b636437c/automation"
)

// editRoutes are the editor. The browser keeps the draft. The Handler draws and validates
// it, so that there is one layout and one set of rules.
var editRoutes = []route{
	edit("GET /new", (*exchange).newAutomation),
	edit("GET /a/{id}/edit", (*exchange).editAutomation),
	edit("POST /check", (*exchange).check),
	edit("GET /pick", (*exchange).pick),
	edit("POST /new", (*exchange).create).audited(createAction),
	edit("POST /a/{id}/save", (*exchange).save).audited(saveAction),
}

// editor is the page of the editor. Without JavaScript it is a form with the document.
type editor struct {
	ID       string // empty for a new automation
	Name     string
	Status   string
	Document string // the draft
	Example  string // a document to begin from without JavaScript; "" for a saved automation
	Saved    string // the document that Revision has; "" for a new automation
	Revision int
	Version  int
	Running  int    // runs in progress, which stay on their versions
	Event    string // of the saved trigger
	Problems []string
	Conflict bool // another revision was saved meanwhile
	Save     template.URL
	Check    template.URL
	Pick     template.URL
	Leave    template.URL
}

// firstDraft is where a new automation begins.
const firstDraft = `{
  "name": "",
  "steps": [{"key": "start", "type": "trigger", "config": {"event_name": ""}}],
  "connections": []
}`

// newAutomation shows the editor of an automation that does not exist yet.
func (x *exchange) newAutomation() error {
	return x.showEditor(http.StatusOK, editor{Document: firstDraft})
}

// editAutomation shows the editor of an automation. If the query has a version, the draft
// is what the automation was in that version.
func (x *exchange) editAutomation() error {
	version, err := x.versionFilter()
	if err != nil {
		return err
	}
	e, err := x.editorOf(x.r.PathValue("id"))
	if err == nil && version > 0 {
		e.Document, err = x.documentOfVersion(e, version)
	}
	if err != nil {
		return err
	}
	return x.showEditor(http.StatusOK, e)
}

// documentOfVersion returns the document of a version. The name has no versions.
func (x *exchange) documentOfVersion(e editor, version int) (string, error) {
	v, err := x.findVersion(e.ID, version)
	if err != nil {
		return "", err
	}
	return documentOf(automation.Automation{Name: e.Name, Steps: v.Steps, Connections: v.Connections, Retry: v.Retry})
}

// editorOf returns the editor of an automation as it is stored.
func (x *exchange) editorOf(id string) (editor, error) {
	ctx, cancel := x.reading()
	defer cancel()
	a, err := x.runner.GetAutomation(ctx, id)
	if errors.Is(err, automation.ErrNotFound) {
		return editor{}, notFound("automation")
	}
	if err != nil {
		return editor{}, err
	}
	counts, err := x.runner.CountRuns(ctx, id)
	if err != nil {
		return editor{}, err
	}
	document, err := documentOf(a)
	if err != nil {
		return editor{}, err
	}
	e := editor{ID: id, Name: a.Name, Status: string(a.Status), Document: document, Saved: document, Revision: a.Revision, Version: a.Version}
	e.Event = eventOf(a)
	for _, c := range counts {
		if c.Status == automation.RunRunning {
			e.Running += c.Count
		}
	}
	return e, nil
}

// showEditor shows an editor.
func (x *exchange) showEditor(status int, e editor) error {
	title := "Edit " + e.Name
	e.Check, e.Pick, e.Save, e.Leave = x.to.To("check"), x.to.To("pick"), x.to.To("a", e.ID, "save"), x.to.To("a", e.ID)
	if e.ID == "" {
		title, e.Save, e.Leave = "New automation", x.to.To("new"), x.to.To("")
		example, err := documentOf(examples()[0].flow)
		if err != nil {
			return err
		}
		e.Example = example
	}
	return x.render(status, "edit", page{Title: title, Section: "Automations", Body: e, Script: "editor.js"})
}

// documentOf returns what a person edits of an automation: all but its id, its status and
// what the Runner sets.
func documentOf(a automation.Automation) (string, error) {
	encoded, err := json.Marshal(struct {
		Name        string                  `json:"name"`
		Steps       []automation.Step       `json:"steps"`
		Connections []automation.Connection `json:"connections"`
		Retry       automation.RetryPolicy  `json:"retry,omitzero"`
	}{a.Name, a.Steps, a.Connections, a.Retry})
	if err != nil {
		return "", err
	}
	return indented(encoded), nil
}

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
			Name: &a.Name, Steps: a.Steps, Connections: append([]automation.Connection{}, a.Connections...), Retry: &a.Retry, Revision: revision,
		})
	}
	x.audit(saveAction, id, err)
	if err == nil {
		return x.saved(id, "automation-saved")
	}
	if errors.Is(err, automation.ErrNotFound) {
		return notFound("automation")
	}
	e, failed := x.editorOf(id)
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

// json answers a script.
func (x *exchange) json(status int, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.write(status, encoded)
	return nil
}

// indented returns a JSON document with a line for each value. It returns data unchanged if
// it is no JSON document.
func indented(data []byte) string {
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		return string(data)
	}
	return b.String()
}
