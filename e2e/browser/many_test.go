package browser_test

import (
	"context"
	"database/sql"
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
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// manyRuns is how many runs TestManyRuns makes: DASHBOARD_RUNS, or few.
func manyRuns(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DASHBOARD_RUNS")
	if text == "" {
		return 4 * firstRuns
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "DASHBOARD_RUNS")
	require.Zero(t, n%firstRuns, "DASHBOARD_RUNS is a multiple of %d", firstRuns)
	return n
}

// With a million runs in an SQLite file, a person opens each list, filters it, goes on to the
// next page, and opens a run. make dashboard-million measures it.
func TestManyRuns_AreListedFilteredAndOpened(t *testing.T) {
	store, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "automation.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	s := serve(t, world.NewOn(t, store, automation.Options{}), dashboard.Options{})
	s.crowd(store.DB(), manyRuns(t))
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

// firstRuns is how many runs the Runner makes. All others are copies of them.
const firstRuns = 1000

// crowd makes n runs of a flow of 12 steps. Most of them sleep after the first email; one of
// fifty has failed.
func (s *site) crowd(db *sql.DB, n int) {
	s.T.Helper()
	began := time.Now()
	s.Mailer.Respond = func(_ context.Context, email automation.Email) error {
		if strings.HasSuffix(email.To, "49@example.com") || strings.HasSuffix(email.To, "99@example.com") {
			return automation.Permanent(errors.New("550 5.1.1 mailbox unavailable"))
		}
		return nil
	}
	steps := []automation.Step{world.Email("hello"), world.Pause("rest", "30 days")}
	for i := range 9 {
		steps = append(steps, world.Email(fmt.Sprintf("email%d", i)))
	}
	s.Create(world.Flow("series", "signup", steps...))
	events := make([]automation.Event, firstRuns)
	for i := range events {
		events[i] = automation.Event{Name: "signup", Email: fmt.Sprintf("person%d@example.com", i)}
	}
	s.Send(events...)
	s.Drain()
	for _, statement := range copies {
		_, err := db.ExecContext(s.Ctx, statement, sql.Named("n", n/firstRuns), sql.Named("size", firstRuns))
		require.NoError(s.T, err, statement)
	}
	s.Clock.Add(time.Duration(n/firstRuns) * time.Second)
	s.T.Logf("%d runs were made in %s", n, time.Since(began).Round(time.Second))
}

// copies make n-1 copies of all contacts, and of all runs with their events, each a second later than the last.
// The copy k of an id has k in its ninth and tenth byte, in which a Runner has random bits.
var copies = []string{
	withCopies + `INSERT INTO automation_contacts (id, email, email_key, first_name, last_name, unsubscribed, properties, segments, created_at)
	SELECT ` + copyOf("id") + `, printf('person%d@example.com', substr(email, 7) + k * :size), printf('person%d@example.com', substr(email, 7) + k * :size),
		first_name, last_name, unsubscribed, properties, segments, created_at + k * 1000000
	FROM copy CROSS JOIN automation_contacts WHERE :n ORDER BY k, no`,
	copyRuns("automation_active_runs"), copyRuns("automation_ended_runs"),
	`UPDATE automation_places SET n = n * :n WHERE :size`,
	`UPDATE automation_tokens SET last_run = last_run * :n WHERE :size`,
}

// withCopies has the numbers of the copies.
const withCopies = `WITH RECURSIVE copy(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM copy WHERE k < :n - 1) `

func copyOf(id string) string {
	return "unhex(substr(hex(" + id + "), 1, 16) || printf('%04x', 32768 + k) || substr(hex(" + id + "), 21))"
}

func copyRuns(table string) string {
	return withCopies + `INSERT INTO ` + table + ` (no, id, place_no, owner, event_age, event_payload, control, setbacks, due_at, created_at, completed_at, error, state)
	SELECT no + k * :size, ` + copyOf("id") + `, place_no, ` + copyOf("owner") + `, event_age, event_payload, control, setbacks,
		due_at + k * 1000000, created_at + k * 1000000, completed_at + k * 1000000, error, state
	FROM copy CROSS JOIN ` + table + ` WHERE :n ORDER BY k, no`
}
