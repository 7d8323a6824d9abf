package browser_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
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

// A paused tab, and a hidden one, ask for nothing, and go on afterwards.
func TestLive_AsksForNothingWhilePausedOrHidden(t *testing.T) {
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
