package dashboard

import (
	"net/http"
	"runtime/debug"

	"github.com/seed-b636437c/automation"
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
