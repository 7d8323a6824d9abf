package dashboard

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
)

// callHost calls a function of the host, which is the named one of the Options. If the function
// panics, the log has the panic, and the result is otherwise.
func callHost[T any](h *Handler, option string, otherwise T, function func() T) (result T) {
	defer func() {
		if reason := recover(); reason != nil {
			h.opts.Logger.Error("dashboard: a function of the host panicked", "option", option, "panic", reason, "stack", string(debug.Stack()))
			result = otherwise
		}
	}()
	return function()
}

// accessOf returns what the sender of r may do.
func (h *Handler) accessOf(r *http.Request) Access {
	if h.opts.AuthenticatedByHost {
		return AccessEdit
	}
	return callHost(h, "Access", AccessNone, func() Access { return h.opts.Access(r) })
}

// actorOf returns who sends r, or "" if that is unknown.
func (h *Handler) actorOf(r *http.Request) string {
	if h.opts.Actor == nil {
		return ""
	}
	return callHost(h, "Actor", "", func() string { return h.opts.Actor(r) })
}

// contactURL returns the link to the host's page about a contact, or "".
func (h *Handler) contactURL(c automation.Contact) string {
	if h.opts.ContactURL == nil {
		return ""
	}
	return callHost(h, "ContactURL", "", func() string { return h.opts.ContactURL(c) })
}

// redact returns what Options.Redact leaves of a value. If it panics, the value is hidden.
func (h *Handler) redact(field string, value any) any {
	if h.opts.Redact == nil {
		return value
	}
	return callHost(h, "Redact", any(hidden), func() any { return h.opts.Redact(field, value) })
}

// errPanicked is the error of a function of the host that panicked. The log has the panic.
var errPanicked = errors.New("the application's code panicked")

// sentEmail returns an email of Options.SentEmails, which must not be nil.
func (h *Handler) sentEmail(ctx context.Context, id string) (mail.Message, error) {
	type result struct {
		message mail.Message
		err     error
	}
	r := callHost(h, "SentEmails", result{err: errPanicked}, func() (r result) {
		r.message, r.err = h.opts.SentEmails.SentEmail(ctx, id)
		return r
	})
	return r.message, r.err
}

// eraseSent erases the emails to an address from Options.SentEmails, which must be a copyEraser.
func (h *Handler) eraseSent(ctx context.Context, email string) error {
	return callHost(h, "SentEmails", errPanicked, func() error {
		_, err := h.opts.SentEmails.(copyEraser).Erase(ctx, email)
		return err
	})
}

// redactEmail returns what Options.RedactEmail leaves of an email. It reports false if the
// email is hidden.
func (h *Handler) redactEmail(m mail.Message) (mail.Message, bool) {
	if h.opts.RedactEmail == nil {
		return m, true
	}
	type result struct {
		message mail.Message
		shown   bool
	}
	r := callHost(h, "RedactEmail", result{}, func() (r result) {
		r.message, r.shown = h.opts.RedactEmail(m)
		return r
	})
	return r.message, r.shown
}
