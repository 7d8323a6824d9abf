package browser_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// fill types a value into a field that has a label, and leaves the field.
func (b *tab) fill(label, value string) {
	b.t.Helper()
	field := fieldOf(label)
	b.until(field)
	eval[any](b, "("+field+").focus(), ("+field+").select?.(), null")
	if value == "" {
		value = kb.Delete
	}
	b.do(chromedp.KeyEvent(value), chromedp.KeyEvent(kb.Tab))
}

// fieldOf returns an expression for the field whose label begins with a text.
func fieldOf(label string) string {
	return "([...document.querySelectorAll('label')].find(l => l.innerText.trim().startsWith('" + label + "'))?.querySelector('input, select, textarea')" +
		" ?? document.querySelector('[aria-label=\"" + label + "\"]'))"
}

// press clicks on the button with a text.
func (b *tab) press(text string) {
	b.t.Helper()
	button := "[...document.querySelectorAll('button, a.button')].find(e => e.innerText.trim() === '" + text + "' && !e.disabled)"
	b.until(button)
	eval[any](b, "("+button+").click(), null")
}

// settled waits until the server has drawn a draft with so many steps.
func (b *tab) settled(steps int) {
	b.t.Helper()
	b.until("document.querySelectorAll('.node').length === " + strconv.Itoa(steps))
}

// isSaved and isNotSaved wait until the editor shows whether the draft is saved.
func (b *tab) isSaved() { b.t.Helper(); b.until(draftStatus + " === 'saved'") }

func (b *tab) isNotSaved() { b.t.Helper(); b.until(draftStatus + " === 'not saved'") }

const draftStatus = "document.querySelector('#editor [role=status]').innerText"

// edit opens the editor of an automation.
func (b *tab) edit(a automation.Automation) {
	b.t.Helper()
	b.open("/a/" + a.ID + "/edit")
	b.settled(len(a.Steps))
}

// editing returns the editor of a new automation, on a site of its own.
func editing(t *testing.T, a automation.Automation) *tab {
	t.Helper()
	s := newSite(t)
	s.Create(a)
	b := newTab(t, s)
	b.edit(a)
	return b
}

// saves saves the draft, and returns the automation with it.
func (b *tab) saves(id string) automation.Automation {
	b.t.Helper()
	b.press("Save version")
	return b.saved(id)
}

// saved waits until the draft is saved, and returns the automation with it.
func (b *tab) saved(id string) automation.Automation {
	b.t.Helper()
	b.until("location.pathname.endsWith('/a/" + id + "')")
	a, err := b.site.Runner.GetAutomation(b.t.Context(), id)
	require.NoError(b.t, err)
	return a
}

// welcome is a flow with one email.
func welcome() automation.Automation { return world.Flow("welcome", "signup", world.Email("hello")) }

func TestEditor_MakesAnAutomation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := newTab(t, s)
	b.open("/new")
	b.settled(1)
	b.fill("Event", "user.created")
	b.press("Add a step after it")
	b.press("Send an email")
	b.settled(2)
	b.fill("Template", "hello")
	b.press("Add a step after it")
	b.press("Wait for an event")
	b.settled(3)
	b.fill("Event", "setup.done")
	b.click(`.plus.open[data-branch="timeout"]`)
	b.press("Send an email")
	b.settled(4)
	b.fill("Template", "reminder")
	eval[any](b, "document.querySelector('.canvas').click(), null")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.until("document.querySelector('.problems.all')?.innerText.includes('name')")
	b.picture("/edit-new", "light-1280")
	b.press("JSON")
	b.press("Close")
	b.click(`[data-step="start"]`)
	eval[any](b, "document.querySelector('[data-step=start]').dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowDown', bubbles: true})), null")
	b.until("document.querySelector('[data-step=email][aria-pressed=true]')")
}

func TestEditor_SavesAVersion(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	b.accessible("the editor")
	b.click(`[data-step="hello"]`)
	b.fill("Subject", "Welcome")
	b.isNotSaved()
	b.press("Undo")
	b.isSaved()
	b.press("Redo")
	b.isNotSaved()
	a := b.saves("welcome")
	assert.Equal(t, "Welcome", a.Steps[1].Config.(automation.SendEmail).Subject)
	assert.Equal(t, 2, a.Version)
}

// drag moves the pointer from one element to another with the button held.
func (b *tab) drag(from, to string) {
	b.t.Helper()
	centre := func(selector string) (float64, float64) {
		at := eval[[]float64](b, "(r => [r.x + r.width / 2, r.y + r.height / 2])(document.querySelector('"+selector+"').getBoundingClientRect())")
		return at[0], at[1]
	}
	x1, y1 := centre(from)
	x2, y2 := centre(to)
	move := func(x, y float64) chromedp.Action[chromedp.Void] {
		return chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y, chromedp.ButtonLeft)
	}
	b.do(
		chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x1, y1, chromedp.ButtonLeft, chromedp.ClickCount(1)),
		move(x1+10, y1+10), move((x1+x2)/2, (y1+y2)/2), move(x2, y2),
		chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x2, y2, chromedp.ButtonLeft, chromedp.ClickCount(1)),
	)
}

// connected waits until the draft has these connections, each as "from type to".
func (b *tab) connected(want ...string) {
	b.t.Helper()
	const connections = `Object.entries(sessionStorage).filter(([k]) => k.startsWith('draft ')).flatMap(([, draft]) =>
		JSON.parse(draft).connections.map(c => [c.from, c.type ?? 'default', c.to].join(' ')))`
	require.EventuallyWithT(b.t, func(c *assert.CollectT) {
		assert.Equal(c, want, eval[[]string](b, connections))
	}, patience, 20*time.Millisecond)
}

// waitingFlow is a flow with a wait, of which one branch is open.
func waitingFlow() automation.Automation {
	a := world.Flow("waiting", "signup", world.Wait("paid", "order.paid"), world.Email("thanks"), world.Email("tips"))
	a.Connections[1].Type = automation.ConnectionEventReceived
	return a
}

func TestEditor_ConnectsAndMovesByDragging(t *testing.T) {
	t.Parallel()
	b := editing(t, waitingFlow())
	b.drag(`.plus[data-from="paid"][data-branch="timeout"]`, `[data-step="tips"]`)
	b.connected("start default paid", "paid event_received thanks", "thanks default tips", "paid timeout tips")
	b.drag(`[data-step="thanks"]`, `.plus[data-from="start"]`)
	b.connected("start default thanks", "thanks default paid", "paid event_received tips", "paid timeout tips")
}

func TestEditor_ConnectsAndMovesBySelects(t *testing.T) {
	t.Parallel()
	b := editing(t, waitingFlow())
	b.click(`[data-step="paid"]`)
	b.choose("If timed out, go to", "tips")
	b.connected("start default paid", "paid event_received thanks", "thanks default tips", "paid timeout tips")
	b.click(`[data-step="thanks"]`)
	b.choose("Move to", "start\ndefault")
	b.connected("start default thanks", "thanks default paid", "paid event_received tips", "paid timeout tips")
}

// choose chooses an option of a select, which may be in a closed part of the page.
func (b *tab) choose(label, value string) {
	b.t.Helper()
	eval[any](b, "document.querySelectorAll('details').forEach(d => d.open = true), null")
	field := fieldOf(label)
	b.until(field)
	eval[any](b, "(f => { f.value = "+strconv.Quote(value)+"; f.dispatchEvent(new Event('change', {bubbles: true})) })("+field+"), null")
}

func TestEditor_KeepsTheDraftThroughAReload(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	b.click(`[data-step="hello"]`)
	b.fill("Subject", "Kept")
	b.isNotSaved()
	b.do(chromedp.Reload())
	b.settled(2)
	b.isNotSaved()
	b.click(`[data-step="hello"]`)
	b.until("[...document.querySelectorAll('input')].some(i => i.value === 'Kept')")
	b.press("Undo")
	b.isSaved()
}

func TestEditor_ShowsWhoIsAheadInAConflict(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Create(welcome())
	first, second := newTab(t, s), newTab(t, s)
	second.expect("status of 409")
	for _, b := range []*tab{first, second} {
		b.edit(welcome())
		b.click(`[data-step="hello"]`)
	}
	first.fill("Subject", "First")
	first.saves("welcome")
	second.fill("Subject", "Second")
	second.press("Save version")
	second.until("document.querySelector('[role=alert]')?.innerText.includes('Revision 2 has been saved since')")
	second.accessible("the conflict")
	second.press("Save mine on top")
	a := second.saved("welcome")
	assert.Equal(t, "Second", a.Steps[1].Config.(automation.SendEmail).Subject)
	assert.Equal(t, 3, a.Version)
}

func TestEditor_NeedsNoMouse(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	eval[any](b, "document.querySelector('[data-step=start]').focus(), null")
	b.do(chromedp.KeyEvent(kb.ArrowDown))
	assert.Equal(t, "hello", eval[string](b, "document.activeElement.dataset.step"))
	b.do(chromedp.KeyEvent("+"))
	b.until("document.activeElement.closest('.adder')")
	b.do(chromedp.KeyEvent(kb.Enter)) // send an email
	b.settled(3)
	b.until("document.activeElement.closest('.step-form')")
	b.do(chromedp.KeyEvent("bye"), chromedp.KeyEvent(kb.Tab))
	eval[any](b, "document.querySelector('[data-step=hello]').focus(), null")
	b.do(chromedp.KeyEvent(kb.Delete))
	b.settled(2)
	b.connected("start default email")
	assert.Equal(t, "start", eval[string](b, "document.activeElement.dataset.step"), "the focus is not lost")
}

// A custom step type has a form, and its branches, although no code of the editor is about it.
func TestEditor_HasAFormForACustomStepType(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	b.click(`.plus[data-from="start"]`)
	b.press("acme.announce")
	b.settled(3)
	b.fill("channel", "sales")
	b.fill("text", "A new user")
	b.fill("every", "2 days")
	b.click(`.tick input`)
	b.accessible("the form of a custom step")
	a := b.saves("welcome")
	assert.Equal(t, "announce", a.Steps[1].Key)
	config := a.Steps[1].Config.(announcement)
	assert.Equal(t, announcement{
		Channel: "sales", Text: automation.String("A new user"), Urgent: true, Every: automation.MustParseDuration("2 days"), Only: config.Only,
	}, config)
}

// A tree of rules is edited as a tree.
func TestEditor_EditsRules(t *testing.T) {
	t.Parallel()
	b := editing(t, world.Flow("welcome", "signup", automation.Step{Key: "check", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}}, world.Email("hello")))
	b.click(`[data-step="check"]`)
	b.press("Add another rule")
	b.fill("Field 1.2", "event.seats")
	b.choose("Operator 1.2", "gte")
	b.choose("Value 1.2: kind", "number")
	b.fill("Value 1.2", "12345678901234567890")
	b.press("Add a group")
	b.fill("Field 1.3 2.1", "contact.email")
	b.choose("Operator 1.3 2.1", "exists")
	b.accessible("a tree of rules")
	a := b.saves("welcome")
	want := automation.All(
		automation.Field("event.plan").Eq("pro"),
		automation.Field("event.seats").Gte(json.Number("12345678901234567890")),
		automation.Any(automation.Field("contact.email").Exists()),
	)
	assert.Equal(t, mustJSON(want), mustJSON(a.Steps[1].Config))
}

func mustJSON(v any) string {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(encoded), `"type":"rule",`, "")
}

// The problems of a step appear while a person types, and what was typed is one change.
func TestEditor_ChecksWhileAPersonTypes(t *testing.T) {
	t.Parallel()
	b := editing(t, world.Flow("welcome", "signup", world.Pause("rest", "1 day")))
	b.click(`[data-step="rest"]`)
	field := fieldOf("How long")
	eval[any](b, "("+field+").focus(), ("+field+").select(), null")
	b.do(chromedp.KeyEvent("3 dayz"))
	b.until("document.querySelector('.step-form .problems')?.innerText.includes('dayz')")
	assert.True(t, eval[bool](b, "document.activeElement === "+field), "the focus stays in the field")
	b.do(chromedp.KeyEvent(kb.Backspace), chromedp.KeyEvent("s"))
	b.until("!document.querySelector('.step-form .problems') && document.querySelector('[data-step=rest]').textContent.includes('3 days')")
	assert.Equal(t, "3 days", eval[string](b, "("+field+").value"))
	b.press("Undo")
	b.isSaved()
}
