package dashboard

import (
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
)

// definitionPage is one event definition, or the form for a new one.
type definitionPage struct {
	New      bool
	ID       string
	Name     string
	Schema   string
	Seen     string // when the definition last changed, as the person saw it
	Fields   []payloadField
	Changed  moment
	Log      template.URL
	Send     template.URL
	Delete   template.URL
	Problems fieldProblems
}

// definition shows one event definition.
func (x *exchange) definition() error {
	d, err := x.findDefinition()
	if err != nil {
		return err
	}
	return x.showDefinition(http.StatusOK, x.definitionPage(d))
}

// findDefinition reads the definition that the path names.
func (x *exchange) findDefinition() (automation.EventDefinition, error) {
	ctx, cancel := x.reading()
	defer cancel()
	d, err := x.runner.GetEventDefinition(ctx, x.r.PathValue("name"))
	return d, named(err, "event definition")
}

func (x *exchange) definitionPage(d automation.EventDefinition) definitionPage {
	body := definitionPage{
		ID: d.ID, Name: d.Name, Seen: seen(d), Fields: payloadFields(d.Schema), Changed: x.moment(later(d.CreatedAt, d.UpdatedAt)),
		Log: x.to.With(x.to.To("events"), "name", d.Name), Send: x.to.With(x.to.To("events", "send"), "name", d.Name),
		Delete: x.to.To("events", "delete", d.ID),
	}
	if !isNull(d.Schema) {
		body.Schema = plainText(d.Schema)
	}
	return body
}

// seen identifies what a person saw of a definition.
func seen(d automation.EventDefinition) string { return d.UpdatedAt.UTC().Format(time.RFC3339Nano) }

func (x *exchange) showDefinition(status int, body definitionPage) error {
	title := body.Name
	if body.New {
		title = "Define an event"
	}
	return x.render(status, "definition", page{Title: title, Section: "Events", Body: body})
}

// newDefinition shows the form for a new definition.
func (x *exchange) newDefinition() error {
	return x.showDefinition(http.StatusOK, definitionPage{New: true, Name: x.r.URL.Query().Get("name")})
}

// createDefinition creates a definition.
func (x *exchange) createDefinition() error {
	body := definitionPage{New: true, Name: strings.TrimSpace(x.formValue("name")), Schema: x.formValue("schema")}
	d, err := x.runner.CreateEventDefinition(x.ctx, automation.EventDefinition{Name: body.Name, Schema: []byte(strings.TrimSpace(body.Schema))})
	x.audit(createDefinitionAction, body.Name, err)
	if errors.Is(err, automation.ErrConflict) {
		body.Problems = fieldProblems{"name": {"another definition has this name: choose another one, or change that definition"}}
		return x.showDefinition(http.StatusConflict, body)
	}
	if body.Problems = problemsBy(err, definitionPlace); body.Problems != nil {
		return x.showDefinition(http.StatusUnprocessableEntity, body)
	}
	if err != nil {
		return err
	}
	return x.done(x.definitionLink(d), "definition-created")
}

// saveDefinition replaces the schema of a definition.
func (x *exchange) saveDefinition() error {
	text := x.formValue("schema")
	d, err := x.findDefinition()
	if err != nil {
		return err
	}
	body := x.definitionPage(d)
	body.Schema = text
	if x.formValue("seen") != seen(d) {
		x.audit(saveDefinitionAction, d.Name, automation.ErrConflict)
		body.Problems = fieldProblems{"schema": {"the definition changed since you opened it. Compare your text with the fields below; to replace them, save again."}}
		return x.showDefinition(http.StatusConflict, body)
	}
	saved, err := x.runner.UpdateEventDefinition(x.ctx, d.ID, []byte(strings.TrimSpace(text)))
	x.audit(saveDefinitionAction, d.Name, err)
	if body.Problems = problemsBy(err, definitionPlace); body.Problems != nil {
		return x.showDefinition(http.StatusUnprocessableEntity, body)
	}
	if err != nil {
		return named(err, "event definition")
	}
	return x.done(x.definitionLink(saved), "definition-saved")
}

// definitionPlace returns the field for the path of a problem.
func definitionPlace(path string) (field, rest string) {
	if path == "name" {
		return "name", ""
	}
	return "schema", strings.TrimPrefix(strings.TrimPrefix(path, "schema"), ".")
}

// askDeleteDefinition asks before a definition is deleted.
func (x *exchange) askDeleteDefinition() error {
	d, err := x.findDefinition()
	if err != nil {
		return err
	}
	return x.show("definition_delete", page{Title: "Delete " + d.Name, Section: "Events", Body: x.definitionPage(d)})
}

// deleteDefinition deletes a definition.
func (x *exchange) deleteDefinition() error {
	d, err := x.findDefinition()
	if err != nil {
		return err
	}
	err = x.runner.DeleteEventDefinition(x.ctx, d.ID)
	x.audit(deleteDefinitionAction, d.Name, err)
	if err != nil {
		return named(err, "event definition")
	}
	return x.done(x.to.To("events"), "definition-deleted")
}

// isNull reports whether a schema accepts every payload.
func isNull(schema []byte) bool {
	text := strings.TrimSpace(string(schema))
	return text == "" || text == "null"
}

// definitionLink returns the link to a definition: by its name or, where the path of another
// page looks the same, by its id.
func (x *exchange) definitionLink(d automation.EventDefinition) template.URL {
	switch d.Name {
	case "new", "send", ".", "..":
		return x.to.To("events", d.ID)
	default:
		return x.to.To("events", d.Name)
	}
}
