package e2e

import (
	"testing"

	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation/httpapi"
)

func TestErrors_OfInvalidAutomationsNameEveryProblem(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.Automations.Create(&resend.CreateAutomationRequest{
		Steps: []resend.AutomationStep{
			{Key: "start", Type: "trigger"}, // without config, which is sent as null
			{Key: "rest", Type: "delay", Config: map[string]any{"duration": "soon"}},
			{Key: "mail", Type: "send_mail"},
		},
		Connections: []resend.AutomationConnection{{From: "start", To: "rset"}},
	})
	for _, part := range []string{"[ERROR]: ", "name", `step "start"`, "event_name", `step "rest"`, `"soon"`, `"send_mail"`, `"rset"`} {
		assert.ErrorContains(t, err, part)
	}
	list, err := w.Automations.List()
	require.NoError(t, err)
	assert.Empty(t, list.Data)
}

func TestErrors_NameTheMissingObject(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ctx := t.Context()
	id := w.create("Goodbye")
	for name, call := range map[string]func() error{
		"automation": func() error { _, err := w.Automations.Get("none"); return err },
		"change": func() error {
			_, err := w.Automations.Update("none", &resend.UpdateAutomationRequest{Name: "X"})
			return err
		},
		"stop":   func() error { _, err := w.Automations.Stop("none"); return err },
		"remove": func() error { _, err := w.Automations.Remove("none"); return err },
		"runs":   func() error { _, err := w.Automations.ListRuns("none"); return err },
		"run":    func() error { _, err := w.Automations.GetRun(id, "none"); return err },
		"event":  func() error { _, err := w.Events.Get("none"); return err },
		"event change": func() error {
			_, err := w.Events.Update("none", &resend.UpdateEventRequest{Schema: map[string]string{"a": "string"}})
			return err
		},
		"event remove": func() error { _, err := w.Events.Remove("none"); return err },
		"contact":      func() error { _, err := w.Contacts.Get(&resend.GetContactOptions{Id: "none"}); return err },
		"contact change": func() error {
			_, err := w.Contacts.Update(&resend.UpdateContactRequest{Id: "none", FirstName: "X"})
			return err
		},
		"contact remove": func() error { _, err := w.Contacts.Remove(&resend.RemoveContactOptions{Id: "none"}); return err },
		"segment":        func() error { _, err := w.Segments.Get("none"); return err },
		"segment remove": func() error { _, err := w.Segments.Remove("none"); return err },
		"template":       func() error { _, err := w.Templates.Get("none"); return err },
		"template change": func() error {
			_, err := w.Templates.Update("none", &resend.UpdateTemplateRequest{Name: "X", Html: "X"})
			return err
		},
		"template publish": func() error { _, err := w.Templates.Publish("none"); return err },
		"template copy":    func() error { _, err := w.Templates.Duplicate("none"); return err },
		"template remove":  func() error { _, err := w.Templates.Remove("none"); return err },
		"cursor": func() error {
			_, err := w.Events.ListWithOptions(ctx, &resend.ListOptions{After: ptr("none")})
			return err
		},
	} {
		assert.ErrorContains(t, call(), `"none"`, name)
	}
}

func TestErrors_OfPagesNameTheAllowedLimits(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, err := w.Events.ListWithOptions(t.Context(), &resend.ListOptions{Limit: ptr(101)})
	assert.ErrorContains(t, err, "between 1 and 100")
	_, err = w.Contacts.List(&resend.ListContactsOptions{Limit: ptr(0)})
	assert.ErrorContains(t, err, "between 1 and 100")
	_, err = w.Automations.ListWithOptions(t.Context(), &resend.ListAutomationsOptions{After: ptr("a"), Before: ptr("b")})
	assert.ErrorContains(t, err, "together")
	_, err = w.Automations.ListWithOptions(t.Context(), &resend.ListAutomationsOptions{Status: ptr("paused")})
	assert.ErrorContains(t, err, `"paused" is unknown`)
}

func TestErrors_OfKeys(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *httpapi.Options) {
		o.Keys = append(o.Keys, httpapi.Key{Name: "web", Hash: httpapi.HashKey("re_web"), Permission: httpapi.PermissionSending})
	})
	_, err := client(t, "re_wrong", w.url+"/").Automations.List()
	assert.ErrorContains(t, err, "the API key is invalid")
	_, err = client(t, "", w.url+"/").Automations.List()
	assert.ErrorContains(t, err, "no API key")

	web := client(t, "re_web", w.url+"/")
	_, err = web.Automations.List()
	assert.ErrorContains(t, err, "may only send events")
	_, err = web.Events.Send(&resend.SendEventRequest{Event: "user.left", Email: "ada@example.com"})
	assert.NoError(t, err)
}

func TestErrors_OfRatesHaveARetryTime(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *httpapi.Options) { o.Rate = httpapi.Rate{PerSecond: 0.5, Burst: 2} })
	for range 2 {
		_, err := w.Events.List()
		require.NoError(t, err)
	}
	_, err := w.Events.List()
	require.ErrorIs(t, err, resend.ErrRateLimit)
	var limited *resend.RateLimitError
	require.ErrorAs(t, err, &limited)
	assert.Equal(t, &resend.RateLimitError{
		Message: limited.Message, Limit: "2", Remaining: "0", Reset: "4", RetryAfter: "2",
	}, limited)
	assert.Contains(t, limited.Message, "too many requests")

	w.later()
	w.later()
	_, err = w.Events.List()
	assert.NoError(t, err)
}

func TestErrors_OfCallsThatTheHostDoesNotOffer(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *httpapi.Options) { o.Contacts, o.Templates = false, nil })
	_, err := w.Contacts.List(nil)
	assert.ErrorContains(t, err, "nothing at this path")
	_, err = w.Segments.List()
	assert.ErrorContains(t, err, "nothing at this path")
	_, err = w.Templates.List(nil)
	assert.ErrorContains(t, err, "nothing at this path")
}

func TestErrors_OfLongBodies(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *httpapi.Options) { o.MaxBody = 200 })
	_, err := w.Automations.Create(goodbye("Goodbye"))
	assert.ErrorContains(t, err, "200 bytes")
}
