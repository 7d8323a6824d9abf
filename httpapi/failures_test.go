package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

var errBroken = automation.Permanent(errors.New("mailbox unavailable"))

// failWhile fails every email while broken is true.
func failWhile(broken *bool) func(context.Context, automation.Email) error {
	return func(context.Context, automation.Email) error {
		if *broken {
			return errBroken
		}
		return nil
	}
}

func TestMethods_ThatAreNotAllowedGetTheOnesThatAre(t *testing.T) {
	t.Parallel()
	a := setup(t)
	tests := map[string]struct{ method, path, allow string }{
		"collection": {"PUT", "/automations", "GET, HEAD, POST"},
		"item":       {"POST", "/automations/x", "DELETE, GET, HEAD, PATCH"},
		"action":     {"GET", "/automations/x/stop", "POST"},
		"send":       {"GET", "/events/send", "POST"},
		"validate":   {"DELETE", "/automations/validate", "POST"},
		"run":        {"DELETE", "/automations/x/runs/y", "GET, HEAD"},
		"options":    {"OPTIONS", "/contacts", "GET, HEAD, POST"},
		"membership": {"GET", "/contacts/x/segments/y", "DELETE, POST"},
		"publish":    {"GET", "/templates/x/publish", "POST"},
		"empty id":   {"DELETE", "/automations/", "GET, HEAD, POST"},
		"invented":   {"BREW", "/events", "GET, HEAD, POST"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := a.must(http.StatusMethodNotAllowed, tt.method, tt.path, "")
			assert.Equal(t, tt.allow, got.header.Get("Allow"))
			assert.Equal(t, "method_not_allowed", got.failure(t).Name)
		})
	}
}

func TestContacts_AreServedOnlyIfEnabled(t *testing.T) {
	t.Parallel()
	a := setup(t, func(o *httpapi.Options) { o.Contacts = false })
	a.create()
	a.start("ada@example.com")
	a.must(http.StatusNotFound, "GET", "/contacts", "")
	a.must(http.StatusNotFound, "DELETE", "/contacts/ada@example.com", "")
	a.must(http.StatusOK, "GET", "/contacts/ada@example.com/runs", "")
}

// hostContacts is the contact table of a host, with one contact in it.
type hostContacts struct {
	automation.ContactDirectory
	properties map[string]any
}

func (h hostContacts) FindContact(_ context.Context, ref automation.ContactRef) (automation.Contact, error) {
	if ref.String() != "u1" {
		return automation.Contact{}, errors.Join(errors.New("no row in secret_table"), automation.ErrNotFound)
	}
	return automation.Contact{ID: "u1", Email: "ada@example.com", Properties: h.properties}, nil
}

func TestContacts_OfTheHostCannotBeMadeHere(t *testing.T) {
	t.Parallel()
	a := setupOn(t, memory.New(), automation.Options{Contacts: hostContacts{}})
	a.must(http.StatusOK, "GET", "/contacts/u1", "")
	a.must(http.StatusNotImplemented, "POST", "/contacts", `{"email": "a@example.com"}`)
	a.must(http.StatusNotImplemented, "GET", "/contacts", "")
	a.must(http.StatusNotImplemented, "DELETE", "/contacts/u1", "")
	got := a.must(http.StatusNotFound, "POST", "/events/send", `{"event": "x", "contact_id": "u2"}`)
	assert.NotContains(t, got.body, "secret")
}

func TestContacts_ThatHaveNoJSONAreTheServersFailure(t *testing.T) {
	t.Parallel()
	host := hostContacts{properties: map[string]any{"channel": make(chan int)}}
	a := setupOn(t, memory.New(), automation.Options{Contacts: host})
	a.must(http.StatusInternalServerError, "GET", "/contacts/u1", "")
	assert.Contains(t, a.log.String(), "unsupported type: chan int")
}

// brokenStore fails where a field is set.
type brokenStore struct {
	automation.Store
	find   func(ctx context.Context) error // for FindAutomation
	count  error                           // for CountRuns
	define error                           // updates and deletions of event definitions
}

func (s brokenStore) FindAutomation(ctx context.Context, id string) (automation.AutomationRecord, error) {
	if s.find != nil {
		return automation.AutomationRecord{}, s.find(ctx)
	}
	return s.Store.FindAutomation(ctx, id)
}

func (s brokenStore) CountRuns(context.Context, ...string) ([]automation.RunCount, error) {
	return nil, s.count
}

func (s brokenStore) DeleteEventDefinition(context.Context, string) error { return s.define }

func (s brokenStore) UpdateEventDefinition(context.Context, automation.EventDefinition) error {
	return s.define
}

func TestServerErrors_AreLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fail    func(ctx context.Context) error
		message string
		logged  string
	}{
		"error": {func(context.Context) error { return errors.New("dial tcp: password hunter2") }, "something went wrong on the server", "hunter2"},
		"damage": {func(context.Context) error {
			return automation.Problems{{Severity: automation.SeverityError, Code: automation.CodeSyntax, Message: "line 1"}}.Err("stored automation")
		}, "something went wrong on the server", "stored automation"},
		"panic":   {func(context.Context) error { panic("out of cheese") }, "something went wrong on the server", "out of cheese"},
		"timeout": {func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, "the request took too long", "deadline exceeded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setupOn(t, brokenStore{Store: memory.New(), find: tt.fail}, automation.Options{}, func(o *httpapi.Options) { o.Timeout = 1 })
			got := a.must(http.StatusInternalServerError, "GET", "/automations/some-id/runs?after=secret", "secret body").failure(t)
			assert.Equal(t, "application_error", got.Name)
			assert.Contains(t, got.Message, tt.message)
			assert.NotContains(t, got.Message, tt.logged)
			log := a.log.String()
			assert.Contains(t, log, tt.logged)
			assert.Contains(t, log, "method=GET path=/automations/{automation}/runs key=backend")
			assert.Contains(t, log, "request_id="+requestID.FindString(got.Message)[len("request "):])
			for _, secret := range []string{fullKey, "secret"} {
				assert.NotContains(t, log, secret)
			}
		})
	}
}

// damagedStore returns automations that cannot be decoded.
type damagedStore struct{ automation.Store }

func (s damagedStore) FindAutomation(ctx context.Context, id string) (automation.AutomationRecord, error) {
	rec, err := s.Store.FindAutomation(ctx, id)
	rec.Definition = []byte(`{"steps": 7}`)
	return rec, err
}

func TestDamage_IsTheServersFailureInEveryCall(t *testing.T) {
	t.Parallel()
	store := memory.New()
	id := setupOn(t, store, automation.Options{}).create()
	a := setupOn(t, damagedStore{store}, automation.Options{})
	for _, r := range [][3]string{
		{"GET", "", ""}, {"PATCH", "", `{"name": "x"}`}, {"POST", "/duplicate", ""}, {"POST", "/stop", ""}, {"POST", "/stop", ""},
	} {
		got := a.must(http.StatusInternalServerError, r[0], "/automations/"+id+r[1], r[2]).failure(t)
		assert.Contains(t, got.Message, "something went wrong on the server")
	}
}

func TestClient_ThatIsGoneIsNoFailureOfTheServer(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	a := setupOn(t, brokenStore{Store: memory.New(), find: func(ctx context.Context) error {
		leave()
		<-ctx.Done()
		return ctx.Err()
	}}, automation.Options{})
	r := httptest.NewRequestWithContext(ctx, "GET", "/automations/x", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+fullKey)
	a.do(r)
	assert.Empty(t, a.log.String())
}

func TestAbort_IsPassedOnToTheServer(t *testing.T) {
	t.Parallel()
	a := setupOn(t, brokenStore{Store: memory.New(), find: func(context.Context) error { panic(http.ErrAbortHandler) }}, automation.Options{})
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { a.call("GET", "/automations/x", "") })
}

func TestBody_ThatBreaksOffIsRefused(t *testing.T) {
	t.Parallel()
	a := setup(t)
	r := httptest.NewRequest("POST", "/events/send", iotest.ErrReader(errors.New("connection reset")))
	r.Header.Set("Authorization", "Bearer "+fullKey)
	got := a.do(r)
	assert.Equal(t, http.StatusBadRequest, got.status)
	assert.Equal(t, "the body of the request ended too early", got.failure(t).Message)
}

func TestUpdateAutomation_LosesAgainstAnotherUpdate(t *testing.T) {
	t.Parallel()
	conflict := func(context.Context) error { return automation.ErrConflict }
	a := setupOn(t, brokenStore{Store: memory.New(), find: conflict}, automation.Options{})
	got := a.must(http.StatusConflict, "PATCH", "/automations/x", `{"name": "x"}`).failure(t)
	assert.Equal(t, failure{409, "validation_error", `automation "x" was changed by another caller at the same time: read it again`}, got)
}

func TestRaces_WithADeletionAreNotFound(t *testing.T) {
	t.Parallel()
	a := setupOn(t, brokenStore{Store: memory.New(), count: automation.ErrNotFound, define: automation.ErrNotFound}, automation.Options{})
	id := a.create()
	a.must(http.StatusCreated, "POST", "/events", `{"name": "x"}`)
	got := a.must(http.StatusNotFound, "GET", "/automations/"+id+"/metrics", "").failure(t)
	assert.Equal(t, failure{404, "not_found", "what the request names does not exist"}, got)
	a.must(http.StatusNotFound, "DELETE", "/events/x", "")
	a.must(http.StatusNotFound, "PATCH", "/events/x", `{"schema": null}`)
}

func TestConflicts_WithoutANameAreReported(t *testing.T) {
	t.Parallel()
	a := setupOn(t, brokenStore{Store: memory.New(), define: automation.ErrConflict}, automation.Options{})
	a.must(http.StatusCreated, "POST", "/events", `{"name": "x"}`)
	got := a.must(http.StatusConflict, "DELETE", "/events/x", "").failure(t)
	assert.Equal(t, failure{409, "validation_error", "it was changed by another caller at the same time: try again"}, got)
}

// blindMailer cannot reach its templates.
type blindMailer struct{ *capture.Mailer }

func (blindMailer) InspectTemplate(context.Context, string) (automation.TemplateInfo, error) {
	return automation.TemplateInfo{}, errors.New("dial tcp: connection refused")
}

func TestValidate_FailsIfTheTemplatesCannotBeRead(t *testing.T) {
	t.Parallel()
	a := setup(t)
	runner, err := automation.New(memory.New(), blindMailer{a.mailer}, automation.Options{})
	require.NoError(t, err)
	a.Handler, err = httpapi.New(runner, httpapi.Options{AuthenticatedByHost: true})
	require.NoError(t, err)
	got := a.must(http.StatusInternalServerError, "POST", "/automations/validate", welcome)
	assert.NotContains(t, got.body, "refused")
}
