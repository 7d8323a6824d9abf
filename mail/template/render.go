package template

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	netmail "net/mail"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/headertext"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/mail"
)

// RenderEmail implements mail.Renderer: it renders what is published of the
// template that the step names, for its contact. The step's From, Subject and
// ReplyTo go before the template's and may hold variables too. A variable of the step
// that the template does not use is passed over.
//
// All errors are marked with automation.Permanent, as another attempt would meet
// them again, but those of Options.UnsubscribeURL, which says it itself. A template
// that does not exist wraps automation.ErrNotFound. What is wrong with the variables
// or the addresses is one *automation.ValidationError that lists everything.
func (l *Library) RenderEmail(_ context.Context, email automation.Email) (mail.Message, error) {
	c, err := l.published(email.TemplateID)
	if err != nil {
		return mail.Message{}, automation.Permanent(err)
	}
	return l.render(c, email)
}

// Sample is what a preview is filled with.
type Sample struct {
	// Contact gets the email. Without an ID or an Email it gets made-up ones, so that
	// the unsubscribe link is nobody's.
	Contact automation.Contact
	// Variables are what a step would give.
	Variables map[string]any
	// Published shows what is sent now instead of the draft.
	Published bool
}

// Preview renders the draft of a template, without sending it, and fails as
// RenderEmail does.
func (l *Library) Preview(idOrAlias string, sample Sample) (mail.Message, error) {
	find := l.draft
	if sample.Published {
		find = l.published
	}
	c, err := find(idOrAlias)
	if err != nil {
		return mail.Message{}, automation.Permanent(err)
	}
	sample.Contact.ID = cmp.Or(sample.Contact.ID, "preview")
	sample.Contact.Email = cmp.Or(sample.Contact.Email, "preview@example.com")
	return l.render(c, automation.Email{To: sample.Contact.Email, Contact: sample.Contact, Variables: sample.Variables})
}

func (l *Library) draft(idOrAlias string) (*compiled, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(idOrAlias)
	if err != nil {
		return nil, err
	}
	return e.draft, nil
}

func (l *Library) published(idOrAlias string) (*compiled, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	e, err := l.find(idOrAlias)
	if err != nil {
		return nil, err
	}
	if e.published == nil {
		return nil, fmt.Errorf("template %s is not published: publish it, and retry the run", jsondoc.Quote(e.template.ID))
	}
	return e.published, nil
}

// render holds no lock: it calls the host.
func (l *Library) render(c *compiled, email automation.Email) (mail.Message, error) {
	subject := "template " + jsondoc.Quote(c.id)
	c, err := c.with(email)
	if err != nil {
		return mail.Message{}, automation.Permanent(fmt.Errorf("%s: %w", subject, err))
	}
	v, problems := c.values(email)
	if err := problems.Err(subject); err != nil {
		return mail.Message{}, automation.Permanent(err)
	}
	m := mail.Message{To: email.To}
	if c.parts.use(ref.isUnsubscribeURL) {
		if v.unsubscribe, err = l.opts.UnsubscribeURL(email.Contact); err != nil {
			return mail.Message{}, fmt.Errorf("%s: unsubscribe link: %w", subject, err)
		}
		m.UnsubscribeURL = v.unsubscribe
	}
	if err := c.fill(&m, v); err != nil {
		return mail.Message{}, automation.Permanent(fmt.Errorf("%s: %w", subject, err))
	}
	return m, nil
}

// values checks what the step gives, and that nothing is missing.
func (c *compiled) values(email automation.Email) (*values, automation.Problems) {
	var problems check
	v := &values{given: make(map[string]any, len(email.Variables)), fallbacks: c.fallbacks, contact: email.Contact}
	for _, name := range slices.Sorted(maps.Keys(email.Variables)) {
		value, path := email.Variables[name], "variables."+name
		need := slices.IndexFunc(c.needs, func(n Need) bool { return n.Key == name })
		switch {
		case !(ref{name: name}).isVariable():
			problems.add(CodeInvalidVariable, path, "the name is reserved: it is filled in by itself")
		case need < 0 || value == nil:
		default:
			if code, message := checkValue(value, c.needs[need].Type); message != "" {
				problems.add(code, path, "%s", message)
			}
			v.given[name] = printable(value)
		}
	}
	for _, n := range c.needs {
		if _, ok := v.given[n.Key]; n.Required && !ok {
			problems.add(automation.CodeMissingField, "variables."+n.Key, "has no value and no fallback")
		}
	}
	return v, problems.problems
}

// fill renders all fields of the message and checks it.
func (c *compiled) fill(m *mail.Message, v *values) error {
	if err := c.parts.checkHeaders(v); err != nil {
		return err
	}
	for _, f := range []struct {
		text *text
		to   *string
	}{
		{c.parts.from, &m.From}, {c.parts.subject, &m.Subject}, {c.parts.replyTo, &m.ReplyTo},
		{c.parts.html, &m.HTML}, {c.parts.text, &m.Text},
	} {
		var err error
		if *f.to, err = f.text.render(v); err != nil {
			return err
		}
	}
	if m.Text == "" {
		m.Text = plainText(m.HTML)
	}
	if m.Subject == "" {
		return errors.New("there is no subject: the template or the step must have one")
	}
	envelope, err := m.Check()
	if err != nil {
		return err
	}
	return c.parts.checkReplyTo(v, len(envelope.ReplyTo))
}

// checkHeaders looks for line breaks in variables, so that the error can name the
// variable. Message.Check would find them too.
func (p *parts) checkHeaders(v *values) error {
	var problems check
	for _, f := range []struct {
		path string
		text *text
	}{{"from", p.from}, {"subject", p.subject}, {"reply_to", p.replyTo}} {
		for _, r := range f.text.refs {
			if s, ok := v.of(r).(string); ok && headertext.HasControl(s) {
				problems.add(automation.CodeUnsafeHeader, f.path, "variable %s contains a line break or another control character", r.name)
			}
		}
	}
	return problems.problems.Err("")
}

// checkReplyTo looks for addresses that a variable has added: a contact's name stands
// for a name. Where the template leaves the address itself to a variable there is
// nothing to compare with.
func (p *parts) checkReplyTo(v *values, addresses int) error {
	if addresses < 2 || len(p.replyTo.refs) == 0 {
		return nil
	}
	plain, err := p.replyTo.renderWith(v.plainOf)
	if err != nil {
		return err
	}
	meant, err := netmail.ParseAddressList(plain)
	if err != nil || len(meant) == addresses {
		return nil
	}
	var problems check
	problems.add(automation.CodeUnsafeHeader, "reply_to", "the variables make %d addresses of %d", addresses, len(meant))
	return problems.problems.Err("")
}

func mayHaveTags(source string) bool { return strings.Contains(source, "{{") }
