package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/redact"
)

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w      http.ResponseWriter
	r      *http.Request
	caller *caller // unknownCaller until the key is checked
}

// answer performs the request and writes the answer.
func (x *exchange) answer(res resource) {
	defer x.rescue()
	status, body, err := x.perform(res)
	if err != nil {
		x.fail(err)
		return
	}
	respond(x.w, status, body)
}

// perform performs the request and returns the answer's status and body.
func (x *exchange) perform(res resource) (int, []byte, error) {
	op, err := x.admit(res)
	if err != nil {
		return 0, nil, err
	}
	answer, err := op.do(x.signed())
	if err != nil {
		return 0, nil, err
	}
	body, err := encode(answer)
	return op.status, body, err
}

// signed returns the request with the caller as its actor, unless the host has named one or
// authenticates the callers itself.
func (x *exchange) signed() *http.Request {
	ctx := x.r.Context()
	if x.keys.host != nil || automation.ActorFrom(ctx) != "" {
		return x.r
	}
	return x.r.WithContext(automation.WithActor(ctx, x.caller.name))
}

// admit returns the operation of the request, if the caller may call it now.
func (x *exchange) admit(res resource) (operation, error) {
	if op, _ := res.find(x.r.Method); op.open {
		return op, nil
	}
	caller, err := x.keys.caller(x.r)
	if err != nil {
		return operation{}, err
	}
	x.caller = caller
	if err := caller.throttle(x.w.Header(), x.opts.Clock.Now()); err != nil {
		return operation{}, err
	}
	op, err := res.operation(x.w.Header(), x.r.Method)
	switch {
	case err != nil:
		return op, err
	case !caller.may(op):
		return op, errRestricted
	default:
		return op, op.checkQuery(x.r)
	}
}

// fail answers a request that has failed.
func (x *exchange) fail(err error) {
	f := known(err)
	if f == nil || x.reads() && errors.Is(err, automation.ErrInvalid) {
		f = x.internal(err) // a request without a body cannot be the invalid part
	}
	if f.Status == http.StatusUnauthorized {
		x.w.Header().Set("WWW-Authenticate", "Bearer")
	}
	body, _ := encode(f) // a failure holds only texts and a number, so encoding cannot fail
	respond(x.w, f.Status, body)
}

// reads reports whether the body of the request is ignored.
func (x *exchange) reads() bool {
	return x.r.Method != http.MethodPost && x.r.Method != http.MethodPatch
}

// internal logs err and returns a failure with the id of the log entry, which is all that
// the client may get. The log has the pattern of the path instead of the path, which may
// contain an email address.
func (x *exchange) internal(err error) *failure {
	id, ctx := rand.Text(), x.r.Context()
	if !errors.Is(ctx.Err(), context.Canceled) { // a cancelled context means that the client is gone, which is no failure of the server
		x.opts.Logger.ErrorContext(ctx, "request failed",
			"request_id", id, "method", x.r.Method, "path", x.r.Pattern, "key", x.caller.name, "error", redact.Error(err))
	}
	message := "something went wrong on the server"
	if errors.Is(err, context.DeadlineExceeded) {
		message = "the request took too long"
	}
	return &failure{http.StatusInternalServerError, nameInternal, fmt.Sprintf("%s; request %s", message, id)}
}

// rescue answers a request whose handling panicked.
func (x *exchange) rescue() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	x.fail(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
}
