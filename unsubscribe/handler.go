package unsubscribe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/options"
	"github.com/seed-b636437c/automation/internal/redact"
)

const (
	// maxBodyBytes is much more than a form of one field needs.
	maxBodyBytes = 4 << 10
	// updateTimeout bounds an update, which continues after the client is gone.
	updateTimeout = 30 * time.Second
)

// The values of the form field "action".
const (
	actionUnsubscribe = "unsubscribe"
	actionResubscribe = "resubscribe"
)

// Contacts reads and updates contacts for a Handler. *automation.Runner implements it, for
// contacts in its store and for contacts in the host's own table. It must be safe for
// concurrent use.
type Contacts interface {
	// GetContact returns a contact. The error wraps automation.ErrNotFound if there
	// is no such contact.
	GetContact(ctx context.Context, ref automation.ContactRef) (automation.Contact, error)
	// UpdateContact changes a contact. The error wraps automation.ErrNotFound if
	// there is no such contact.
	UpdateContact(ctx context.Context, id string, change automation.ContactChange) (automation.Contact, error)
}

var _ Contacts = (*automation.Runner)(nil)

// Handler serves the page behind the links. GET and HEAD show the state of the contact.
// POST unsubscribes: with the body that RFC 8058 prescribes for one click, with any other
// form, and without a body. Only a field action=resubscribe subscribes again, and an
// unknown action is refused with 400. Repeating a request changes nothing more.
//
// A Handler reads the token from the query, so it works under any path. It needs no
// cookie, no script and no redirect. The answer to a damaged or forged link is 400, to an
// expired link 410, both without reading contacts. For a contact that was deleted the
// answer is 200, because that contact gets no more email, as requested. If contacts cannot
// be reached, the answer is 503, and the error is logged. A Handler is safe for concurrent
// use.
type Handler struct {
	links    *Links
	contacts Contacts
	opts     Options
	page     *page
}

// NewHandler returns the Handler of these links. The error is an
// *automation.ValidationError that lists all invalid arguments.
func NewHandler(links *Links, contacts Contacts, opts Options) (*Handler, error) {
	var problems automation.Problems
	c := optionCheck{options.New(&problems, automation.CodeInvalidOption)}
	opts = opts.withDefaults(c)
	if links == nil {
		c.Add("links", "is required")
	}
	c.Required("contacts", contacts)
	if err := problems.Err("unsubscribe page"); err != nil {
		return nil, err
	}
	page, err := newPage(opts)
	if err != nil {
		return nil, err
	}
	return &Handler{links: links, contacts: contacts, opts: opts, page: page}, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.page.write(w, h.answer(w, r)); err != nil {
		h.opts.Logger.WarnContext(r.Context(), "unsubscribe: page not written", "error", redact.Error(err))
	}
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request) state {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		return state{Code: http.StatusMethodNotAllowed, Status: h.opts.Text.Refused}
	}
	id, err := h.links.open(r.URL.Query().Get(tokenParameter))
	switch {
	case errors.Is(err, errExpired):
		return state{Code: http.StatusGone, Status: h.opts.Text.Expired}
	case err != nil:
		return state{Code: http.StatusBadRequest, Status: h.opts.Text.Damaged}
	case r.Method == http.MethodPost:
		return h.change(w, r, id)
	default:
		return h.show(r.Context(), id)
	}
}

func (h *Handler) show(ctx context.Context, id string) state {
	c, err := h.contacts.GetContact(ctx, automation.ContactRef{ID: id})
	if err != nil {
		return h.failed(ctx, id, err)
	}
	return h.current(c.Unsubscribed)
}

// change performs the action of a POST.
func (h *Handler) change(w http.ResponseWriter, r *http.Request, id string) state {
	r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
	action, err := formAction(r)
	if err != nil {
		return h.refused(err)
	}
	unsubscribed := action == actionUnsubscribe
	// The update continues if the client is gone: the contact must be unsubscribed.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), updateTimeout)
	defer cancel()
	if _, err := h.contacts.UpdateContact(ctx, id, automation.ContactChange{Unsubscribed: &unsubscribed}); err != nil {
		return h.failed(ctx, id, err)
	}
	return h.current(unsubscribed)
}

var errUnknownAction = errors.New("unknown action")

// formAction returns the action in the form of a POST. Mail programs send
// List-Unsubscribe=One-Click, as either kind of form; some send no body.
func formAction(r *http.Request) (string, error) {
	// ParseForm would refuse a query with an invalid parameter beside the token.
	r = &http.Request{Method: r.Method, Header: r.Header, Body: r.Body, URL: &url.URL{}}
	if err := r.ParseForm(); err != nil {
		return "", err
	}
	if err := r.ParseMultipartForm(maxBodyBytes); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return "", err
	}
	switch action := r.PostForm.Get("action"); action {
	case "":
		return actionUnsubscribe, nil
	case actionUnsubscribe, actionResubscribe:
		return action, nil
	default:
		return "", errUnknownAction
	}
}

// refused is the answer to an invalid body.
func (h *Handler) refused(err error) state {
	code := http.StatusBadRequest
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		code = http.StatusRequestEntityTooLarge
	}
	return state{Code: code, Status: h.opts.Text.Refused}
}

// failed is the answer if a contact cannot be read or updated. A contact that was deleted
// is no failure: the mail provider must see that it gets no more email.
func (h *Handler) failed(ctx context.Context, id string, err error) state {
	if errors.Is(err, automation.ErrNotFound) {
		return state{Code: http.StatusOK, Status: h.opts.Text.Gone}
	}
	h.opts.Logger.ErrorContext(ctx, "unsubscribe: contact not reached", "contact", id, "error", redact.Error(err))
	return state{Code: http.StatusServiceUnavailable, Status: h.opts.Text.Failed}
}

// current shows the state of the contact, with a button for the opposite.
func (h *Handler) current(unsubscribed bool) state {
	t := h.opts.Text
	if unsubscribed {
		return state{http.StatusOK, t.Unsubscribed, &button{actionResubscribe, t.Resubscribe}}
	}
	return state{http.StatusOK, t.Subscribed, &button{actionUnsubscribe, t.Unsubscribe}}
}
