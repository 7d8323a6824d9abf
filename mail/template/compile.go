package template

import (
	"errors"
	"math"
	"strconv"
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
	CodeInvalidTag      automation.Code = "invalid_template_tag"      // {{ without }}, say
	CodeInvalidVariable automation.Code = "invalid_template_variable" // a name that is reserved or taken
	CodeTaken           automation.Code = "template_name_taken"       // two templates with one alias
	CodeStrayFile       automation.Code = "stray_template_file"       // a text without its .json
)

// maxIDBytes is what an automation may name: ids in it are no longer.
const maxIDBytes = 255

// parts are the fields of an email, compiled.
type parts struct{ from, subject, replyTo, html, text *text }

func (p *parts) all() []*text { return []*text{p.from, p.subject, p.replyTo, p.html, p.text} }

// use reports whether a tag of any field fits.
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

// compiled is a template that is ready to be rendered. It is immutable.
type compiled struct {
	id        string
	declared  []Variable
	fallbacks map[string]any // of the declared ones, printable
	parts     parts
	needs     []Need
}

// compile checks a template and compiles it. Its fallbacks are made strings,
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

// with returns c with what the step overrides, which is compiled for this email
// only.
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

// check collects what is wrong with a template.
type check struct{ problems automation.Problems }

func (c *check) add(code automation.Code, path, format string, args ...any) {
	c.problems.Add(code, path, format, args...)
}

func (c *check) required(path, value string) {
	if value == "" {
		c.add(automation.CodeMissingField, path, "is required")
	}
}

// names refuses what would not come back from a file, a URL or a log as it was.
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

// encoding refuses what mail programs would show as something else: an email says
// that it is UTF-8.
func (c *check) encoding(path, source string) {
	if !utf8.ValidString(source) {
		c.add(automation.CodeSyntax, path, "is not valid UTF-8: save it in that encoding")
	}
}

// variables checks the declarations, and makes their fallbacks what JSON has.
func (c *check) variables(vars []Variable) {
	if len(vars) > MaxVariables {
		c.add(automation.CodeLimit, "variables", "there are %d: %d are allowed", len(vars), MaxVariables)
	}
	seen := map[string]bool{}
	for i := range vars {
		path := "variables[" + strconv.Itoa(i) + "]"
		c.variableKey(path+".key", vars[i].Key)
		if seen[vars[i].Key] {
			c.add(CodeInvalidVariable, path+".key", "%s is declared twice", jsondoc.Quote(vars[i].Key))
		}
		seen[vars[i].Key] = true
		c.variableType(path, &vars[i])
	}
}

func (c *check) variableKey(path, key string) {
	if message := checkVariableName(key); message != "" {
		c.add(CodeInvalidVariable, path, "%s", message)
	} else if !(ref{name: key}).isVariable() {
		c.add(CodeInvalidVariable, path, "%s is reserved: it is filled in by itself", jsondoc.Quote(key))
	}
}

func (c *check) variableType(path string, v *Variable) {
	switch v.Type {
	case TypeString, TypeNumber, TypeBoolean:
	default:
		c.add(automation.CodeWrongType, path+".type", "%s is unknown: use %q, %q or %q", jsondoc.Quote(v.Type), TypeString, TypeNumber, TypeBoolean)
		return
	}
	if v.FallbackValue == nil {
		return
	}
	if code, message := checkValue(v.FallbackValue, v.Type); message != "" {
		c.add(code, path+".fallback_value", "%s", message)
		return
	}
	v.FallbackValue = automation.ValueOf(v.FallbackValue).Literal()
}

// headers checks what goes into the header of an email as far as it is known
// before the tags are filled in: an address without tags is one already.
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
