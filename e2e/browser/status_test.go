package browser_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// colourOnly returns what has the colour of a status, and not its sign and its word.
const colourOnly = `
[...document.querySelectorAll('.badge')].filter(e => e.classList.length > 1).filter(e => {
	const sign = e.querySelector('[aria-hidden]')?.innerText.trim() ?? ''
	return sign === '' || e.innerText.replace(sign, '').trim() === ''
}).map(e => e.outerHTML).concat(
[...document.querySelectorAll('.timeline li, .steps li')].filter(e => {
	const status = e.querySelector('rect:last-child')?.getAttribute('class') ?? e.className
	return !(e.querySelector('[aria-hidden]:not(svg)')?.textContent.trim() && e.querySelector('.word').textContent.includes(status))
}).map(e => e.outerHTML)).concat(
[...document.querySelectorAll('a.step.reached')].filter(e => [...e.querySelectorAll('.icon, .status path')].some(path => getComputedStyle(path).stroke === 'none') || !e.querySelector('.status path') || !e.querySelector('.status text')?.textContent.trim()).map(e => e.outerHTML))`

// A person who sees no colours sees the same.
func TestStatuses_AreMoreThanAColour(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.populate()
	b := newTab(t, s)
	b.expect("Failed to load resource: the server responded with a status of 404")
	paths := append(s.pages(), "/runs", "/events", "/contacts",
		s.someRun(automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed}}),
		s.someRun(automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}}))
	for _, path := range paths {
		b.open(path)
		assert.Empty(t, eval[[]string](b, colourOnly), path)
	}
}

// The mark of a step with problems is a sign, and a word for screen readers.
func TestEditor_MarksAStepWithProblemsByMoreThanAColour(t *testing.T) {
	t.Parallel()
	b := editing(t, world.Flow("welcome", "signup", world.Pause("rest", "1 day")))
	b.click(`[data-step="rest"]`)
	b.fill("How long", "3 dayz")
	b.until("document.querySelector('.node.wrong text.mark')?.textContent === '!'")
	assert.Contains(t, eval[string](b, "document.querySelector('.node.wrong').getAttribute('aria-label')"), "1 problem")
}
