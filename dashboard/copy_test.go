package dashboard_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/archive"
	"github.com/seed-b636437c/automation/mail/template"
)

// sentEmails is a function that is SentEmails.
type sentEmails func(ctx context.Context, id string) (mail.Message, error)

func (f sentEmails) SentEmail(ctx context.Context, id string) (mail.Message, error) {
	return f(ctx, id)
}

// oneEmail returns SentEmails with one email, and counts how often they are read.
func oneEmail(m mail.Message, read *atomic.Int32) sentEmails {
	return func(_ context.Context, id string) (mail.Message, error) {
		read.Add(1)
		if id != "email-1" {
			return mail.Message{}, automation.ErrNotFound
		}
		return m, nil
	}
}

// asSent is an email as it was sent before its template changed.
var asSent = mail.Message{
	From: "Then <then@acme.example>", To: "odd@example.com", ReplyTo: "help@acme.example", Subject: "As it was <then>",
	HTML: `<p>The old text</p><a href="https://acme.example/leave?c=1&amp;s=2">x</a>`, Text: "The old text",
	UnsubscribeURL: "https://acme.example/leave?c=1&s=2",
}

const (
	asItWas = "The email as it was sent"
	anew    = "This is today's template"
)

// emailed is a site on which a step has sent an email.
type emailed struct {
	*site
	calls *calls
	log   *bytes.Buffer
	run   automation.Run
}

func newEmailed(t *testing.T, opts dashboard.Options) emailed {
	t.Helper()
	log := &bytes.Buffer{}
	opts.Logger = slog.New(slog.NewTextHandler(log, nil))
	s, calls := newCountedSite(t, opts)
	s.addOdd()
	flow := world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day"))
	flow.Steps[1].Config = automation.SendEmail{
		Template: automation.TemplateRef{ID: "team/hello", Variables: map[string]automation.Value{"PLAN": automation.ValueOf("gold")}},
	}
	s.Create(flow)
	s.Send(automation.Event{Name: "signup", ContactID: odd.ID})
	s.Drain()
	e := emailed{s, calls, log, s.RunOf(odd.ID)}
	e.runPage() // so that the Runner knows the graph
	calls.take()
	log.Reset()
	return e
}

func (e emailed) runPage() string {
	return e.get("/a/welcome/runs/" + e.run.ID + "?step=hello").Body.String()
}

func (e emailed) path() string { return "/emails/" + e.run.ID + "/hello" }

// pages returns the page of the run and the page of the email.
func (e emailed) pages() map[string]string {
	return map[string]string{"run": e.runPage(), "email": e.get(e.path()).Body.String()}
}

func TestCopy_IsShownAsTheEmailWasSent(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	library := newLibrary(t)
	e := newEmailed(t, dashboard.Options{Templates: library, SentEmails: oneEmail(asSent, &read)})
	changed := "Today's subject"
	_, err := library.Update("team/hello", template.Change{Subject: &changed})
	require.NoError(t, err)
	_, err = library.Publish("team/hello")
	require.NoError(t, err)
	for name, body := range e.pages() {
		assert.Contains(t, body, asItWas, name)
		assert.Contains(t, body, "As it was &lt;then&gt;", name)
		assert.Contains(t, body, "Then &lt;then@acme.example&gt;", name)
		assert.Contains(t, body, `src="`, name)
		assert.Contains(t, body, e.run.ID+`/hello/html?copy=1"`, name)
		assert.NotContains(t, body, anew, name)
		assert.NotContains(t, body, changed, name)
	}
	frame := e.get(e.path() + "/html?copy=1")
	assert.Contains(t, frame.Body.String(), "The old text")
	assert.NotContains(t, frame.Body.String(), "gold")
	assert.Contains(t, frame.Header().Get("Content-Security-Policy"), "img-src data:; sandbox")
	assert.NotContains(t, frame.Body.String(), "acme.example/leave", "the link is the contact's")
	with := e.get(e.path() + "?images=1").Body.String()
	assert.Contains(t, with, "html?copy=1&amp;images=1")
	assert.Contains(t, e.get(e.path()+"/html?copy=1&images=1").Header().Get("Content-Security-Policy"), "img-src https: data:; sandbox")
	assert.EqualValues(t, 1, read.Load(), "pages that are live do not read it each time")
	e.Clock.Add(2 * time.Minute)
	e.runPage()
	assert.EqualValues(t, 2, read.Load())
}

func TestCopy_MakesNoCallOfTheStore(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	with := newEmailed(t, dashboard.Options{Templates: newLibrary(t), SentEmails: oneEmail(asSent, &read)})
	with.runPage()
	assert.Equal(t, []string{"FindRun", "FindContacts", "FindAutomationVersion", "FindEvent"}, with.calls.take())
	with.get(with.path())
	with.get(with.path() + "/html?copy=1")
	assert.Equal(t, []string{"FindRun", "FindRun"}, with.calls.take())
	without := newEmailed(t, dashboard.Options{Templates: newLibrary(t), SentEmails: sentEmails(unknown)})
	without.get(without.path())
	assert.Equal(t, []string{"FindRun", "FindContact", "FindAutomationVersion"}, without.calls.take())
}

func unknown(context.Context, string) (mail.Message, error) {
	return mail.Message{}, automation.ErrNotFound
}

func TestCopy_ThatCannotBeReadLeavesTheEmailRenderedAnew(t *testing.T) {
	t.Parallel()
	secret := errors.New("dial 10.0.0.7: refused")
	for name, tt := range map[string]struct {
		read   sentEmails
		why    string
		logged bool
	}{
		"none":      {nil, "No copy of an email is kept.", false},
		"unknown":   {unknown, "There is no copy of this email", false},
		"failing":   {func(context.Context, string) (mail.Message, error) { return asSent, secret }, "could not be read", true},
		"panicking": {func(context.Context, string) (mail.Message, error) { panic(secret) }, "could not be read", true},
		"slow": {func(ctx context.Context, _ string) (mail.Message, error) {
			<-ctx.Done()
			return asSent, ctx.Err()
		}, "could not be read", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opts := dashboard.Options{Templates: newLibrary(t)}
			if name == "slow" {
				opts.Timeout = 500 * time.Millisecond
			}
			if tt.read != nil {
				opts.SentEmails = tt.read
			}
			e := newEmailed(t, opts)
			e.Clock.Add(time.Minute)
			for page, body := range e.pages() {
				assert.Contains(t, body, tt.why, page)
				assert.Contains(t, body, anew, page)
				assert.Contains(t, body, `/hello/html"`, page)
				assert.NotContains(t, body, asItWas, page)
				assert.NotContains(t, body, "10.0.0.7", page)
			}
			assert.Contains(t, e.get(e.path()+"/html").Body.String(), "<p>gold 3 555-0100</p>")
			assert.Equal(t, tt.logged, strings.Contains(e.log.String(), "email_id=email-1"), e.log.String())
			frame := e.get(e.path() + "/html?copy=1")
			assert.Equal(t, http.StatusUnprocessableEntity, frame.Code, "a frame is never another email than announced")
			assert.NotContains(t, frame.Body.String(), "gold")
		})
	}
}

func TestCopy_OfAPageThatWasLeftIsReadAgain(t *testing.T) {
	t.Parallel()
	var leave context.CancelFunc
	e := newEmailed(t, dashboard.Options{SentEmails: sentEmails(func(ctx context.Context, _ string) (mail.Message, error) {
		if leave != nil {
			leave()
		}
		return asSent, ctx.Err()
	})})
	e.Clock.Add(2 * time.Minute)
	var ctx context.Context
	ctx, leave = context.WithCancel(t.Context())
	e.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, e.path(), nil))
	require.Error(t, ctx.Err())
	leave = nil
	assert.Contains(t, e.get(e.path()).Body.String(), asItWas)
}

func TestCopies_AreBounded(t *testing.T) {
	t.Parallel()
	assert.Equal(t, dashboard.MaxCopies, dashboard.RememberedOf(1000))
}

func TestCopy_NeedsNoTemplates(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	e := newEmailed(t, dashboard.Options{SentEmails: oneEmail(asSent, &read)})
	for name, body := range e.pages() {
		assert.Contains(t, body, asItWas, name)
	}
	assert.Contains(t, e.get(e.path()+"/html?copy=1").Body.String(), "The old text")
	assert.Equal(t, http.StatusUnprocessableEntity, e.get(e.path()+"/html").Code)
	e = newEmailed(t, dashboard.Options{SentEmails: sentEmails(unknown)})
	for name, body := range e.pages() {
		assert.Contains(t, body, "There is no copy of this email", name)
		assert.NotContains(t, body, "<iframe", name)
		assert.NotContains(t, body, anew, name)
	}
	assert.Equal(t, http.StatusNotFound, newEmailed(t, dashboard.Options{}).get(e.path()).Code)
}

func TestCopy_OfHostileHTMLStaysInItsFrame(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	hostile := `"><script>alert(1)</script>`
	e := newEmailed(t, dashboard.Options{SentEmails: oneEmail(mail.Message{
		From: hostile, To: hostile, ReplyTo: hostile, Subject: hostile, HTML: hostile, Text: hostile, UnsubscribeURL: hostile,
	}, &read)})
	for name, body := range e.pages() {
		assert.NotContains(t, body, "<script>alert", name)
		assert.Contains(t, body, `<iframe class="email" sandbox`, name)
	}
	header := e.get(e.path() + "/html?copy=1").Header()
	assert.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'")
	assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	e = newEmailed(t, dashboard.Options{SentEmails: oneEmail(mail.Message{Text: hostile}, &read)})
	assert.NotContains(t, e.get(e.path()).Body.String(), "<script>alert")
	assert.NotContains(t, e.get(e.path()+"/html?copy=1").Body.String(), "<script>alert")
}

func TestCopy_WarnsOfLinksThatItCannotTell(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	e := newEmailed(t, dashboard.Options{SentEmails: oneEmail(asSent, &read)})
	assert.Contains(t, e.get(e.path()).Body.String(), "Links to unsubscribe lead nowhere")
	provider := asSent
	provider.UnsubscribeURL = ""
	e = newEmailed(t, dashboard.Options{SentEmails: oneEmail(provider, &read)})
	assert.Contains(t, e.get(e.path()).Body.String(), "do not unsubscribe in its place")
}

func TestCopy_OutlivesItsContactAndItsAutomation(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	e := newEmailed(t, dashboard.Options{Templates: newLibrary(t), SentEmails: oneEmail(asSent, &read)})
	require.NoError(t, e.DeleteAutomation(e.Ctx, "welcome"))
	require.NoError(t, e.DeleteContact(e.Ctx, odd.ID))
	e.Drain()
	for name, body := range e.pages() {
		assert.Contains(t, body, asItWas, name)
	}
}

func TestCopy_IsHiddenWhereValuesAreRedacted(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	redact := func(_ string, value any) any { return value }
	e := newEmailed(t, dashboard.Options{Templates: newLibrary(t), SentEmails: oneEmail(asSent, &read), Redact: redact})
	for name, body := range e.pages() {
		assert.Contains(t, body, "may have what is hidden", name)
		assert.Contains(t, body, anew, name)
		assert.NotContains(t, body, "As it was", name)
	}
	assert.NotContains(t, e.get(e.path()+"/html?copy=1").Body.String(), "The old text")
	assert.Zero(t, read.Load(), "it is not even read")
}

func TestCopy_IsWhatTheHostLeavesOfIt(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	for name, tt := range map[string]struct {
		redact func(mail.Message) (mail.Message, bool)
		shown  bool
	}{
		"changed":   {func(m mail.Message) (mail.Message, bool) { m.HTML = "<p>masked</p>"; return m, true }, true},
		"hidden":    {func(m mail.Message) (mail.Message, bool) { return m, false }, false},
		"panicking": {func(mail.Message) (mail.Message, bool) { panic("a bug") }, false},
	} {
		e := newEmailed(t, dashboard.Options{
			Templates: newLibrary(t), SentEmails: oneEmail(asSent, &read), Redact: hiding(".PLAN"), RedactEmail: tt.redact,
		})
		frame := e.get(e.path() + "/html?copy=1").Body.String()
		assert.Equal(t, tt.shown, strings.Contains(frame, "masked"), name)
		assert.NotContains(t, frame, "The old text", name)
		for page, body := range e.pages() {
			assert.Equal(t, tt.shown, strings.Contains(body, asItWas), name+page)
			assert.Equal(t, !tt.shown, strings.Contains(body, "The copy of this email is hidden"), name+page)
		}
	}
}

func TestCopy_NeedsAccess(t *testing.T) {
	t.Parallel()
	var read atomic.Int32
	access := atomic.Int32{}
	access.Store(int32(dashboard.AccessView))
	e := newEmailed(t, dashboard.Options{
		SentEmails: oneEmail(asSent, &read), Access: func(*http.Request) dashboard.Access { return dashboard.Access(access.Load()) },
	})
	assert.Equal(t, http.StatusOK, e.get(e.path()+"/html?copy=1").Code)
	access.Store(int32(dashboard.AccessNone))
	for _, path := range []string{e.path(), e.path() + "/html?copy=1"} {
		answer := e.get(path)
		assert.Equal(t, http.StatusForbidden, answer.Code)
		assert.NotContains(t, answer.Body.String(), "The old text")
	}
}

// erasing are SentEmails whose copies can be erased.
type erasing struct {
	sentEmails
	erase func(email string) error
}

func (e erasing) Erase(_ context.Context, email string) (int, error) { return 0, e.erase(email) }

func TestErase_RemovesCopiesOfEmailsToo(t *testing.T) {
	t.Parallel()
	copies, err := archive.Open(filepath.Join(t.TempDir(), "emails"))
	require.NoError(t, err)
	e := newEmailed(t, dashboard.Options{SentEmails: copies})
	require.NoError(t, copies.Keep(e.Ctx, "email-1", mail.Message{To: odd.Email, Text: "x"}))
	form := oddPath + "/erase"
	assert.Contains(t, e.get(form).Body.String(), "the copies of the emails to its address")
	require.Equal(t, http.StatusSeeOther, e.post(form, "confirm", odd.Email).Code)
	_, err = copies.SentEmail(e.Ctx, "email-1")
	require.ErrorIs(t, err, automation.ErrNotFound)
}

func TestErase_ReportsCopiesThatItCouldNotRemove(t *testing.T) {
	t.Parallel()
	for name, erase := range map[string]func(string) error{
		"failing":   func(string) error { return errors.New("disk gone") },
		"panicking": func(string) error { panic("disk gone") },
	} {
		var audit []dashboard.AuditEntry
		e := newEmailed(t, dashboard.Options{SentEmails: erasing{unknown, erase}, Audit: func(a dashboard.AuditEntry) { audit = append(audit, a) }})
		answer := e.post(oddPath+"/erase", "confirm", odd.Email)
		assert.Equal(t, http.StatusInternalServerError, answer.Code, name)
		assert.Contains(t, answer.Body.String(), "The contact is erased, but the copies of its emails are not", name)
		assert.Contains(t, e.log.String(), "disk gone", name)
		assert.NotContains(t, e.log.String(), odd.Email, name)
		require.Len(t, audit, 1, name)
		require.Error(t, audit[0].Err, name)
	}
	e := newEmailed(t, dashboard.Options{SentEmails: sentEmails(unknown)})
	assert.Contains(t, e.get(oddPath+"/erase").Body.String(), "erase them there")
}
