package browser_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// write replaces the value of a field, which a CSS selector selects.
func (b *tab) write(selector, value string) {
	b.t.Helper()
	b.see(selector)
	b.do(chromedp.SetValue(chromedp.CSS(selector), value))
}

// reads waits until what a CSS selector selects contains a text.
func (b *tab) reads(selector, text string) {
	b.t.Helper()
	b.until("document.querySelector(`" + selector + "`)?.innerText.includes(`" + text + "`)")
}

// refuse makes all emails fail for good, until the mailer is mended.
func refuse(context.Context, automation.Email) error {
	return automation.Permanent(errors.New("550 5.1.1 mailbox unavailable"))
}

// A person makes an automation from nothing, tries it, mends what failed, and stops it.
func TestJourney_FromAnEmptyDashboardToAStoppedAutomation(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.fillTemplates()
	s.Mailer.Respond = refuse
	b, colleague := newTab(t, s), newTab(t, s)
	b.expect("example.com/logo.png") // the policy of previews blocks it
	b.expect("Blocked script execution")
	colleague.open("/runs")
	colleague.reads("#runs", "There is no run yet")
	eval[any](colleague, "window.same = true, null")

	b.open("/")
	b.press("Create automation")
	b.makeWelcome()
	b.press("Save version")
	b.press("Start")
	b.reads(".badge", "enabled")
	b.press("Send an event")
	b.write("#contact", "ada@example.com")
	b.press("Send")
	b.see(".badge.pending")
	s.Drain()
	b.see(".badge.started") // the page of the event reloads itself
	colleague.reads("#runs tbody tr", "ada@example.com")
	assert.True(t, eval[bool](colleague, "window.same"), "the page was not loaded again")

	b.open("/runs")
	b.click(`input[value="failed"]`)
	b.press("Filter")
	b.until("location.search.includes('status=failed')")
	b.click(".runs .row")
	b.reads(".trouble", "550 5.1.1 mailbox unavailable")
	s.Mailer.Respond = nil
	b.press("Retry from the failed step")
	b.reads("h1 + .badge", "running")
	s.Drain()
	b.reads("#step h2", "delay")
	colleague.reads("#runs tbody tr", "running")
	assert.Equal(t, []string{"hello"}, s.Sent())

	run := s.Run()
	b.open("/a/" + run.AutomationID)
	b.press("Stop")
	b.reads("h1", "Stop Welcome?")
	b.press("Stop")
	b.reads(".badge", "disabled")
	s.Pass(3 * 24 * time.Hour)
	assert.Equal(t, automation.RunCompleted, s.Run().Status, "a run in progress goes on")
	colleague.reads("#runs tbody tr", "completed")
	b.open("/a/" + run.AutomationID + "/runs/" + run.ID + "?step=email")
	b.see("iframe.email")
}

// makeWelcome makes an automation in the editor: an email, and a pause.
func (b *tab) makeWelcome() {
	b.t.Helper()
	b.settled(1)
	b.fill("Event", "user.created")
	b.press("Add a step after it")
	b.press("Send an email")
	b.settled(2)
	b.fill("Template", "hello")
	b.fill("Subject", "Welcome to the shop")
	b.fill("From", "Shop <hello@example.com>")
	b.press("Add a step after it")
	b.press("Wait for a time")
	b.settled(3)
	b.fill("How long", "3 days")
	b.fill("Name of the automation", "Welcome")
	b.isNotSaved() // without problems
}

// Everything but the drawing of the editor works without JavaScript.
func TestJourney_WithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Mailer.Respond = refuse
	s.Create(world.Flow("welcome", "signup", world.Email("hi"), world.Pause("rest", "1 day")))
	s.Send(world.Signup("ada@example.com"))
	s.Drain()
	s.Mailer.Respond = nil
	b := newTab(t, s)
	b.withoutScripts()
	b.open("/")
	assert.True(t, eval[bool](b, "document.querySelector('#live').hidden"), "what needs JavaScript is not shown")
	b.click("#automations .row")
	b.reads("h1", "welcome")

	b.open("/runs")
	b.click(`input[value="failed"]`)
	b.press("Filter")
	b.until("location.search.includes('status=failed')")
	b.click(".runs .row")
	b.reads(".trouble", "550 5.1.1 mailbox unavailable")
	b.press("Retry from the failed step")
	b.reads("h1 + .badge", "running")
	s.Drain()
	b.do(chromedp.Reload())
	b.reads("#step h2", "rest")

	b.open("/events/send?name=signup")
	b.write("#contact", "grace@example.com")
	b.press("Send")
	b.see(".badge.pending")
	s.Drain()
	b.see(".badge.started") // the page reloads itself by a header

	b.open("/a/welcome/edit")
	b.see("textarea[name=document]")
	b.write("textarea[name=document]", `{"name": "", "steps": [], "connections": []}`)
	b.expect("status of 422")
	b.press("Save version")
	b.reads("[role=alert]", "Nothing was saved")
	b.write("textarea[name=document]", `{"name": "Renamed", "steps": [{"key": "start", "type": "trigger", "config": {"event_name": "signup"}}], "connections": []}`)
	b.press("Save version")
	b.reads("h1", "Renamed")

	b.press("Stop")
	b.click("input[name=cancel]")
	b.press("Stop")
	b.reads(".badge", "disabled")
	s.Drain()
	for _, run := range s.Runs() {
		assert.Equal(t, automation.RunCancelled, run.Status)
	}
	a, err := s.GetAutomation(s.Ctx, "welcome")
	require.NoError(t, err)
	assert.Equal(t, 2, a.Version)
	assert.Equal(t, []string{"hi", "hi"}, s.Sent())
}
