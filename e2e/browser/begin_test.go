package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/world"
)

// A person makes a first automation with the keyboard: each field that comes next has the
// focus, and what it proposes gives way to what is typed.
func TestEditor_LeadsFromTheNameToASavedAutomation(t *testing.T) {
	t.Parallel()
	b := newTab(t, newSite(t))
	b.open("/new")
	b.until("document.activeElement?.classList.contains('title')")
	assert.False(t, eval[bool](b, "!!document.querySelector('.node.wrong, .problems')"), "an untouched draft has no mistakes")
	assert.Equal(t, "on …", eval[string](b, "document.querySelector('[data-step=start] .summary').textContent"))
	b.do(chromedp.KeyEvent("Welcome" + kb.Tab))
	b.until("document.querySelector('.problems')?.innerText.includes('event name')")
	b.fill("Event", "user.created")
	b.press("Add a step after it")
	b.press("Wait for a time")
	b.until("getSelection().toString() === '1 day'")
	b.do(chromedp.KeyEvent("3 days" + kb.Tab))
	b.until("document.querySelector('[data-step=delay] .summary')?.textContent === '3 days'")
	b.press("Save version")
	b.until("document.querySelector('.notice')?.innerText.startsWith('The automation is saved')")
	b.press("Start")
	b.until("document.querySelector('.notice')?.innerText.startsWith('The automation is started')")
	b.press("Send an event")
	b.until("document.querySelector('#contact')?.autofocus")
}

func TestEditor_OffersToDiscardADraftThatWasLeft(t *testing.T) {
	t.Parallel()
	b := newTab(t, newSite(t))
	b.open("/new")
	b.fill("Name of the automation", "Left")
	b.until("document.querySelector('[role=status]').innerText.includes('1 problem')")
	b.open("/")
	b.open("/new")
	b.press("Discard it")
	b.until("document.querySelector('.title').value === '' && !document.body.innerText.includes('Discard it')")
	b.open("/")
	b.open("/new")
	b.until("document.activeElement?.classList.contains('title')")
}

// On a phone, the form of a step is below a drawing that may fill the screen.
func TestEditor_BringsTheFormOfATappedStepIntoSightOnAPhone(t *testing.T) {
	t.Parallel()
	b := newTab(t, newSite(t))
	b.site.Create(welcomeSeries())
	b.resize(390, 700)
	b.edit(welcomeSeries())
	b.click(`[data-step="wait_for_payment"]`)
	b.until("document.querySelector('.step-form h2').getBoundingClientRect().bottom < innerHeight * 0.7")
	assert.True(t, eval[bool](b, "document.querySelector('.canvas').getBoundingClientRect().bottom > 100"), "the drawing stays in sight")
	b.picture("/edit-step", "light-390")
}

func TestPages_HaveNoDeadButtonsWithoutScripts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	b := newTab(t, s)
	b.withoutScripts()
	for _, path := range []string{"/", "/a/welcome", "/runs", "/new"} {
		b.open(path)
		assert.Zero(t, eval[int](b, "[...document.querySelectorAll('button[type=button]')].filter(e => e.offsetParent).length"), path)
	}
	assert.Contains(t, eval[string](b, "document.querySelector('details pre').textContent"), `"duration": "3 days"`)
}
