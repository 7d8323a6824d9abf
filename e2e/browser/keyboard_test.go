package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation/internal/world"
)

// focusedStep is the step in the drawing that has the focus.
const focusedStep = "(document.activeElement?.dataset?.step ?? '')"

// key presses keys, and fails the test if the focus is lost.
func (b *tab) key(keys string, options ...chromedp.KeyOption) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys, options...))
	b.kept()
}

// kept fails the test if no element has the focus, once the page was painted.
func (b *tab) kept() {
	b.t.Helper()
	const settle = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(document.activeElement?.tagName ?? ''))))"
	assert.NotContains(b.t, []string{"", "BODY", "HTML"}, eval[string](b, settle), "the focus is lost")
}

// focusOn gives the focus to what a CSS selector selects.
func (b *tab) focusOn(selector string) {
	b.t.Helper()
	b.until("document.querySelector('" + selector + "')")
	eval[any](b, "document.querySelector('"+selector+"').focus(), null")
}

// focusOnButton gives the focus to the button with a text.
func (b *tab) focusOnButton(text string) {
	b.t.Helper()
	button := "[...document.querySelectorAll('button')].find(e => e.innerText.trim() === '" + text + "' && !e.disabled)"
	b.until(button)
	eval[any](b, "("+button+").focus(), null")
}

func TestKeyboard_MovesIntoTheFormOfAStepAndBack(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	b.focusOn("[data-step=hello]")
	b.key(kb.Enter)
	b.until("document.activeElement.closest('.step-form')")
	b.key(kb.Escape)
	b.until(focusedStep + " === 'hello'")
	b.key("+")
	b.until("document.activeElement.closest('.adder')")
	b.key(kb.Escape)
	b.until(focusedStep + " === 'hello'")
	b.key("+")
	b.focusOnButton("Cancel")
	b.key(kb.Enter)
	b.until(focusedStep + " === 'hello'")
	b.focusOnButton("JSON")
	b.key(kb.Enter)
	b.focusOnButton("Close")
	b.key(kb.Enter)
	b.until("document.activeElement.closest('#editor')")
}

func TestKeyboard_KeepsTheFocusThroughDeletingUndoAndRedo(t *testing.T) {
	t.Parallel()
	b := editing(t, world.Flow("welcome", "signup", world.Email("hello"), world.Pause("rest", "1 day"), world.Email("bye")))
	b.focusOn("[data-step=rest]")
	b.key(kb.Delete)
	b.settled(3)
	b.kept()
	b.until(focusedStep + " === 'hello'")
	undo := chromedp.KeyModifiers(chromedp.ModifierCtrl)
	b.key("z", undo)
	b.settled(4)
	b.kept()
	assert.Equal(t, "hello", eval[string](b, focusedStep), "the focus stays on its step, although others come and go")
	b.key("Z", chromedp.KeyModifiers(chromedp.ModifierCtrl|chromedp.ModifierShift))
	b.settled(3)
	b.kept()
	b.focusOn("[data-step=bye]")
	b.key(kb.Enter)
	b.focusOnButton("Delete the step")
	b.key(kb.Enter)
	b.settled(2)
	b.kept()
	b.until(focusedStep + " === 'hello'")
	for _, name := range []string{"Undo", "Undo", "Redo", "Redo"} { // the last of each disables its button
		b.focusOnButton(name)
		b.key(kb.Enter)
	}
	b.settled(2)
	b.kept()
}

// A step that had the focus and is undone leaves it to what is chosen.
func TestKeyboard_KeepsTheFocusWhenItsStepIsUndone(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	b.focusOn("[data-step=hello]")
	b.key("+")
	b.key(kb.Enter)
	b.settled(3)
	b.focusOn("[data-step=email]")
	b.key("z", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.settled(2)
	b.kept()
}

func TestKeyboard_ShowsNewRunsAndGoesToThem(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(welcome())
	s.Send(world.Signup("ada@example.com"))
	s.Drain()
	b := newTab(t, s)
	b.open("/runs")
	b.see(".runs")
	s.Send(world.Signup("bob@example.com"))
	s.Drain()
	b.focusOn(".fresh")
	b.key(kb.Enter)
	b.until("document.querySelectorAll('.runs tbody tr').length === 2")
	b.kept()
}

func TestKeyboard_SkipsToTheContent(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(welcome())
	b := newTab(t, s)
	b.open("/")
	b.key(kb.Tab)
	b.key(kb.Enter)
	b.until("document.activeElement.id === 'main'")
	b.key(kb.Tab)
	b.until("document.activeElement.closest('main') && document.activeElement.id !== 'main'")
}
