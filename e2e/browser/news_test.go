package browser_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// listen makes a page keep what screen readers read: each text that appears in an element that
// was there before. What brings its own element is kept as late: readers may miss it.
const listen = `
window.heard = [], window.late = []
const regions = '[role=status], [role=alert], [aria-live]'
for (const region of document.querySelectorAll(regions)) {
	const watch = new MutationObserver(() => { if (region.innerText.trim()) heard.push(region.innerText.trim()) })
	watch.observe(region, { childList: true, characterData: true, subtree: true })
}
const added = new MutationObserver(changes => {
	for (const node of changes.flatMap(c => [...c.addedNodes])) {
		const found = node.matches?.(regions) ? node : node.querySelector?.(regions)
		if (found?.innerText.trim()) late.push(found.outerHTML)
	}
})
added.observe(document.body, { childList: true, subtree: true })
null`

// listens makes a page keep what screen readers read from now on.
func (b *tab) listens() { b.t.Helper(); eval[any](b, "{"+listen+"}") }

// hears waits until a text was read, and returns all that was read.
func (b *tab) hears(text string) {
	b.t.Helper()
	b.until("heard.some(e => e.includes('" + text + "'))")
}

// heardOnce fails the test unless a text was read once, and from an element that was there.
func (b *tab) heardOnce(text string) {
	b.t.Helper()
	times := 0
	heard := eval[[]string](b, "heard")
	for _, h := range heard {
		if strings.Contains(h, text) {
			times++
		}
	}
	assert.Equal(b.t, 1, times, "how often %q was read, of %q", text, heard)
	assert.Empty(b.t, eval[[]string](b, "late"))
}

// polled is how often a live page asked for news.
const polled = "performance.getEntriesByType('resource').filter(e => e.initiatorType === 'fetch').length"

// polls waits until a live page has asked twice more.
func (b *tab) polls() {
	b.t.Helper()
	before := eval[int](b, polled)
	b.until(polled + " >= " + strconv.Itoa(before+2))
}

func TestNews_HasTheStatusOfARunOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day"), world.Email("hello")))
	s.Send(world.Signup("ada@example.com"))
	s.Drain()
	b := newTab(t, s)
	b.open("/a/welcome/runs/" + s.Run().ID)
	b.listens()
	s.Pass(24 * time.Hour)
	b.hears("The run is completed.")
	b.polls()
	b.heardOnce("The run is completed.")
}

func TestNews_HasNewRunsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(welcome())
	s.Send(world.Signup("ada@example.com"))
	s.Drain()
	b := newTab(t, s)
	b.open("/runs")
	b.listens()
	s.Send(world.Signup("bob@example.com"))
	s.Drain()
	b.hears("1 new")
	b.polls()
	b.heardOnce("1 new")
}

// The page of a job has news of each quarter, and not of each run.
func TestNews_HasTheProgressOfAJob(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(welcome())
	s.Mailer.Respond = func(context.Context, automation.Email) error { return automation.Permanent(world.ErrOutage) }
	s.Send(world.Signups(300)...)
	s.Drain()
	b := newTab(t, s)
	b.open("/runs?status=failed")
	b.press("Retry the failed")
	b.press("Retry them")
	b.until("document.querySelector('#job')?.dataset.news === '25 % are done.'")
	b.listens()
	b.until("window.heard")
	for range 3 {
		s.Clock.Add(time.Minute)
	}
	b.hears("The job is done.")
	b.polls()
	b.heardOnce("The job is done.")
}

// A person who has paused a page hears nothing of it, also not of what it has just asked for.
func TestNews_StopsWithAPause(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(world.Flow("welcome", "signup", world.Pause("rest", "1 day"), world.Email("hello")))
	s.Send(world.Signup("ada@example.com"))
	s.Drain()
	b := newTab(t, s)
	b.open("/a/welcome/runs/" + s.Run().ID)
	b.listens()
	eval[any](b, `window.real = window.fetch, window.asked = 0, window.go = null,
		window.fetch = async (...all) => { window.asked++; await new Promise(done => window.go = done); return window.real(...all) }, null`)
	s.Pass(24 * time.Hour)
	b.until("window.asked === 1")
	b.click("#live")
	eval[any](b, "new Promise(done => { window.go(); const seen = new PerformanceObserver(() => setTimeout(done, 100)); seen.observe({ entryTypes: ['resource'] }) })")
	assert.Empty(t, eval[[]string](b, "heard"))
	assert.True(t, eval[bool](b, "document.querySelector('h1 + .badge').innerText.includes('running')"), "a paused page stays as it is")
	eval[any](b, "window.fetch = window.real, null")
	b.click("#live")
	b.hears("The run is completed.")
}

// A server that is away is news once, however often the page asks.
func TestNews_HasALostServerOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(welcome())
	b := newTab(t, s)
	b.open("/")
	b.listens()
	eval[any](b, "window.asked = 0, window.fetch = async () => { window.asked++; throw new TypeError('away') }, null")
	b.until("window.asked >= 3")
	b.heardOnce("The server does not answer.")
}

func TestNews_HasWhatAFormDid(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	b.click(`[data-step="hello"]`)
	b.fill("Subject", "Welcome")
	b.isNotSaved()
	b.saves("welcome")
	b.until("document.querySelector('#news')?.innerText.startsWith('The automation is saved')")
	assert.True(t, eval[bool](b, `fetch(location.href).then(r => r.text()).then(text => text.includes('<p id="news" class="hidden" role="status"></p>'))`),
		"it was there before its text")
}

func TestNews_HasAProblemOnce(t *testing.T) {
	t.Parallel()
	b := editing(t, world.Flow("welcome", "signup", world.Pause("rest", "1 day")))
	b.click(`[data-step="rest"]`)
	b.listens()
	b.fill("How long", "3 dayz")
	b.hears("dayz")
	b.fill("Name of the automation", "Renamed") // another check, with the same problem
	b.until("document.querySelector('.title').value === 'Renamed' && !document.querySelector('.busy')")
	b.heardOnce("dayz")
}

func TestNews_HasAConflictOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(welcome())
	b := newTab(t, s)
	b.expect("status of 409")
	b.edit(welcome())
	b.click(`[data-step="hello"]`)
	b.fill("Subject", "Mine")
	b.isNotSaved()
	name := "Theirs"
	_, err := s.UpdateAutomation(s.Ctx, "welcome", automation.AutomationUpdate{Name: &name})
	assert.NoError(t, err)
	b.listens()
	b.focusOnButton("Save version")
	b.key("\r")
	b.hears("Revision 2 has been saved since")
	b.kept()
	b.heardOnce("Revision 2 has been saved since")
}
