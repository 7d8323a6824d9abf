package resend

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	netmail "net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/jsondoc"
	"github.com/seed-b636437c/automation/mail"
)

// message is the body of POST /emails. For an empty field Resend uses the template's.
type message struct {
	From     string            `json:"from,omitempty"`
	To       []string          `json:"to"`
	ReplyTo  []string          `json:"reply_to,omitempty"`
	Subject  string            `json:"subject,omitempty"`
	HTML     string            `json:"html,omitempty"`
	Text     string            `json:"text,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
	Tags     []tag             `json:"tags,omitempty"`
	Template *template         `json:"template,omitempty"`
}

type tag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// template is a template at Resend.
type template struct {
	ID        string         `json:"id"`
	Variables map[string]any `json:"variables,omitempty"`
}

// compose makes the message, and refuses text that would break its header.
func (m *Mailer) compose(ctx context.Context, email automation.Email) (*message, error) {
	var out *message
	var err error
	if m.opts.Renderer == nil {
		out, err = m.remote(email)
	} else {
		out, err = m.rendered(ctx, email)
	}
	if err != nil {
		return nil, err
	}
	if !m.opts.OmitTags {
		out.Tags = tagsOf(email)
	}
	return out, nil
}

// rendered returns an email that the host's renderer makes.
func (m *Mailer) rendered(ctx context.Context, email automation.Email) (*message, error) {
	in, err := m.opts.Renderer.RenderEmail(ctx, email)
	if err != nil {
		return nil, fmt.Errorf("render %q: %w", email.TemplateID, err)
	}
	in.From = cmp.Or(in.From, m.opts.From)
	out, err := checked(in)
	if err != nil {
		return nil, err
	}
	out.HTML, out.Text = in.HTML, in.Text
	return out, nil
}

// remote returns an email that Resend renders from one of its templates.
func (m *Mailer) remote(email automation.Email) (*message, error) {
	in := mail.Message{From: cmp.Or(email.From, m.opts.From), To: email.To, ReplyTo: email.ReplyTo, Subject: email.Subject}
	if m.opts.Unsubscribe != nil {
		link, err := m.opts.Unsubscribe(email.Contact)
		if err != nil {
			return nil, fmt.Errorf("unsubscribe link: %w", err)
		}
		in.UnsubscribeURL = link
	}
	variables, err := variablesOf(email)
	if err != nil {
		return nil, err
	}
	// The body is the template's, and the sender may be, so an empty one is no problem.
	probe := in
	probe.From, probe.Text = cmp.Or(in.From, "template@example.com"), "of the template"
	out, err := checked(probe)
	if err != nil {
		return nil, err
	}
	out.From, out.Template = in.From, &template{ID: email.TemplateID, Variables: variables}
	return out, nil
}

// checked returns a message with the header fields of in, which it validates.
func checked(in mail.Message) (*message, error) {
	envelope, err := in.Check()
	if err != nil {
		return nil, err
	}
	out := &message{From: in.From, To: []string{in.To}, Subject: in.Subject, Headers: in.Header()}
	for _, a := range envelope.ReplyTo {
		out.ReplyTo = append(out.ReplyTo, written(a))
	}
	return out, nil
}

// quote makes a name a quoted string of an address.
var quote = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// written returns an address in the form that a person writes. Address.String would
// encode a name for a mail header, which Resend does itself, so it is used for the
// address without the name.
func written(a *netmail.Address) string {
	address := (&netmail.Address{Address: a.Address}).String() // <name@example.com>
	if a.Name == "" {
		return address[1 : len(address)-1]
	}
	return `"` + quote.Replace(a.Name) + `" ` + address
}

// reserved are the variables that Resend fills in from its own contacts. Resend refuses
// them in a request.
var reserved = []string{"FIRST_NAME", "LAST_NAME", "EMAIL", "UNSUBSCRIBE_URL", "RESEND_UNSUBSCRIBE_URL", "contact", "this"}

// variablesOf returns the variables in the types that Resend accepts: strings and numbers.
// The error lists the variables that Resend would refuse.
func variablesOf(email automation.Email) (map[string]any, error) {
	var problems automation.Problems
	add := func(name, text string) {
		problems.Add(automation.CodeInvalidConfig, jsondoc.PathTo("variables", name), "%s", text)
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(email.Variables)) {
		if slices.Contains(reserved, name) {
			add(name, "is a name that Resend fills in itself: use another one")
			continue
		}
		switch v := email.Variables[name].(type) {
		case nil: // the template's fallback applies
		case string, json.Number:
			out[name] = v
		case bool:
			out[name] = strconv.FormatBool(v)
		default:
			add(name, "is an object or a list: Resend takes strings and numbers")
		}
	}
	if err := problems.Err("template " + strconv.Quote(email.TemplateID)); err != nil {
		return nil, automation.Permanent(err)
	}
	return out, nil
}

// tagText is what Resend allows in the value of a tag.
var tagText = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

func tagsOf(email automation.Email) []tag {
	tags := []tag{{"automation_id", email.AutomationID}, {"run_id", email.RunID}, {"step_key", email.StepKey}}
	return slices.DeleteFunc(tags, func(t tag) bool { return !tagText.MatchString(t.Value) })
}
