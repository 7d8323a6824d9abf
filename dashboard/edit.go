package dashboard

import (
	"encoding/json"
	"html/template"
	"net/http"

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
	e, err := x.storedEditor()
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
	return documentOf(automation.Automation{Name: e.Name, Steps: v.Steps, Connections: v.Connections, Retry: v.Retry, Entry: v.Entry, Exit: v.Exit})
}

// storedEditor returns the editor of the automation of the path, as it is stored.
func (x *exchange) storedEditor() (editor, error) {
	a, err := x.findAutomation()
	if err != nil {
		return editor{}, err
	}
	ctx, cancel := x.reading()
	defer cancel()
	counts, err := x.runner.CountRuns(ctx, a.ID)
	if err != nil {
		return editor{}, err
	}
	document, err := documentOf(a)
	if err != nil {
		return editor{}, err
	}
	return editor{
		ID: a.ID, Name: a.Name, Event: eventOf(a), Status: string(a.Status), Document: document, Saved: document,
		Revision: a.Revision, Version: a.Version, Running: total(counts).Running,
	}, nil
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
		Entry       *automation.Entry       `json:"entry,omitempty"`
		Exit        *automation.Exit        `json:"exit,omitempty"`
	}{a.Name, a.Steps, a.Connections, a.Retry, a.Entry, a.Exit})
	if err != nil {
		return "", err
	}
	return indented(encoded), nil
}
