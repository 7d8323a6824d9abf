package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/seed-b636437c/automation"
)

// errorName is the kind of an error, for clients to branch on. The names are Resend's:
// some clients take an answer with a name that they do not know for success. Resend has
// no name for a conflict with an object that exists, so such a conflict is a
// validation_error with the status 409.
type errorName string

const (
	nameMissingKey errorName = "missing_api_key"
	nameInvalidKey errorName = "invalid_api_key"
	nameRestricted errorName = "restricted_api_key"
	nameInvalid    errorName = "validation_error"
	nameMissing    errorName = "missing_required_field"
	nameNotFound   errorName = "not_found"
	nameMethod     errorName = "method_not_allowed"
	nameKeyReused  errorName = "invalid_idempotent_request"
	nameRateLimit  errorName = "rate_limit_exceeded"
	nameInternal   errorName = "application_error"
)

// failure is an error in the form that a client gets.
type failure struct {
	Status  int       `json:"statusCode"`
	Name    errorName `json:"name"`
	Message string    `json:"message"`
}

func (f *failure) Error() string { return f.Message }

var (
	errMissingKey = &failure{http.StatusUnauthorized, nameMissingKey, "the request has no API key: send the header Authorization: Bearer KEY"}
	errInvalidKey = &failure{http.StatusForbidden, nameInvalidKey, "the API key is invalid"}
	errRestricted = &failure{http.StatusUnauthorized, nameRestricted, "the API key may only send events"}
)

// flawed returns an error with one problem, of what is at path in the request.
func flawed(code automation.Code, path, message string) error {
	var problems automation.Problems
	problems.Add(code, path, "%s", message)
	return problems.Err("request")
}

// invalid is a failure about what is at path in the request.
func invalid(path, format string, args ...any) *failure {
	message := fmt.Sprintf(format, args...)
	if path != "" {
		message = path + ": " + message
	}
	return &failure{http.StatusUnprocessableEntity, nameInvalid, message}
}

// absent turns an error that wraps ErrNotFound into a failure that names the missing
// object, without any text of a store or a host.
func absent(err error, kind, id string) error {
	if errors.Is(err, automation.ErrNotFound) {
		return &failure{http.StatusNotFound, nameNotFound, fmt.Sprintf("there is no %s %q", kind, id)}
	}
	return err
}

// taken turns an error that wraps ErrConflict into a failure with this message.
func taken(err error, format string, args ...any) error {
	if errors.Is(err, automation.ErrConflict) {
		return &failure{http.StatusConflict, nameInvalid, fmt.Sprintf(format, args...)}
	}
	return err
}

// reused turns an error that wraps ErrConflict into the failure of an event whose
// idempotency key another event has.
func reused(err error, key string) error {
	if errors.Is(err, automation.ErrConflict) {
		return &failure{http.StatusConflict, nameKeyReused, fmt.Sprintf("the idempotency key %q was used for another event before", key)}
	}
	return err
}

// known returns err in the form that the client may get, or nil for an error of the
// server, which the client must not get.
func known(err error) *failure {
	var f *failure
	var flawed *automation.ValidationError
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &flawed):
		return validation(flawed.Problems)
	case errors.As(err, &tooLong):
		return &failure{http.StatusRequestEntityTooLarge, nameInvalid, fmt.Sprintf("the body is too long: at most %d bytes are allowed", tooLong.Limit)}
	case errors.Is(err, automation.ErrNotFound):
		return &failure{http.StatusNotFound, nameNotFound, "what the request names does not exist"}
	case errors.Is(err, automation.ErrConflict):
		return &failure{http.StatusConflict, nameInvalid, "it was changed by another caller at the same time: try again"}
	case errors.Is(err, errors.ErrUnsupported):
		return &failure{http.StatusNotImplemented, nameInternal, "contacts live in a table of the application, which does not offer this"}
	default:
		return nil
	}
}

// unbounded turns a *automation.ValidationError about the query of a request into a failure.
func unbounded(err error) error {
	var flawed *automation.ValidationError
	if errors.As(err, &flawed) {
		return validation(flawed.Problems)
	}
	return err
}

// maxProblems is how many problems a message lists: a short body can have very many.
const maxProblems = 100

// validation lists all problems in one message, because clients show nothing else.
func validation(problems automation.Problems) *failure {
	f := &failure{Status: http.StatusUnprocessableEntity, Name: nameMissing}
	texts := make([]string, min(len(problems), maxProblems))
	for i, p := range problems[:len(texts)] {
		texts[i] = sentence(p)
		switch {
		case p.Code == automation.CodeSyntax && p.Path == "":
			f.Status, f.Name = http.StatusBadRequest, nameInvalid
			texts[i] = "the body is not JSON: " + texts[i]
		case p.Code != automation.CodeMissingField:
			f.Name = nameInvalid
		}
	}
	f.Message = strings.Join(texts, "; ")
	switch n := len(problems); {
	case n > maxProblems:
		f.Message = fmt.Sprintf("more than %d problems: %s", maxProblems, f.Message)
	case n > 1:
		f.Message = fmt.Sprintf("%d problems: %s", n, f.Message)
	}
	return f
}

// sentence returns the message of a problem with its path. The path names the field of a
// step that is wrong: a problem of a step does not include its path in String.
func sentence(p automation.Problem) string {
	text := p.String()
	if p.Path == "" || strings.HasPrefix(text, p.Path+": ") {
		return text
	}
	return p.Path + ": " + text
}

// problemsOf returns the problems of a document that is valid JSON from the error about
// that document, and returns every other error as it is.
func problemsOf(err error) (automation.Problems, error) {
	var flawed *automation.ValidationError
	if !errors.As(err, &flawed) || validation(flawed.Problems).Status == http.StatusBadRequest {
		return nil, err
	}
	return flawed.Problems, nil
}

// edit returns err with its problems changed, if err has problems: some fields have other
// names in the API than in the Runner.
func edit(err error, change func(*automation.Problem)) error {
	var flawed *automation.ValidationError
	if !errors.As(err, &flawed) {
		return err
	}
	problems := slices.Clone(flawed.Problems)
	for i := range problems {
		change(&problems[i])
	}
	return problems.Err(flawed.Subject)
}
