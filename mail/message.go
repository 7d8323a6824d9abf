// Package mail is what the mailers have in common: an email that is rendered and ready to
// be sent, from any renderer and by any transport, and the validation that keeps its
// header safe.
package mail

import (
	"context"
	"net/mail"
	"strings"
	"unicode/utf8"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/headertext"
	"github.com/seed-b636437c/automation/internal/weburl"
)

// Renderer renders the email of a send_email step. It must be safe for concurrent use.
// template.Library is a Renderer. A host with templates of its own implements this one
// method.
type Renderer interface {
	// RenderEmail renders the template of email for its contact. It marks errors that
	// another attempt would get again, such as a missing variable, with
	// automation.Permanent.
	RenderEmail(ctx context.Context, email automation.Email) (Message, error)
}

// Message is an email as it goes out.
type Message struct {
	// From and To are one address each, with or without a display name:
	// `Ada <ada@example.com>`.
	From, To string
	// ReplyTo is empty or a list of addresses, separated by commas.
	ReplyTo string
	// Subject is the subject line. It may be empty.
	Subject string
	// HTML and Text are the two forms of the body. One of them may be empty.
	HTML, Text string
	// UnsubscribeURL, if not empty, is put into the header for mail programs: a POST to
	// this URL unsubscribes with one click, as RFC 8058 specifies.
	UnsubscribeURL string
}

// Envelope holds the addresses of a Message.
type Envelope struct {
	From, To *mail.Address
	// ReplyTo is nil if the message has no Reply-To.
	ReplyTo []*mail.Address
}

// Check returns the addresses of a message that is safe and complete. Otherwise the
// error is a *automation.ValidationError that lists all problems, marked with
// automation.Permanent. Problems are a line break or another control character in any
// text of the header, an invalid address, a name, an address or a link that is too long
// for a line, and a missing body.
func (m Message) Check() (Envelope, error) {
	var c messageCheck
	var e Envelope
	e.From = c.address("from", m.From)
	e.To = c.address("to", m.To)
	if m.ReplyTo != "" {
		e.ReplyTo = c.addresses("reply_to", m.ReplyTo)
	}
	c.header("subject", m.Subject)
	c.link("unsubscribe_url", m.UnsubscribeURL)
	if m.HTML == "" && m.Text == "" {
		c.add(automation.CodeMissingField, "html", "there is neither HTML nor text: give one of them")
	}
	if err := c.problems.Err("email"); err != nil {
		return Envelope{}, automation.Permanent(err)
	}
	return e, nil
}

// Header returns the header fields that follow from UnsubscribeURL, or nil if
// UnsubscribeURL is empty.
func (m Message) Header() map[string]string {
	if m.UnsubscribeURL == "" {
		return nil
	}
	return map[string]string{
		"List-Unsubscribe":      "<" + m.UnsubscribeURL + ">",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
	}
}

// messageCheck validates a message and collects its problems.
type messageCheck struct{ problems automation.Problems }

func (c *messageCheck) add(code automation.Code, path, message string) {
	c.problems.Add(code, path, "%s", message)
}

// header reports whether text can stand in a header field.
func (c *messageCheck) header(path, text string) bool {
	switch {
	case strings.ContainsAny(text, "\r\n"):
		c.add(automation.CodeUnsafeHeader, path, "must not contain line breaks")
	case headertext.HasControl(text):
		c.add(automation.CodeUnsafeHeader, path, "must not contain control characters")
	case !utf8.ValidString(text):
		c.add(automation.CodeUnsafeHeader, path, "must be valid UTF-8")
	default:
		return true
	}
	return false
}

func (c *messageCheck) address(path, text string) *mail.Address {
	list := c.addresses(path, text)
	if len(list) > 1 {
		c.add(automation.CodeInvalidEmail, path, "must be one address")
	}
	if len(list) != 1 {
		return nil
	}
	return list[0]
}

// addresses looks for control characters first, because net/mail accepts a folded line as
// white space.
func (c *messageCheck) addresses(path, text string) []*mail.Address {
	if text == "" {
		c.add(automation.CodeMissingField, path, "is missing: the template or the step must name an address")
		return nil
	}
	if !c.header(path, text) {
		return nil
	}
	list, err := mail.ParseAddressList(text)
	if err != nil {
		c.add(automation.CodeInvalidEmail, path, "is not an email address; write name@example.com or Name <name@example.com>")
		return nil
	}
	for _, a := range list {
		// An encoded word can hide what its plain form must not contain.
		if !c.header(path, a.Name) || !c.header(path, a.Address) || !c.folds(path, a.Name) || !c.folds(path, a.Address) {
			return nil
		}
	}
	return list
}

// maxWord is how many bytes a word of a header field may have: a line can be broken only
// at a space, and has 998 bytes at most.
const maxWord = 900

// folds reports whether text can be broken into lines.
func (c *messageCheck) folds(path, text string) bool {
	for _, word := range strings.Fields(text) {
		if len(word) > maxWord {
			c.add(automation.CodeUnsafeHeader, path, "contains a word that is too long for a line of the header")
			return false
		}
	}
	return true
}

// link refuses a URL that would break out of its angle brackets.
func (c *messageCheck) link(path, text string) {
	if text == "" || !c.header(path, text) || !c.folds(path, text) {
		return
	}
	if _, ok := weburl.Parse(text); !ok || strings.ContainsFunc(text, outsideLink) {
		c.add(automation.CodeUnsafeHeader, path, "is not a web address that fits between angle brackets: encode what is not ASCII")
	}
}

// outsideLink reports whether r would end the link in a header, or be encoded there so
// that no mail program can follow the link.
func outsideLink(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' || r == ',' }
