package template

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/headertext"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/mail"
)

// The codes of problems that only templates have.
const (
	CodeInvalidTag      automation.Code = "invalid_template_tag"      // {{ without }}, for example
	CodeInvalidVariable automation.Code = "invalid_template_variable" // a name that is reserved or taken
	CodeTaken           automation.Code = "template_name_taken"       // two templates with one alias
	CodeStrayFile       automation.Code = "stray_template_file"       // a text without its .json
)

// maxIDBytes is the longest id that an automation may contain.
const maxIDBytes = 255

// parts are the fields of an email, compiled.
type parts struct{ from, subject, replyTo, html, text *text }

func (p *parts) all() []*text { return []*text{p.from, p.subject, p.replyTo, p.html, p.text} }

// use reports whether any field has a tag that fits.
func (p *parts) use(fits func(ref) bool) bool {
	for _, t := range p.all() {
		for _, r := range t.refs {
			if fits(r) {
				return true
			}
		}
	}
	return false
}

// compiled is a template that can be rendered. It is immutable.
type compiled struct {
	id        string
	declared  []Variable
	fallbacks map[string]any // of the declared variables, printable
	parts     parts
	needs     []Need
}

// compile validates a template and compiles it. It converts the fallbacks of t to strings,
// json.Numbers and bools.
func compile(t *Template, defaultFrom string) (*compiled, automation.Problems) {
	var c check
	c.required("name", t.Name)
	c.names(t)
	if t.HTML == "" && t.Text == "" {
		c.add(automation.CodeMissingField, "html", "there is neither HTML nor text: give one of them")
	}
	c.status(t.Status)
	c.variables(t.Variables)
	c.headers(t)
	c.encoding("html", t.HTML)
	c.encoding("text", t.Text)
	from := t.From
	if from == "" {
		from = defaultFrom
	}
	out := &compiled{id: t.ID, declared: t.Variables, fallbacks: map[string]any{}, parts: parts{
		from:    c.text("from", from, false),
		subject: c.text("subject", t.Subject, false),
		replyTo: c.text("reply_to", t.ReplyTo, false),
		html:    c.text("html", t.HTML, true),
		text:    c.text("text", t.Text, false),
	}}
	for _, v := range t.Variables {
		out.fallbacks[v.Key] = printable(v.FallbackValue)
	}
	out.needs = needsOf(out.declared, out.parts.all())
	return out, c.problems
}

// with returns c with the fields that the step overrides, which are compiled for this
// email only.
func (c *compiled) with(email automation.Email) (*compiled, error) {
	if email.From == "" && email.Subject == "" && email.ReplyTo == "" {
		return c, nil
	}
	var problems check
	out := *c
	for _, f := range []struct {
		path, source string
		to           **text
	}{
		{"from", email.From, &out.parts.from}, {"subject", email.Subject, &out.parts.subject}, {"reply_to", email.ReplyTo, &out.parts.replyTo},
	} {
		if f.source != "" {
			*f.to = problems.text(f.path, f.source, false)
		}
	}
	out.needs = needsOf(out.declared, out.parts.all())
	return &out, problems.problems.Err("what the step overrides")
}

// check validates a template and collects its problems.
type check struct{ problems automation.Problems }

func (c *check) add(code automation.Code, path, format string, args ...any) {
	c.problems.Add(code, path, format, args...)
}

func (c *check) required(path, value string) {
	if value == "" {
		c.add(automation.CodeMissingField, path, "is required")
	}
}

// names refuses names that a file, a URL or a log would change.
func (c *check) names(t *Template) {
	for _, n := range []struct {
		path, name string
		longest    int
	}{{"id", t.ID, maxIDBytes}, {"alias", t.Alias, maxIDBytes}, {"name", t.Name, math.MaxInt}} {
		switch {
		case !utf8.ValidString(n.name):
			c.add(automation.CodeInvalidName, n.path, "is not valid UTF-8")
		case strings.ContainsFunc(n.name, unicode.IsControl):
			c.add(automation.CodeInvalidName, n.path, "must not contain control characters")
		case len(n.name) > n.longest:
			c.add(automation.CodeInvalidName, n.path, "must not be longer than %d bytes", n.longest)
		case n.path != "name" && (n.name == "." || n.name == ".."):
			c.add(automation.CodeInvalidName, n.path, "must not be . or .., because no URL can contain it: choose another")
		}
	}
}

func (c *check) status(s Status) {
	switch s {
	case StatusDraft, StatusPublished:
	default:
		c.add(automation.CodeInvalidStatus, "status", "%s is unknown: use %q or %q", jsondoc.Quote(s), StatusDraft, StatusPublished)
	}
}

func (c *check) text(path, source string, html bool) *text {
	t, problems := compileText(source, html)
	for _, message := range problems {
		c.add(CodeInvalidTag, path, "%s", message)
	}
	return t
}

// encoding refuses text that mail programs would show wrongly, because every email is
// declared as UTF-8.
func (c *check) encoding(path, source string) {
	if !utf8.ValidString(source) {
		c.add(automation.CodeSyntax, path, "is not valid UTF-8: save it in that encoding")
	}
}

// variables validates the declarations, and converts their fallbacks to the types of
// JSON.
func (c *check) variables(vars []Variable) {
	if len(vars) > MaxVariables {
		c.add(automation.CodeLimit, "variables", "there are %d; at most %d are allowed", len(vars), MaxVariables)
	}
	seen := map[string]bool{}
	for i := range vars {
		path := fmt.Sprintf("variables[%d]", i)
		c.variableKey(jsondoc.Join(path, "key"), vars[i].Key)
		if seen[vars[i].Key] {
			c.add(CodeInvalidVariable, jsondoc.Join(path, "key"), "%s is declared twice", jsondoc.Quote(vars[i].Key))
		}
		seen[vars[i].Key] = true
		c.variableType(path, &vars[i])
	}
}

func (c *check) variableKey(path, key string) {
	if message := checkVariableName(key); message != "" {
		c.add(CodeInvalidVariable, path, "%s", message)
	} else if !(ref{name: key}).isVariable() {
		c.add(CodeInvalidVariable, path, "%s is reserved: the library fills it in", jsondoc.Quote(key))
	}
}

func (c *check) variableType(path string, v *Variable) {
	switch v.Type {
	case TypeString, TypeNumber, TypeBoolean:
	default:
		c.add(automation.CodeWrongType, jsondoc.Join(path, "type"), "%s is unknown: use %q, %q or %q", jsondoc.Quote(v.Type), TypeString, TypeNumber, TypeBoolean)
		return
	}
	if v.FallbackValue == nil {
		return
	}
	if code, message := checkValue(v.FallbackValue, v.Type); message != "" {
		c.add(code, jsondoc.Join(path, "fallback_value"), "%s", message)
		return
	}
	v.FallbackValue = automation.ValueOf(v.FallbackValue).Literal()
}

// headers validates the header fields as far as possible before the tags are replaced: an
// address without tags is complete.
func (c *check) headers(t *Template) {
	const valid = "a@example.com"
	known := func(address string) string {
		if address == "" || mayHaveTags(address) {
			return valid
		}
		return address
	}
	c.header(mail.Message{From: known(t.From), To: valid, ReplyTo: known(t.ReplyTo), Subject: t.Subject, Text: "text"})
	for _, f := range []struct{ path, source string }{{"from", t.From}, {"reply_to", t.ReplyTo}} {
		if mayHaveTags(f.source) && headertext.HasControl(f.source) {
			c.add(automation.CodeUnsafeHeader, f.path, "must not contain line breaks or other control characters")
		}
	}
}

func (c *check) header(m mail.Message) {
	_, err := m.Check()
	if invalid := (*automation.ValidationError)(nil); errors.As(err, &invalid) {
		c.problems = append(c.problems, invalid.Problems...)
	}
}
