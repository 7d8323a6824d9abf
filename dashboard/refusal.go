package dashboard

import (
	"context"
	"errors"
	"net/http"

	"github.com/seed-b636437c/automation"
)

// refusal is an error whose page has a heading and a sentence about the way out. Neither
// contains input that the person could not have meant to see.
type refusal struct {
	status  int
	heading string
	advice  string
}

func (f refusal) Error() string { return f.heading + ". " + f.advice }

// notFound is the refusal of an unknown id. It does not repeat the id.
func notFound(thing string) error {
	return refusal{http.StatusNotFound, "There is no such " + thing, "It may have been deleted, or the link may be incomplete. Search for it, or go back to the list."}
}

// named returns an error whose page names the thing that does not exist.
func named(err error, thing string) error {
	if errors.Is(err, automation.ErrNotFound) {
		return notFound(thing)
	}
	return err
}

// badInput is the refusal of a form or a query.
func badInput(heading, advice string) error {
	return refusal{http.StatusBadRequest, heading, advice}
}

// fail answers with the page of an error. It logs the errors that are not the person's.
func (x *exchange) fail(err error) {
	f := x.refusalOf(err)
	if f.status >= http.StatusInternalServerError {
		x.opts.Logger.Error("dashboard: request failed", "method", x.r.Method, "path", x.r.URL.Path, "error", err)
	}
	if err := x.render(f.status, "failure", page{Title: f.heading, Body: f}); err != nil {
		x.opts.Logger.Error("dashboard: the page of an error cannot be shown", "error", err)
		http.Error(x.w, "This page cannot be shown. The log of the application has the reason.", http.StatusInternalServerError)
	}
}

// Heading and Advice are for the page.
func (f refusal) Heading() string { return f.heading }

// Advice returns the sentence about the way out.
func (f refusal) Advice() string { return f.advice }

// refusalOf returns what the page of an error shows.
func (x *exchange) refusalOf(err error) refusal {
	var (
		f       refusal
		invalid *automation.ValidationError
		tooLong *http.MaxBytesError
	)
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &tooLong):
		return refusal{http.StatusRequestEntityTooLarge, "This is too large", "A form may have 1 MiB. Nothing was changed."}
	case errors.As(err, &invalid):
		return refusal{http.StatusUnprocessableEntity, "This is not valid", invalid.Error()}
	case errors.Is(err, automation.ErrNotFound):
		return notFound("page").(refusal)
	case errors.Is(err, automation.ErrConflict):
		return refusal{http.StatusConflict, "This changed in the meantime", "Reload the page, look at what changed, and try again. Nothing was changed."}
	case errors.Is(err, automation.ErrCatalog):
		return refusal{http.StatusServiceUnavailable, "Other processes do this now", "The automations have moved to other processes of the application. Reload the page, and try again. Nothing was changed."}
	case errors.Is(err, context.DeadlineExceeded):
		return refusal{http.StatusGatewayTimeout, "The database took too long", "Try again, or narrow the filter."}
	default:
		return refusal{http.StatusInternalServerError, "Something went wrong here", "The log of the application has the reason. Try again in a moment."}
	}
}

// unlessNotFound returns err, or nil if it means that there is no such thing.
func unlessNotFound(err error) error {
	if errors.Is(err, automation.ErrNotFound) {
		return nil
	}
	return err
}
