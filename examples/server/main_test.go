package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/archive"
	"github.com/seed-b636437c/automation/mail/template"
	"github.com/seed-b636437c/automation/store/memory"
)

// process is the server in a process of its own.
type process struct {
	t     *testing.T
	key   string
	url   string
	lines chan string // of its output
	stop  func()
}

// start starts the server on a free port and waits until it prints its address.
func start(t *testing.T, s settings) *process {
	t.Helper()
	out, printed := io.Pipe()
	s.addr, s.out = "127.0.0.1:0", printed
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, s)
		printed.Close()
	}()
	p := &process{t: t, key: devKey, lines: make(chan string, 100)}
	go func() {
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			p.lines <- scanner.Text()
		}
		close(p.lines)
	}()
	p.stop = func() {
		cancel()
		require.NoError(t, <-ended)
	}
	p.next() // the line about the files
	p.url, _ = strings.CutPrefix(p.next(), "export RESEND_BASE_URL=")
	p.url, _, _ = strings.Cut(p.url, " ")
	p.next() // the line for people
	if s.sample {
		go func() {
			for range p.lines { // the emails to the audience
			}
		}()
	}
	if s.key != "" {
		p.key = s.key
	}
	return p
}

// next returns the next line that the server prints.
func (p *process) next() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		require.True(p.t, ok, "the server has ended")
		return line
	case <-time.After(time.Minute):
		require.Fail(p.t, "nothing was printed in a minute")
		return ""
	}
}

// answer holds some fields of the API's answers.
type answer struct {
	ID, Name, Status, Message string
	Unsubscribed              bool
	Data                      []struct{ ID, Status, Email string }
	Steps                     []struct{ Key, Status string }
	Problems                  []struct{ Code automation.Code }
}

// call is one call of the README.
func (p *process) call(status int, method, path, body string) (a answer) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, strings.NewReader(body))
	require.NoError(p.t, err)
	r.Header.Set("Authorization", "Bearer "+p.key)
	res, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer res.Body.Close()
	require.NoError(p.t, json.NewDecoder(res.Body).Decode(&a))
	require.Equal(p.t, status, res.StatusCode, "%s %s: %s", method, path, a.Message)
	return a
}

// eventually reads a run until the run is at this step.
func (p *process) eventually(path, step, status string) {
	p.t.Helper()
	require.EventuallyWithT(p.t, func(c *assert.CollectT) {
		assert.Contains(c, p.call(http.StatusOK, "GET", path, "").Steps, struct{ Key, Status string }{step, status})
	}, time.Minute, time.Millisecond)
}

const welcome = `{
	"name": "Welcome", "status": "enabled",
	"steps": [
		{"key": "start", "type": "trigger", "config": {"event_name": "user.created"}},
		{"key": "hello", "type": "send_email", "config": {
			"template": {"id": "welcome", "variables": {"PLAN": {"var": "event.plan"}}}
		}},
		{"key": "rest", "type": "wait_for_event", "config": {"event_name": "user.upgraded"}}
	],
	"connections": [{"from": "start", "to": "hello"}, {"from": "hello", "to": "rest"}]
}`

const signup = `{"event": "user.created", "email": "ada@example.com", "payload": {"plan": "pro"}}`

func TestServer_KeepsItsState(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "automation.db")
	p := start(t, settings{file: file})
	p.call(http.StatusCreated, "POST", "/templates", `{
		"name": "Welcome", "alias": "welcome", "subject": "Welcome, {{{FIRST_NAME|friend}}}",
		"html": "<p>You are on the {{{PLAN}}} plan.</p>", "variables": [{"key": "PLAN", "type": "string"}]
	}`)
	p.call(http.StatusOK, "POST", "/templates/welcome/publish", "")
	p.call(http.StatusCreated, "POST", "/events", `{"name": "user.created", "schema": {"plan": "string"}}`)
	id := p.call(http.StatusCreated, "POST", "/automations", welcome).ID
	p.call(http.StatusAccepted, "POST", "/events/send", signup)
	assert.Equal(t, "email to ada@example.com from Acme <hello@acme.example>: Welcome, friend", p.next())
	assert.Equal(t, "  You are on the pro plan.", p.next())
	runs := p.call(http.StatusOK, "GET", "/automations/"+id+"/runs", "").Data
	require.Len(t, runs, 1)
	run := "/automations/" + id + "/runs/" + runs[0].ID
	p.eventually(run, "rest", "waiting")
	p.stop()

	p = start(t, settings{file: file})
	defer p.stop()
	assert.Equal(t, "Welcome", p.call(http.StatusOK, "GET", "/automations/"+id, "").Name)
	assert.Equal(t, "user.created", p.call(http.StatusOK, "GET", "/events/user.created", "").Name)
	assert.Equal(t, "ada@example.com", p.call(http.StatusOK, "GET", "/contacts", "").Data[0].Email)
	assert.Equal(t, "published", p.call(http.StatusOK, "GET", "/templates/welcome", "").Status)
	p.eventually(run, "rest", "waiting")
	p.call(http.StatusAccepted, "POST", "/events/send", `{"event": "user.upgraded", "email": "ada@example.com"}`)
	p.eventually(run, "rest", "completed")
	p.call(http.StatusAccepted, "POST", "/events/send", signup)
	assert.Equal(t, "email to ada@example.com from Acme <hello@acme.example>: Welcome, friend", p.next())
	p.call(http.StatusOK, "DELETE", "/templates/welcome", "")
	shown := p.page(dashboardPath + "a/" + id + "/runs/" + runs[0].ID + "?step=hello")
	assert.Contains(t, shown, "The email as it was sent", "also without its template, and after a restart")
	assert.Equal(t, "  You are on the pro plan.", p.next())
	p.call(http.StatusAccepted, "POST", "/events/send", signup)
	assert.Equal(t, `email to "ada@example.com": template "welcome"`, p.next())
	assert.Equal(t, `  PLAN = "pro"`, p.next())
}

func TestServer_FailsAnEmailThatCannotBeRendered(t *testing.T) {
	t.Parallel()
	p := start(t, settings{file: filepath.Join(t.TempDir(), "automation.db")})
	defer p.stop()
	p.call(http.StatusCreated, "POST", "/templates", `{"name": "Welcome", "alias": "welcome", "html": "<p>{{{NAME}}}</p>"}`)
	warnings := p.call(http.StatusOK, "POST", "/automations/validate", welcome).Problems
	assert.Contains(t, warnings, struct{ Code automation.Code }{automation.CodeUnpublishedTemplate})
	id := p.call(http.StatusCreated, "POST", "/automations", welcome).ID
	p.call(http.StatusAccepted, "POST", "/events/send", signup)
	var runs []struct{ ID, Status, Email string }
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		runs = p.call(http.StatusOK, "GET", "/automations/"+id+"/runs?status=failed", "").Data
		assert.NotEmpty(c, runs)
	}, time.Minute, time.Millisecond)
	p.eventually("/automations/"+id+"/runs/"+runs[0].ID, "hello", "failed")
}

func TestServer_UnsubscribesByTheLinkOfAnEmail(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "automation.db")
	p := start(t, settings{file: file})
	p.call(http.StatusCreated, "POST", "/templates", `{
		"name": "Welcome", "alias": "welcome", "subject": "Welcome", "status": "published",
		"text": "{{{RESEND_UNSUBSCRIBE_URL}}}", "variables": [{"key": "PLAN", "type": "string", "fallback_value": "free"}]
	}`)
	p.call(http.StatusCreated, "POST", "/automations", welcome)
	p.call(http.StatusAccepted, "POST", "/events/send", signup)
	assert.Equal(t, "email to ada@example.com from Acme <hello@acme.example>: Welcome", p.next())
	link := strings.TrimSpace(p.next())
	require.True(t, strings.HasPrefix(link, p.url+"/unsubscribe?"), link)
	p.stop()

	p = start(t, settings{file: file}) // at another port
	defer p.stop()
	_, query, _ := strings.Cut(link, "?")
	res, err := http.Post(p.url+"/unsubscribe?"+query, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusOK, res.StatusCode, "links work after a restart")
	assert.True(t, p.call(http.StatusOK, "GET", "/contacts/ada@example.com", "").Unsubscribed)
}

func TestServer_AnswersProbes(t *testing.T) {
	t.Parallel()
	p := start(t, settings{file: filepath.Join(t.TempDir(), "automation.db")})
	defer p.stop()
	p.key = "" // probes need none
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		res, err := http.Get(p.url + "/readyz")
		if assert.NoError(c, err) {
			assert.Equal(c, http.StatusOK, res.StatusCode, "Run has begun")
			assert.NoError(c, res.Body.Close())
		}
	}, time.Minute, time.Millisecond)
	p.call(http.StatusOK, "GET", "/livez", "")
	p.call(http.StatusUnauthorized, "GET", "//readyz", "")
}

func TestServer_AcceptsTheKeyOfItsFlag(t *testing.T) {
	t.Parallel()
	p := start(t, settings{file: filepath.Join(t.TempDir(), "automation.db"), key: "re_own"})
	defer p.stop()
	p.call(http.StatusOK, "GET", "/automations", "")
	p.key = devKey
	p.call(http.StatusForbidden, "GET", "/automations", "")
}

func TestSettings_NeedAKeyAtAPublicAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		addr  string
		given string
		key   string
	}{
		{"127.0.0.1", "", devKey},
		{"::1", "", devKey},
		{"127.0.0.1", "re_own", "re_own"},
		{"0.0.0.0", "re_own", "re_own"},
		{"0.0.0.0", "", ""},
		{"::", "", ""},
		{"192.0.2.1", "", ""},
	} {
		key, err := settings{key: c.given}.keyAt(&net.TCPAddr{IP: net.ParseIP(c.addr)})
		assert.Equal(t, c.key, key, c.addr)
		assert.Equal(t, c.key == "", err != nil, c.addr)
	}
}

func newCopies(t *testing.T) *archive.Archive {
	t.Helper()
	copies, err := archive.Open(t.TempDir())
	require.NoError(t, err)
	return copies
}

// An email that is printed is not printed again because its copy cannot be kept.
func TestPrinter_SendsWithoutACopyToo(t *testing.T) {
	t.Parallel()
	templates, err := template.New(template.Options{From: "a@acme.example"})
	require.NoError(t, err)
	_, err = templates.Create(template.Template{ID: "hello", Name: "Hello", Subject: "Hello", Text: "Hello", Status: template.StatusPublished})
	require.NoError(t, err)
	// Without an idempotency key there is no id to keep a copy under.
	_, err = newPrinter(io.Discard, templates, newCopies(t)).SendEmail(t.Context(), automation.Email{TemplateID: "hello", To: "ada@example.com"})
	require.NoError(t, err)
}

// An email that cannot be printed is retried.
func TestPrinter_FailsWithItsWriter(t *testing.T) {
	t.Parallel()
	_, out := io.Pipe()
	require.NoError(t, out.Close())
	templates, err := template.New(template.Options{From: "a@acme.example"})
	require.NoError(t, err)
	_, err = templates.Create(template.Template{ID: "hello", Name: "Hello", Subject: "Hello", Text: "Hello", Status: template.StatusPublished})
	require.NoError(t, err)
	for _, id := range []string{"hello", "none"} {
		_, err = newPrinter(out, templates, newCopies(t)).SendEmail(t.Context(), automation.Email{TemplateID: id, To: "ada@example.com"})
		assert.ErrorIs(t, err, io.ErrClosedPipe, id)
	}
}

func TestServe_EndsWithTheWebServer(t *testing.T) {
	t.Parallel()
	templates, err := template.New(template.Options{})
	require.NoError(t, err)
	srv, err := newServer(memory.New(), newPrinter(io.Discard, templates, newCopies(t)), devKey, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	assert.ErrorIs(t, srv.serve(t.Context(), listener), net.ErrClosed)
}

func TestRun_ReportsProblems(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]settings{
		"address":      {addr: "localhost:none"},
		"reachable":    {addr: "0.0.0.0:0"},
		"no such file": {addr: "localhost:0", file: filepath.Join(t.TempDir(), "no", "folder.db")},
	} {
		s.out = io.Discard
		assert.Error(t, run(t.Context(), s), name)
	}
}

// A new server has something to look at, and an audience. A later start makes nothing again.
func TestServer_HasSampleFlowsAtItsFirstStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "automation.db")
	p := start(t, settings{file: file, sample: true})
	assert.Len(t, p.call(http.StatusOK, "GET", "/automations", "").Data, 3)
	assert.Contains(t, p.page("/"), "Welcome series", "a browser is led to the dashboard")
	assert.Contains(t, p.page(dashboardPath+"templates"), "Team guide")
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.NotEmpty(c, p.call(http.StatusOK, "GET", "/automations/welcome/runs?status=failed", "").Data, "an address bounces")
	}, time.Minute, time.Millisecond)
	p.call(http.StatusOK, "DELETE", "/automations/payment", "")
	p.stop()
	p = start(t, settings{file: file, sample: true})
	assert.Len(t, p.call(http.StatusOK, "GET", "/automations", "").Data, 2)
	p.stop()
}

func TestServer_AsksForAPasswordWhereOthersReachIt(t *testing.T) {
	t.Parallel()
	p := start(t, settings{file: filepath.Join(t.TempDir(), "automation.db"), key: "secret"})
	defer p.stop()
	res, err := http.Get(p.url + dashboardPath)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Contains(t, p.page(dashboardPath), "<h1>Automations</h1>")
}

// page returns a page for a browser.
func (p *process) page(path string) string {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), "GET", p.url+path, nil)
	require.NoError(p.t, err)
	r.SetBasicAuth("", p.key)
	res, err := http.DefaultClient.Do(r)
	require.NoError(p.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(p.t, err)
	return string(body)
}
