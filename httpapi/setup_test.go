package httpapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

var update = flag.Bool("update", false, "write new golden files")

// The keys that setup gives to an API.
const (
	fullKey    = "re_full"
	sendingKey = "re_sending"
)

// api is a Handler on a Runner of its own, whose clock stands still and whose ids
// are the same in every run of a test.
type api struct {
	t            *testing.T
	runner       *automation.Runner
	clock        *clock.Mock
	mailer       *capture.Mailer
	log          *bytes.Buffer
	api          *httpapi.Handler
	http.Handler // api, whose answers are compared with its document
}

func setup(t *testing.T, change ...func(*httpapi.Options)) *api {
	t.Helper()
	return setupOn(t, memory.New(), automation.Options{}, change...)
}

func setupOn(t *testing.T, store automation.Store, opts automation.Options, change ...func(*httpapi.Options)) *api {
	t.Helper()
	a := &api{t: t, clock: clock.NewMock(), mailer: capture.New(), log: &bytes.Buffer{}}
	a.clock.Set(time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC))
	opts.Clock, opts.Random = a.clock, rand.NewChaCha8([32]byte{})
	var err error
	a.runner, err = automation.New(store, a.mailer, opts)
	require.NoError(t, err)
	options := httpapi.Options{
		Keys: []httpapi.Key{
			{Name: "backend", Hash: httpapi.HashKey(fullKey)},
			{Name: "frontend", Hash: httpapi.HashKey(sendingKey), Permission: httpapi.PermissionSending},
		},
		Contacts:  true,
		Templates: newLibrary(t, a.clock),
		Clock:     a.clock,
		Logger:    slog.New(slog.NewTextHandler(a.log, nil)),
	}
	for _, c := range change {
		c(&options)
	}
	a.api, err = httpapi.New(a.runner, options)
	require.NoError(t, err)
	a.Handler = conforming(t, a.api)
	return a
}

// answer is what a client gets.
type answer struct {
	status int
	header http.Header
	body   string
}

// failure is the body of an answer that reports an error.
type failure struct {
	Status  int    `json:"statusCode"`
	Name    string `json:"name"`
	Message string `json:"message"`
}

func (a answer) failure(t *testing.T) failure {
	t.Helper()
	var f failure
	require.NoError(t, json.Unmarshal([]byte(a.body), &f), a.body)
	assert.Equal(t, a.status, f.Status)
	return f
}

func (a answer) id(t *testing.T) string {
	t.Helper()
	var body struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(a.body), &body), a.body)
	require.NotEmpty(t, body.ID, a.body)
	return body.ID
}

// call sends a request with the full key. Headers are name and value in turn.
func (a *api) call(method, target, body string, headers ...string) answer {
	a.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+fullKey)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got := a.do(r)
	if got.status < 300 {
		assert.NoError(a.t, described().checkRequest(method, a.api.Path(r), []byte(body)), "%s %s: %s", method, target, body)
	}
	return got
}

func (a *api) do(r *http.Request) answer {
	a.t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	assert.Equal(a.t, "application/json", w.Header().Get("Content-Type"))
	assert.True(a.t, json.Valid(w.Body.Bytes()), w.Body)
	return answer{w.Code, w.Header(), w.Body.String()}
}

// must is call for a request that is answered with this status.
func (a *api) must(status int, method, target, body string, headers ...string) answer {
	a.t.Helper()
	got := a.call(method, target, body, headers...)
	require.Equal(a.t, status, got.status, "%s %s: %s", method, target, got.body)
	return got
}

func (a *api) drain() {
	a.t.Helper()
	_, err := a.runner.Drain(a.t.Context())
	require.NoError(a.t, err)
}

// welcome is an automation that mails, waits a day and mails again.
const welcome = `{
	"name": "Welcome",
	"status": "enabled",
	"steps": [
		{"key": "start", "type": "trigger", "config": {"event_name": "user.created"}},
		{"key": "hello", "type": "send_email", "config": {"template": {"id": "hello"}}},
		{"key": "rest", "type": "delay", "config": {"duration": "1 day"}},
		{"key": "tips", "type": "send_email", "config": {"template": {"id": "tips"}}}
	],
	"connections": [
		{"from": "start", "to": "hello"},
		{"from": "hello", "to": "rest"},
		{"from": "rest", "to": "tips"}
	]
}`

// create creates the automation welcome and returns its id.
func (a *api) create() string {
	a.t.Helper()
	return a.must(http.StatusCreated, "POST", "/automations", welcome).id(a.t)
}

// start starts a run of welcome for this email and returns its id.
func (a *api) start(email string) string {
	a.t.Helper()
	a.must(http.StatusAccepted, "POST", "/events/send", `{"event": "user.created", "email": "`+email+`"}`)
	a.drain()
	page, err := a.runner.ListRuns(a.t.Context(), automation.RunQuery{})
	require.NoError(a.t, err)
	require.NotEmpty(a.t, page.Data)
	return page.Data[0].ID
}

var requestID = regexp.MustCompile(`request [A-Z2-7]{26}`)

// golden compares an answer with the file of this name.
func golden(t *testing.T, name string, got answer) {
	t.Helper()
	var pretty bytes.Buffer
	require.NoError(t, json.Indent(&pretty, []byte(got.body), "", "  "))
	text := http.StatusText(got.status) + "\n" + requestID.ReplaceAllString(pretty.String(), "request ID")
	file := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), text)
}

// page returns has_more and the ids of a list.
func (a answer) page(t *testing.T) (more bool, ids []string) {
	t.Helper()
	var page struct {
		HasMore bool `json:"has_more"`
		Data    []struct{ ID string }
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &page), a.body)
	for _, item := range page.Data {
		ids = append(ids, item.ID)
	}
	return page.HasMore, ids
}
