package browser_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// The page shows what another Runner on the same store does.
func TestLive_ShowsWhatAnotherProcessDoes(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	b := newTab(t, s)
	b.open("/")
	b.see(".badge.enabled")
	eval[any](b, "window.same = true, null")
	_, err := s.Node(automation.Options{}).StopAutomation(t.Context(), "welcome", automation.StopOptions{})
	require.NoError(t, err)
	b.see(".badge.disabled")
	assert.True(t, eval[bool](b, "window.same"), "the page was not loaded again")
}

// A paused tab, and a hidden one, send no request, and go on afterwards.
func TestLive_SendsNoRequestWhilePausedOrHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	b := newTab(t, s)
	b.open("/")
	b.see(".badge.enabled")
	eval[any](b, `window.asked = 0, window.pending = new Set(),
		window.fetch = () => { window.asked++; return new Promise(() => {}) },
		window.setTimeout = (f) => { window.pending.add(f); return f }, window.clearTimeout = (f) => window.pending.delete(f), null`)
	b.click("#live")
	b.until("document.querySelector('#live').title === 'Go on with updates'")
	assert.Equal(t, []int{0, 0}, eval[[]int](b, "document.dispatchEvent(new Event('visibilitychange')), [window.asked, window.pending.size]"))
	hide := "Object.defineProperty(document, 'hidden', {value: true, configurable: true}), document.querySelector('#live').click(), [window.asked, window.pending.size]"
	assert.Equal(t, []int{0, 0}, eval[[]int](b, hide))
	assert.Equal(t, 1, eval[int](b, "delete document.hidden, document.dispatchEvent(new Event('visibilitychange')), window.asked"))
}

// A run that another process moves on, over the same SQLite file, is shown with the second
// answer at the latest. The page asks every two seconds.
func TestLive_ShowsARunThatAnotherProcessMovesOn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "automation.db")
	s := serve(t, world.NewOn(t, openFile(t, file), automation.Options{}), dashboard.Options{})
	worker := s.On(openFile(t, file), automation.Options{})
	s.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day"), world.Email("hello"), world.Pause("again", "1 day")))
	s.Send(world.Signup("ada@example.com"))
	_, err := worker.Drain(t.Context())
	require.NoError(t, err)
	run := s.Run()
	b := newTab(t, s)
	b.open("/a/welcome/runs/" + run.ID)
	b.reads("#step h2", "rest")
	const asked = "performance.getEntriesByType('resource').filter(e => e.initiatorType === 'fetch').length"
	before := eval[int](b, asked)
	s.Clock.Add(24 * time.Hour)
	_, err = worker.Drain(t.Context())
	require.NoError(t, err)
	b.reads("#step h2", "again")
	b.until("document.querySelector('#timeline').innerText.includes('hello')")
	assert.LessOrEqual(t, eval[int](b, asked)-before, 2)
}

func openFile(t *testing.T, file string) automation.Store {
	t.Helper()
	store, err := sqlitefile.Open(t.Context(), file)
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}
