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

// RenderEmail implements mail.Renderer. It renders the published version of the template
// that the step names, for the contact of the step. The step's From, Subject and ReplyTo
// take precedence over the template's and may contain variables too. A variable of the
// step that the template does not use is ignored.
//
// All errors are marked with automation.Permanent, because another attempt would get them
// again, except for errors of Options.UnsubscribeURL, which the host marks itself. The
// error wraps automation.ErrNotFound if there is no such template. It is one
// *automation.ValidationError that lists all problems of the variables or the addresses.
func (l *Library) RenderEmail(_ context.Context, email automation.Email) (mail.Message, error) {
	c, err := l.published(email.TemplateID)
	if err != nil {
		return mail.Message{}, automation.Permanent(err)
	}
	return l.render(c, email, "")
}

// Sample holds the data of a preview.
type Sample struct {
	// Contact is the recipient. An empty ID or Email is replaced by an invented one,
	// so that the unsubscribe link belongs to no contact.
	Contact automation.Contact
	// Variables are the variables that a step would give.
	Variables map[string]any
	// From, Subject and ReplyTo override those of the template, as those of a step do.
	From, Subject, ReplyTo string
	// UnsubscribeURL, if it is not empty, stands in the texts in place of the link that
	// Options.UnsubscribeURL would make. Such a preview can be shown to people who must not
	// have the contact's link, with "#" for example. The message then has no
	// UnsubscribeURL.
	UnsubscribeURL string
	// Published renders the published version instead of the draft.
	Published bool
}

// Preview renders the draft of a template without sending an email. Its errors are those
// of RenderEmail.
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
	return l.render(c, automation.Email{
		To: sample.Contact.Email, Contact: sample.Contact, Variables: sample.Variables,
		From: sample.From, Subject: sample.Subject, ReplyTo: sample.ReplyTo,
	}, sample.UnsubscribeURL)
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

// render holds no lock, because it calls a function of the host. An unsubscribe link that is
// given stands for the contact's own.
func (l *Library) render(c *compiled, email automation.Email, unsubscribe string) (mail.Message, error) {
	subject := "template " + jsondoc.Quote(cmp.Or(email.TemplateID, c.id)) // the name that the step has for it
	c, err := c.with(email)
	if err != nil {
		return mail.Message{}, automation.Permanent(fmt.Errorf("%s: %w", subject, err))
	}
	v, problems := c.values(email)
	if err := problems.Err(subject); err != nil {
		return mail.Message{}, automation.Permanent(err)
	}
	m := mail.Message{To: email.To}
	if v.unsubscribe = unsubscribe; unsubscribe == "" && c.parts.use(ref.isUnsubscribeURL) {
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

// values returns the values of an email, and validates the variables of its step: their
// types, and that none is missing.
func (c *compiled) values(email automation.Email) (*values, automation.Problems) {
	var problems check
	v := &values{given: make(map[string]any, len(email.Variables)), fallbacks: c.fallbacks, contact: email.Contact}
	for _, name := range slices.Sorted(maps.Keys(email.Variables)) {
		value, path := email.Variables[name], jsondoc.PathTo("variables", name)
		need := slices.IndexFunc(c.needs, func(n Need) bool { return n.Key == name })
		switch {
		case !(ref{name: name}).isVariable():
			problems.add(CodeInvalidVariable, path, "the name is reserved: the library fills it in")
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
			problems.add(automation.CodeMissingField, jsondoc.PathTo("variables", n.Key), "has no value and no fallback")
		}
	}
	return v, problems.problems
}

// fill renders all fields of the message and validates the message.
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

// checkHeaders looks for line breaks in variables. Message.Check would find them too, but
// cannot name the variable.
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

// checkReplyTo looks for addresses that a variable added: the name of a contact must not
// add an address. If a variable is the whole address, there is nothing to compare with.
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
