package dashboard_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fixedRandom makes the same ids in each test.
type fixedRandom struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (r *fixedRandom) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source.Read(p)
}

func newFixedRandom() io.Reader { return &fixedRandom{source: rand.NewChaCha8([32]byte{})} }

// newGoldenSite returns a site on which the same things happened at the same times, with the
// same ids, whatever its store is.
func newGoldenSite(t *testing.T, store automation.Store) *site {
	t.Helper()
	w := world.NewOn(t, store, automation.Options{Random: newFixedRandom()})
	s := newSiteOf(t, w, dashboard.Options{Templates: newLibrary(t), SentEmails: oneEmail(asSent, &atomic.Int32{})})
	t.Cleanup(s.handler.Close)
	s.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		if strings.HasPrefix(e.To, "fails") {
			return automation.Permanent(errors.New("550 5.1.1 mailbox unavailable"))
		}
		return nil
	}
	s.addOdd()
	s.define("signup", `{"plan": "string", "seats": "number"}`)
	flow := trial("trial")
	flow.Name = "Trial مرحبا <b>"
	s.Create(flow)
	s.Create(emailFlow("emails"))
	draft := trial("draft")
	draft.Status = automation.StatusDisabled
	s.Create(draft)
	for _, email := range []string{"waits@example.com", "fails@example.com", odd.Email} {
		s.Clock.Add(time.Second) // so that lists have one order on all stores
		s.Send(automation.Event{Name: "signup", Email: email, Payload: []byte(`{"plan":"<b>pro</b>","seats":3}`)})
		s.Drain()
	}
	s.Clock.Add(time.Second)
	s.Send(automation.Event{Name: "order", ContactID: odd.ID})
	s.Drain()
	s.Clock.Add(time.Hour)
	s.Send(automation.Event{Name: "paid", Email: "fails@example.com"})
	s.Drain()
	s.Clock.Add(time.Minute)
	changed(s)
	s.Clock.Add(time.Minute)
	s.Send(world.Signup("pending@example.com"))
	return s
}

// goldenPages are the paths of the pages that have golden files, by the names of these.
func (s *site) goldenPages() map[string]string {
	failed, waiting, sent := s.runOf("trial", "fails@example.com"), s.runOf("trial", "waits@example.com"), s.runOf("emails", odd.Email)
	return map[string]string{
		"automations":        "/",
		"automation":         "/a/trial",
		"automation-stopped": "/a/draft",
		"funnel":             "/a/trial/funnel?version=1",
		"versions":           "/a/trial/versions",
		"version":            "/a/trial/versions/2?with=1",
		"run-failed":         "/a/trial/runs/" + failed.ID,
		"run-waiting":        "/a/trial/runs/" + waiting.ID,
		"run-email":          "/a/emails/runs/" + sent.ID + "?step=hello",
		"email":              "/emails/" + sent.ID + "/hello",
		"runs":               "/runs",
		"runs-filtered":      "/runs?status=failed&automation=trial&contact=fails%40example.com",
		"runs-none":          "/runs?status=cancelled",
		"bulk":               "/runs/bulk?action=retry&automation=trial",
		"contacts":           "/contacts",
		"contact":            oddPath,
		"contact-events":     oddPath + "?show=events",
		"contact-properties": oddPath + "?show=properties",
		"events":             "/events",
		"event":              "/events/log/" + failed.EventID,
		"definition":         "/events/signup",
		"send":               "/events/send?event=" + failed.EventID,
		"templates":          "/templates",
		"template":           "/templates/team%2Fhello?contact=waits%40example.com",
		"failure":            "/no-such-page",
		"failure-run":        "/a/trial/runs/none",
	}
}

// insideMain matches what a page shows between its header and its end.
var insideMain = regexp.MustCompile(`(?s)<main[^>]*>\n(.*)</main>`)

// freshKey matches the idempotency key of a form, which is new each time.
var freshKey = regexp.MustCompile(`dashboard-[A-Z2-7]{26}`)

// mainOf returns the main part of a page.
func (s *site) mainOf(path string) string {
	s.T.Helper()
	found := insideMain.FindStringSubmatch(s.get(path).Body.String())
	require.NotNil(s.T, found, path)
	return freshKey.ReplaceAllString(found[1], "dashboard-KEY")
}

// The main part of each page is the same on every store, and as its golden file has it.
func TestPages_AreAsTheirGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newGoldenSite(t, open(t))
			for page, path := range s.goldenPages() {
				golden(t, page, s.mainOf(path))
			}
		})
	}
}

// The page without automations has examples.
func TestPages_WithoutDataAreAsTheirGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSiteOf(t, world.NewOn(t, open(t), automation.Options{}), dashboard.Options{})
			for page, path := range map[string]string{
				"empty-automations": "/", "empty-runs": "/runs", "empty-contacts": "/contacts", "empty-events": "/events",
			} {
				golden(t, page, s.mainOf(path))
			}
		})
	}
}

// golden compares a page with its golden file, which the store in memory makes.
func golden(t *testing.T, page, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", page+".html")
	if *update && strings.HasSuffix(t.Name(), "/memory") {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "go test ./dashboard -run GoldenFiles -update writes it")
	wanted, lines := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range max(len(wanted), len(lines)) {
		if i >= len(wanted) || i >= len(lines) || wanted[i] != lines[i] {
			assert.Equal(t, strings.Join(wanted[min(i, len(wanted)):min(i+1, len(wanted))], ""), strings.Join(lines[min(i, len(lines)):min(i+1, len(lines))], ""), "%s, line %d", file, i+1)
			return
		}
	}
}
