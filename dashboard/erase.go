package dashboard

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/seed-b636437c/automation"
)

// erasePage is the page before a contact is erased.
type erasePage struct {
	ID, Confirm string // what must be typed: the email, or the id if there is none
	Contact     template.URL
	Typed       string
	Problem     string
	Busy        bool // a Runner works on the contact
	Runs        part[string]
	Events      part[string]
	Copies      bool // of its emails are erased too
	Elsewhere   bool // there are copies that cannot be erased from here
}

// askErase shows what erasing a contact removes.
func (x *exchange) askErase() error {
	c, err := x.findContact()
	if err != nil {
		return err
	}
	return x.showErase(http.StatusOK, c, erasePage{})
}

// showErase shows what erasing removes, with the numbers.
func (x *exchange) showErase(status int, c automation.Contact, body erasePage) error {
	const most = 100
	body.Copies = x.erasesCopies()
	body.Elsewhere = x.opts.SentEmails != nil && !body.Copies
	body.ID, body.Confirm, body.Contact = c.ID, cmp.Or(c.Email, c.ID), x.to.To("contacts", c.ID)
	body.Runs = read(x, func(ctx context.Context) (string, error) {
		found, err := x.runner.ListRuns(ctx, automation.RunQuery{ContactID: c.ID, PageQuery: automation.PageQuery{Limit: most}})
		return atLeast(len(found.Data), found.HasMore, "run"), err
	})
	body.Events = read(x, func(ctx context.Context) (string, error) {
		found, err := x.runner.ListEvents(ctx, automation.EventQuery{Contact: automation.ContactRef{ID: c.ID}, PageQuery: automation.PageQuery{Limit: most}})
		return atLeast(len(found.Data), found.HasMore, "event"), err
	})
	return x.render(status, "erase", page{Title: "Erase " + body.Confirm, Section: "Contacts", Body: body})
}

// errNotConfirmed is why a contact was not erased, in the audit.
var errNotConfirmed = errors.New("what was typed to confirm is not the email of the contact")

// atLeast returns how many things there are, as far as they were counted.
func atLeast(n int, more bool, thing string) string {
	text := strconv.Itoa(n) + " " + thing
	if n != 1 {
		text += "s"
	}
	if more {
		return "more than " + text
	}
	return text
}

// erase erases a contact, if the person has typed its email.
func (x *exchange) erase() error {
	c, err := x.findContact()
	if err != nil {
		return err
	}
	body := erasePage{Typed: strings.TrimSpace(x.formValue("confirm"))}
	if want := cmp.Or(c.Email, c.ID); automation.EmailKey(body.Typed) != automation.EmailKey(want) {
		x.audit(eraseAction, c.ID, errNotConfirmed)
		body.Problem = "This is not " + want + ". Nothing was erased."
		return x.showErase(http.StatusUnprocessableEntity, c, body)
	}
	err = x.runner.EraseContact(x.ctx, automation.ContactRef{ID: c.ID})
	if err == nil {
		err = x.eraseCopies(c.Email)
	}
	x.audit(eraseAction, c.ID, err)
	if errors.Is(err, automation.ErrConflict) {
		body.Busy = true
		return x.showErase(http.StatusConflict, c, body)
	}
	if err != nil {
		return err
	}
	return x.done(x.to.To("contacts"), "contact-erased")
}
