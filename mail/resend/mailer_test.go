package resend_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/resend"
	"github.com/seed-b636437c/automation/mail/template"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const apiKey = "re_123456789"

// request is a request that the server got.
type request struct {
	method, path string
	header       http.Header
	body         string
}

// api is a server that answers like Resend and remembers its requests.
type api struct {
	t      *testing.T
	server *httptest.Server
	answer http.HandlerFunc // set it before the first request
	// inspected, if set, answers the requests about templates, which are not remembered.
	inspected http.HandlerFunc

	mu       sync.Mutex
	requests []request
}

func newAPI(t *testing.T, answer http.HandlerFunc) *api {
	t.Helper()
	a := &api{t: t, answer: answer}
	a.server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.server.Close)
	return a
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && a.inspected != nil {
		a.inspected(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	assert.NoError(a.t, err)
	a.mu.Lock()
	a.requests = append(a.requests, request{r.Method, r.URL.EscapedPath(), r.Header, string(body)})
	a.mu.Unlock()
	a.answer(w, r)
}

// all returns the requests, oldest first.
func (a *api) all() []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// asked returns the only request.
func (a *api) asked() request {
	a.t.Helper()
	all := a.all()
	require.Len(a.t, all, 1)
	return all[0]
}

func (a *api) mailer(opts resend.Options) *resend.Mailer {
	a.t.Helper()
	if opts.BaseURL == "" {
		opts.BaseURL = a.server.URL
	}
	m, err := resend.New(apiKey, opts)
	require.NoError(a.t, err)
	return m
}

// says returns a handler that answers with a status, a body and header fields, by name and value.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

var accepts = says(http.StatusOK, `{"id":"49a3999c-0ce1-4ea6-ab68-afcd6dc2e794"}`)

// welcome is an email to Ada, from a template.
func welcome() automation.Email {
	return automation.Email{
		IdempotencyKey: "run/run-1/welcome", AutomationID: "auto-1", RunID: "run-1", StepKey: "welcome", Attempt: 1,
		To: "ada@example.com", Contact: automation.Contact{ID: "contact-1", Email: "ada@example.com"}, TemplateID: "order-confirmation",
	}
}

// renderer renders every email as the same message.
type renderer struct {
	message mail.Message
	err     error
}

func (r renderer) RenderEmail(context.Context, automation.Email) (mail.Message, error) {
	return r.message, r.err
}

func greeting() mail.Message {
	return mail.Message{
		From: "Acme <hello@acme.example>", To: "ada@example.com", Subject: "Grüße & <Küsse>",
		HTML: "<p>Hello</p>", Text: "Hello", UnsubscribeURL: "https://acme.example/unsubscribe?t=1",
		ReplyTo: `help@acme.example, "Müller, Jörg" <j@acme.example>, Sales <s@acme.example>, "say \"hi\"" <h@acme.example>`,
	}
}

func unsubscribeLink(c automation.Contact) (string, error) {
	return "https://acme.example/unsubscribe?t=" + c.ID, nil
}

func TestSendEmail_MakesTheDocumentedRequest(t *testing.T) {
	t.Parallel()
	full := welcome()
	full.From, full.Subject, full.ReplyTo = "Acme <hello@acme.example>", "Your order", "help@acme.example"
	full.Variables = map[string]any{
		"PRODUCT": `A "<b>" & ü`, "PRICE": json.Number("12345678901234567890.10"), "PAID": true, "NOTE": nil,
	}
	odd := welcome()
	odd.AutomationID, odd.StepKey = "grüße", "a step"
	tests := map[string]struct {
		email automation.Email
		opts  resend.Options
	}{
		"template":           {welcome(), resend.Options{}},
		"template_overrides": {full, resend.Options{From: "other@acme.example", Unsubscribe: unsubscribeLink}},
		"template_from":      {welcome(), resend.Options{From: "Acme <hello@acme.example>", OmitTags: true}},
		"rendered":           {welcome(), resend.Options{Renderer: renderer{message: greeting()}, From: "other@acme.example"}},
		"rendered_least":     {odd, resend.Options{Renderer: renderer{message: mail.Message{To: "ada@example.com", Text: "Hi"}}, From: "hello@acme.example"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, accepts)
			id, err := a.mailer(tt.opts).SendEmail(t.Context(), tt.email)
			require.NoError(t, err)
			assert.Equal(t, "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794", id)
			asked := a.asked()
			assert.Equal(t, "POST /emails", asked.method+" "+asked.path)
			golden(t, name+".json", asked.body)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, []byte(got), "", "  "))
	if *update {
		require.NoError(t, os.WriteFile(path, indented.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), indented.String())
}

func TestSendEmail_SetsTheHeader(t *testing.T) {
	t.Parallel()
	a := newAPI(t, accepts)
	_, err := a.mailer(resend.Options{BaseURL: a.server.URL + "/v1/"}).SendEmail(t.Context(), welcome())
	require.NoError(t, err)
	asked := a.asked()
	assert.Equal(t, "/v1/emails", asked.path)
	asked.header.Del("Content-Length")
	asked.header.Del("Accept-Encoding")
	assert.Equal(t, http.Header{
		"Authorization":   {"Bearer " + apiKey},
		"Content-Type":    {"application/json"},
		"Accept":          {"application/json"},
		"User-Agent":      {"automation-go"},
		"Idempotency-Key": {"run/run-1/welcome"},
	}, asked.header)
}

func TestSendEmail_KeysFitIntoTheHeader(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("k", 256)
	seen := map[string]bool{}
	for key, kept := range map[string]bool{
		longest: true, longest + "k": false, longest + "l": false, "run/1/schön": false, "run/1/a step": false, "run/1/\n": false,
	} {
		a := newAPI(t, accepts)
		e := welcome()
		e.IdempotencyKey = key
		_, err := a.mailer(resend.Options{}).SendEmail(t.Context(), e)
		require.NoError(t, err)
		got := a.asked().header.Get("Idempotency-Key")
		assert.Equal(t, kept, got == key)
		assert.Regexp(t, `^(k{256}|sha256/[0-9a-f]{64})$`, got)
		assert.False(t, seen[got], "different keys stay different")
		seen[got] = true
	}
	a := newAPI(t, accepts)
	_, err := a.mailer(resend.Options{}).SendEmail(t.Context(), automation.Email{To: "ada@example.com", TemplateID: "t"})
	require.NoError(t, err)
	assert.NotContains(t, a.asked().header, "Idempotency-Key")
}

func TestSendEmail_SucceedsWithoutID(t *testing.T) {
	t.Parallel()
	for _, answer := range []http.HandlerFunc{says(200, ""), says(204, ""), says(201, "{}"), says(200, "<html>"), says(200, `{"id":7}`), cutOff} {
		id, err := newAPI(t, answer).mailer(resend.Options{}).SendEmail(t.Context(), welcome())
		require.NoError(t, err)
		assert.Empty(t, id)
	}
}

// cutOff accepts a request and breaks off its answer.
func cutOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, `{"id":"4`)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func TestSendEmail_RefusesTextThatBreaksTheHeader(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(e *automation.Email, o *resend.Options)
		want   string
	}{
		"to":      {func(e *automation.Email, _ *resend.Options) { e.To = "ada@example.com\r\nBcc: eve@example.com" }, "to: "},
		"from":    {func(e *automation.Email, _ *resend.Options) { e.From = "Acme\n <a@example.com>" }, "from: "},
		"subject": {func(e *automation.Email, _ *resend.Options) { e.Subject = "Hi\r\nBcc: eve@example.com" }, "subject: "},
		"replies": {func(e *automation.Email, _ *resend.Options) { e.ReplyTo = "nobody" }, "reply_to: "},
		"no body": {func(_ *automation.Email, o *resend.Options) {
			o.Renderer = renderer{message: mail.Message{From: "a@example.com", To: "b@example.com"}}
		}, "html: "},
		"link": {func(_ *automation.Email, o *resend.Options) {
			o.Unsubscribe = func(automation.Contact) (string, error) { return "https://example.com/>\r\n", nil }
		}, "unsubscribe_url: "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t, accepts)
			e, opts := welcome(), resend.Options{}
			tt.change(&e, &opts)
			_, err := a.mailer(opts).SendEmail(t.Context(), e)
			require.ErrorIs(t, err, automation.ErrPermanent)
			require.ErrorIs(t, err, automation.ErrInvalid)
			assert.ErrorContains(t, err, "resend: automation: email: "+tt.want)
			assert.NotContains(t, err.Error(), "eve@example.com")
			assert.Empty(t, a.all())
		})
	}
}

func TestSendEmail_RefusesVariablesThatResendRefuses(t *testing.T) {
	t.Parallel()
	a := newAPI(t, accepts)
	e := welcome()
	e.Variables = map[string]any{
		"A": "fine", "EMAIL": "x", "FIRST_NAME": "x", "LAST_NAME": "x", "UNSUBSCRIBE_URL": "x", "RESEND_UNSUBSCRIBE_URL": "x", "contact": "x", "this": "x",
		"ITEMS": []any{"a"}, "ORDER": map[string]any{"id": json.Number("1")},
	}
	_, err := a.mailer(resend.Options{}).SendEmail(t.Context(), e)
	require.ErrorIs(t, err, automation.ErrPermanent)
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	var paths []string
	for _, p := range invalid.Problems {
		paths = append(paths, p.Path)
	}
	assert.Equal(t, []string{
		"variables.EMAIL", "variables.FIRST_NAME", "variables.ITEMS", "variables.LAST_NAME",
		"variables.ORDER", "variables.RESEND_UNSUBSCRIBE_URL", "variables.UNSUBSCRIBE_URL", "variables.contact", "variables.this",
	}, paths)
	assert.Empty(t, a.all())
}

func TestSendEmail_ReturnsErrorsOfTheHost(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	a := newAPI(t, accepts)
	_, err := a.mailer(resend.Options{Renderer: renderer{err: down}}).SendEmail(t.Context(), welcome())
	require.ErrorIs(t, err, down)
	require.NotErrorIs(t, err, automation.ErrPermanent)
	assert.ErrorContains(t, err, `render "order-confirmation"`)
	_, err = a.mailer(resend.Options{Unsubscribe: func(automation.Contact) (string, error) { return "", automation.Permanent(down) }}).SendEmail(t.Context(), welcome())
	require.ErrorIs(t, err, down)
	require.ErrorIs(t, err, automation.ErrPermanent)
	assert.Empty(t, a.all())
}

func TestNew_ListsAllProblems(t *testing.T) {
	t.Parallel()
	m, err := resend.New("", resend.Options{BaseURL: "api.resend.com", From: "Acme"})
	assert.Nil(t, m)
	var invalid *automation.ValidationError
	require.ErrorAs(t, err, &invalid)
	assert.Equal(t, "error invalid_option: BaseURL: is not the address of an API: give one such as https://api.resend.com\n"+
		"error invalid_option: From: is not an email address: give name@example.com or Name <name@example.com>\n"+
		"error invalid_option: apiKey: is required\n", invalid.Problems.String())
}

func TestNew_RefusesUnusableOptions(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"re_1\r\nX: y", "re_1 ", "re_ü", "\x00"} {
		_, err := resend.New(key, resend.Options{})
		require.ErrorContains(t, err, "apiKey: must not contain")
		assert.NotContains(t, err.Error(), "re_")
	}
	for _, base := range []string{"https://user:secret@api.resend.com", "https://api.resend.com?a=1", "https://api.resend.com#a", "ftp://api.resend.com", "https://", "https://a\n"} {
		_, err := resend.New(apiKey, resend.Options{BaseURL: base})
		require.ErrorContains(t, err, "BaseURL: ")
		assert.NotContains(t, err.Error(), "secret")
	}
	_, err := resend.New(apiKey, resend.Options{From: "Acme\r\n <a@example.com>"})
	require.ErrorContains(t, err, "From: ")
	_, err = resend.New(apiKey, resend.Options{Renderer: (*template.Library)(nil)})
	require.ErrorContains(t, err, "Renderer: is a nil *template.Library")
}
