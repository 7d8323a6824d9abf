package dashboard

import (
	"context"
	"errors"
	"html"
	"net/http"
	"strings"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// emailCopy is what Options.SentEmails has of an email.
type emailCopy struct {
	Message mail.Message // as the pages may show it
	Found   bool
	// Why is why there is no copy to show, for people. It is empty if there is one.
	Why string
}

// copyOf returns the copy of an email, by the id that the Mailer gave the email. It makes no
// call of the store.
func (x *exchange) copyOf(id string) emailCopy {
	switch {
	case x.opts.SentEmails == nil:
		return emailCopy{Why: "No copy of an email is kept."}
	case x.opts.Redact != nil && x.opts.RedactEmail == nil:
		return emailCopy{Why: "Copies of emails are not shown, because they may have what is hidden on these pages."}
	case id == "":
		return emailCopy{Why: "The email has no id by which a copy could be found."}
	}
	message, err := x.copies.get(id, x.opts.Clock.Now(), x.readCopy)
	switch {
	case errors.Is(err, automation.ErrNotFound):
		return emailCopy{Why: "There is no copy of this email, or not any more."}
	case err != nil:
		return emailCopy{Why: "The copy of this email could not be read. The log of the application has the reason."}
	}
	message, ok := x.redactEmail(withoutUnsubscribing(message))
	if !ok {
		return emailCopy{Why: "The copy of this email is hidden."}
	}
	return emailCopy{Message: message, Found: true}
}

// readCopy reads a copy, for Options.Timeout at most.
func (x *exchange) readCopy(id string) (mail.Message, error) {
	ctx, cancel := x.reading()
	defer cancel()
	message, err := x.sentEmail(ctx, id)
	if unlessNotFound(err) != nil {
		x.opts.Logger.Error("dashboard: the copy of an email cannot be read", "email_id", id, "error", err)
	}
	return message, err
}

// withoutUnsubscribing returns an email whose link to unsubscribe leads nowhere, as in
// previews: whoever opens the email here is not the contact.
func withoutUnsubscribing(m mail.Message) mail.Message {
	if m.UnsubscribeURL == "" {
		return m
	}
	links := strings.NewReplacer(m.UnsubscribeURL, noUnsubscribe, html.EscapeString(m.UnsubscribeURL), noUnsubscribe)
	m.HTML, m.Text = links.Replace(m.HTML), links.Replace(m.Text)
	return m
}

// copyEraser is what SentEmails may implement, as *archive.Archive does.
type copyEraser interface {
	// Erase removes the emails to an address for good, and returns how many copies it removed.
	Erase(ctx context.Context, email string) (int, error)
}

// erasesCopies reports whether Options.SentEmails can erase copies.
func (h *Handler) erasesCopies() bool {
	_, ok := h.opts.SentEmails.(copyEraser)
	return ok
}

// eraseTimeout bounds how long the copies of a contact's emails may take to erase.
const eraseTimeout = time.Minute

// eraseCopies erases the copies of a contact's emails, if Options.SentEmails can. The contact
// is erased, so a person who leaves the page does not end it.
func (x *exchange) eraseCopies(email string) error {
	if email == "" || !x.erasesCopies() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.ctx), eraseTimeout)
	defer cancel()
	x.copies.forget()
	if err := x.eraseSent(ctx, email); err != nil {
		x.opts.Logger.Error("dashboard: the copies of a contact's emails cannot be erased", "error", err)
		return refusal{http.StatusInternalServerError, "The contact is erased, but the copies of its emails are not",
			"The log of the application has the reason. Note the address that you typed: a developer must repeat this with Erase of Options.SentEmails."}
	}
	return nil
}
