package browser_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// manyRuns is how many runs TestManyRuns makes: DASHBOARD_RUNS, or few.
func manyRuns(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DASHBOARD_RUNS")
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "DASHBOARD_RUNS")
	return n
}

// With a million runs in an SQLite file, a person opens each list, filters it, goes on to the
// next page, and opens a run. make dashboard-million measures it.
func TestManyRuns_AreListedFilteredAndOpened(t *testing.T) {
	s := serve(t, world.NewOn(t, openFile(t, filepath.Join(t.TempDir(), "automation.db")), automation.Options{}), dashboard.Options{})
	s.crowd(manyRuns(t))
	b := newTab(t, s)
	b.measure("automations", "/")
	b.measure("one automation", "/a/series")
	b.measure("funnel", "/a/series/funnel")
	b.measure("all runs", "/runs")
	b.clickToNext("all runs, next page", "a[rel=next]")
	b.measure("failed runs", "/runs?status=failed")
	assert.True(t, eval[bool](b, "[...document.querySelectorAll('.runs tbody .badge')].every(e => e.innerText.includes('failed'))"))
	b.clickToNext("failed runs, next page", "a[rel=next]")
	b.clickToNext("one run", ".runs .row")
	b.see(".trouble")
	b.measure("runs at one step", "/runs?automation=series&step=rest")
	b.clickToNext("runs at one step, next page", "a[rel=next]")
	b.measure("runs of a contact", "/runs?contact=person77@example.com")
	b.measure("contacts", "/contacts")
	b.clickToNext("contacts, next page", "a[rel=next]")
	b.measure("contacts by email", "/contacts?email=person77")
	b.clickToNext("one contact", "a.row")
	b.measure("events", "/events")
	b.clickToNext("events, next page", "a[rel=next]")
	b.measure("events of a contact", "/events?contact=person77@example.com")
	b.measure("search by email", "/search?q=person77")
}

// measure opens a page, and prints how long it took.
func (b *tab) measure(name, path string) {
	b.t.Helper()
	b.open(path)
	b.printSpeed(name)
}

// clickToNext follows a link to another page, and prints how long it took.
func (b *tab) clickToNext(name, link string) {
	b.t.Helper()
	eval[any](b, "window.left = true, document.querySelector('"+link+"').click(), null")
	b.until("!window.left && document.readyState === 'complete'")
	b.printSpeed(name)
}

// printSpeed prints how long the page took to its first byte and to its first paint.
func (b *tab) printSpeed(name string) {
	b.t.Helper()
	b.until("performance.getEntriesByName('first-contentful-paint').length")
	speed := eval[[]float64](b, "[performance.getEntriesByType('navigation')[0].responseStart, performance.getEntriesByName('first-contentful-paint')[0].startTime]")
	require.Equal(b.t, 0, eval[int](b, "document.querySelectorAll('.failure, [role=alert]:not(:empty)').length"), name)
	b.t.Logf("%-28s first byte %5.0f ms, first paint %5.0f ms", name, speed[0], speed[1])
}

// crowd starts n runs of a flow of 11 steps. Most of them sleep after the first email; one of
// fifty fails.
func (s *site) crowd(n int) {
	s.T.Helper()
	began := time.Now()
	mailer := world.MailerFunc(func(_ context.Context, email automation.Email) (string, error) {
		if strings.HasSuffix(email.To, "49@example.com") || strings.HasSuffix(email.To, "99@example.com") {
			return "", automation.Permanent(errors.New("550 5.1.1 mailbox unavailable"))
		}
		return "sent", nil
	})
	runner, err := automation.New(s.Store, mailer, s.Opts)
	require.NoError(s.T, err)
	steps := []automation.Step{world.Email("hello"), world.Pause("rest", "30 days")}
	for i := range 9 {
		steps = append(steps, world.Email(fmt.Sprintf("email%d", i)))
	}
	s.Create(world.Flow("series", "signup", steps...))
	const batch = 1000
	for i := 0; i < n; i += batch {
		events := make([]automation.Event, min(batch, n-i))
		for j := range events {
			events[j] = automation.Event{Name: "signup", Email: fmt.Sprintf("person%d@example.com", i+j)}
		}
		s.Send(events...)
	}
	_, err = runner.Drain(s.Ctx)
	require.NoError(s.T, err)
	s.T.Logf("%d runs were made in %s", n, time.Since(began).Round(time.Second))
}
