package e2e

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/benbjohnson/clock"
	"github.com/resend/resend-go/v3"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/httpapi"
	"github.com/seed-b636437c/automation/mail"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/mail/template"
	"github.com/seed-b636437c/automation/store/memory"
)

// apiKey is the key of the API of a world.
const apiKey = "re_e2e"

// start is the time of a world, whose clock stands still.
var start = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// world is an engine, its API on a real server, and a client of it.
type world struct {
	*resend.Client

	t         *testing.T
	runner    *automation.Runner
	templates *template.Library
	clock     *clock.Mock
	// sent holds the rendered emails.
	sent []mail.Message
	// url is the address of the API.
	url string
}

func setup(t *testing.T, change ...func(*httpapi.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewMock()}
	w.clock.Set(start)
	var err error
	w.templates, err = template.New(template.Options{From: "hello@acme.example", Clock: w.clock})
	require.NoError(t, err)
	mailer := capture.New()
	mailer.Respond = w.render
	w.runner, err = automation.New(memory.New(), mailer, automation.Options{
		Clock: w.clock, Random: rand.NewChaCha8([32]byte{}),
	})
	require.NoError(t, err)
	opts := httpapi.Options{
		Keys:      []httpapi.Key{{Name: "e2e", Hash: httpapi.HashKey(apiKey)}},
		Contacts:  true,
		Templates: w.templates,
		Clock:     w.clock,
	}
	for _, c := range change {
		c(&opts)
	}
	api, err := httpapi.New(w.runner, opts)
	require.NoError(t, err)
	w.url = serve(t, api)
	w.Client = client(t, apiKey, w.url+"/")
	return w
}

// serve serves on this machine until the test ends, and returns the address.
func serve(t *testing.T, handler http.Handler) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// client returns a client of the API.
func client(t *testing.T, key, base string) *resend.Client {
	t.Helper()
	c := resend.NewClient(key)
	var err error
	c.BaseURL, err = url.Parse(base)
	require.NoError(t, err)
	return c
}

func (w *world) render(ctx context.Context, email automation.Email) error {
	message, err := w.templates.RenderEmail(ctx, email)
	if err == nil {
		w.sent = append(w.sent, message)
	}
	return err
}

// later moves the clock, so that the next object is newer than all others.
func (w *world) later() { w.clock.Add(time.Second) }

// drain performs all work that is due.
func (w *world) drain() {
	w.t.Helper()
	_, err := w.runner.Drain(w.t.Context())
	require.NoError(w.t, err)
}

// stamp returns a time in the form of the API.
func stamp(t time.Time) string {
	return t.UTC().Format("2006-01-02 15:04:05.000000") + "+00"
}

// stampOf returns a time in the form of the API, which may be null.
func stampOf(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return ptr(stamp(t))
}

func ptr[T any](v T) *T { return &v }
