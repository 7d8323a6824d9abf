package dashboard

import (
	"errors"
	"html/template"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	mailtemplate "github.com/seed-b636437c/automation/mail/template"
)

// templatePage is one template with a preview.
type templatePage struct {
	templateRow
	From, ReplyTo  string
	HTML, Text     string // the sources
	Show           string // the tab
	Tabs           []tab
	Variables      []variableInput
	Contact        string
	ContactProblem string
	Email          emailPart
}

// variableInput is a variable of a template, with the value that the preview gives it.
type variableInput struct {
	Key         string
	Fallback    string
	HasFallback bool
	Required    bool
	typedInput
}

// variablePrefix begins the names of the inputs for variables.
const variablePrefix = "v."

// template shows one template, and a preview with the values of the query. It makes at most
// one call of the store.
func (x *exchange) template() error {
	t, inputs, err := x.findTemplate()
	if err != nil {
		return err
	}
	query := x.r.URL.Query()
	body := templatePage{
		templateRow: x.templateRow(t), From: t.From, ReplyTo: t.ReplyTo, HTML: t.HTML, Text: t.Text,
		Show: query.Get("show"), Contact: strings.TrimSpace(query.Get("contact")), Variables: inputs,
	}
	sample, problem, err := x.sampleOf(body.Contact, inputs, t)
	if err != nil {
		return err
	}
	body.ContactProblem = problem
	m, err := x.opts.Templates.Preview(t.ID, sample)
	query.Del("show")
	query.Del("images")
	frame := x.to.To("templates", t.ID, "preview")
	if len(query) > 0 {
		frame += template.URL("?" + query.Encode())
	}
	body.Email = x.emailPart(m, err, frame)
	placeProblems(body.Variables, err)
	for _, v := range []struct{ text, show string }{{"Email", ""}, {"Text version", "text"}, {"Source", "source"}} {
		query.Set("show", v.show)
		body.Tabs = append(body.Tabs, tab{v.text, template.URL("?" + query.Encode()), v.show == body.Show})
	}
	return x.show("template", page{Title: t.Name, Section: "Templates", Body: body})
}

// templatePreview answers with the HTML of a template with the values of the query.
func (x *exchange) templatePreview() error {
	t, inputs, err := x.findTemplate()
	if err != nil {
		return err
	}
	sample, _, err := x.sampleOf(strings.TrimSpace(x.r.URL.Query().Get("contact")), inputs, t)
	if err != nil {
		return err
	}
	m, err := x.opts.Templates.Preview(t.ID, sample)
	return x.showEmail(m, err)
}

// findTemplate returns the template that the path names, and its variables with the values
// of the query.
func (x *exchange) findTemplate() (mailtemplate.Template, []variableInput, error) {
	t, err := x.opts.Templates.Get(x.r.PathValue("id"))
	if err != nil {
		return t, nil, named(err, "template")
	}
	needs, err := x.opts.Templates.Needs(t.ID)
	if err != nil {
		return t, nil, named(err, "template")
	}
	inputs := make([]variableInput, len(needs))
	for i, n := range needs {
		inputs[i] = x.variableInput(n)
	}
	return t, inputs, nil
}

// variableInput returns the input of a variable. A variable that must have a value has an
// example until the person changes it.
func (x *exchange) variableInput(n mailtemplate.Need) variableInput {
	in := variableInput{Key: n.Key, Required: n.Required, typedInput: typedInput{Input: variablePrefix + n.Key, Type: string(n.Type)}}
	if n.FallbackValue != nil {
		in.HasFallback, in.Fallback = true, valueText(n.FallbackValue)
		in.Placeholder = in.Fallback
	}
	if query := x.r.URL.Query(); query.Has(in.Input) {
		in.Value = query.Get(in.Input)
	} else if n.Required {
		in.Value = exampleOf(n)
	}
	return in
}

// exampleOf returns an example of a variable's values.
func exampleOf(n mailtemplate.Need) string {
	switch n.Type {
	case mailtemplate.TypeNumber:
		return "42"
	case mailtemplate.TypeBoolean:
		return "true"
	default:
		return n.Key
	}
}

// sampleOf returns the data of a preview: the values of the inputs, and the contact if there
// is one. The problem is why there is none.
func (x *exchange) sampleOf(contact string, inputs []variableInput, t mailtemplate.Template) (sample mailtemplate.Sample, problem string, err error) {
	var c automation.Contact
	if contact != "" {
		ctx, cancel := x.reading()
		defer cancel()
		c, err = x.runner.GetContact(ctx, contactRef(contact))
		if errors.Is(err, automation.ErrNotFound) {
			problem, err = "no contact has this email or id: the preview is for an invented one", nil
		}
		if err != nil {
			return sample, "", err
		}
	}
	sample = x.sample(c)
	if t.Subject == "" {
		sample.Subject = "(each step gives the subject)"
	}
	sample.Variables = map[string]any{}
	for _, in := range inputs {
		if in.Value != "" {
			sample.Variables[in.Key] = variableValue(in)
		}
	}
	return sample, problem, nil
}

// variableValue returns the value that an input stands for. A text that is not of the type
// stays a text, which the preview refuses with the reason.
func variableValue(in variableInput) any {
	kind := in.Type
	if kind == "" {
		kind = "string"
	}
	return fieldValue(kind, in.Value)
}

// placeProblems puts the problems of a preview at the inputs that they are about.
func placeProblems(inputs []variableInput, err error) {
	problems := problemsBy(err, func(path string) (string, string) { return path, "" })
	for i := range inputs {
		inputs[i].Problems = problems[jsondoc.PathTo("variables", inputs[i].Key)]
	}
}
