package browser_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/internal/world"
)

// carts is a flow with rules of entry and of exit.
func carts() automation.Automation {
	a := world.Flow("carts", "cart.updated", world.Pause("quiet", "4 hours"), world.Email("reminder"))
	a.Entry = &automation.Entry{
		FilterRule: automation.Field("event.total").Gt(0),
		Reentry:    automation.Reentry{Key: "event.cart_id", WhileRunning: automation.ReentryIgnore},
	}
	a.Exit = &automation.Exit{Events: []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}}}}}
	return a
}

func TestEditor_ChangesTheRulesOfEntryAndOfExit(t *testing.T) {
	t.Parallel()
	b := editing(t, carts())
	b.click(`[data-step="start"]`)
	b.choose("While a run is running", "restart")
	b.fill("At most this many starts", "3")
	b.fill("In this time", "30 days")
	b.fill("In the event", "order_id")
	b.fill("Ends after", "14 days")
	b.everyLook(func(look string) {
		b.accessible("rules " + look)
		b.picture("/edit-rules", look)
	})
	b.settled(3)
	b.press("Remove this rule")
	b.press("Ends unless this holds…")
	b.fill("Field", "contact.unsubscribed")
	a := b.saves("carts")

	assert.Equal(t, &automation.Entry{Reentry: automation.Reentry{
		Key: "event.cart_id", WhileRunning: automation.ReentryRestart, Limit: 3, Per: automation.MustParseDuration("30 days"),
	}}, a.Entry)
	require.NotNil(t, a.Exit)
	assert.Equal(t, []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "order_id"}}}}, a.Exit.Events)
	assert.Equal(t, automation.MustParseDuration("14 days"), a.Exit.MaxAge)
	assert.Equal(t, "contact.unsubscribed", a.Exit.WhileRule.Field)
}

// The forms that the server describes hold lists, references, times and days.
func TestEditor_HasFormsForWaitsAndTimes(t *testing.T) {
	t.Parallel()
	b := editing(t, welcome())
	add := func(name string, steps int) {
		b.press("Add a step after it")
		b.press(name)
		b.settled(steps)
	}
	b.click(`[data-step="start"]`)
	add("Wait for open hours", 3)
	b.fill("Days", "mon, tue")
	b.fill("From", "10:00")
	b.picture("/edit-window", "light-1280")
	add("Wait for one of several events", 4)
	b.fill("Event", "order.paid")
	b.fill("Name", "paid")
	b.press("Add to fields in common")
	b.fill("In the event", "team")
	b.fill("In the run", "contact.properties.team")
	b.picture("/edit-any", "light-1280")
	add("Wait until a date or a time", 5)
	b.fill("Weekdays", "mon")
	b.picture("/edit-until", "light-1280")
	a := b.saves("welcome")

	configs := map[string]automation.StepConfig{}
	for _, s := range a.Steps {
		configs[s.Key] = s.Config
	}
	window, isWindow := configs["window"].(automation.Window)
	require.True(t, isWindow)
	assert.Equal(t, []automation.Weekday{"mon", "tue"}, window.Hours[0].Days)
	assert.Equal(t, "10:00", window.Hours[0].From.String())
	wait, isWait := configs["wait"].(automation.WaitForAny)
	require.True(t, isWait)
	assert.Equal(t, []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "team", Run: "contact.properties.team"}}}}, wait.Events)
	until, isUntil := configs["until"].(automation.DelayUntil)
	require.True(t, isUntil)
	require.NotNil(t, until.Next)
	assert.Equal(t, []automation.Weekday{"mon"}, until.Next.Weekdays)
	assert.Equal(t, "09:00", until.Next.Time.String())
}

// A step that waits until a date or a time has the fields of one of them. A person who chooses
// the other one keeps what both have.
func TestEditor_ShowsTheFieldsOfOneKind(t *testing.T) {
	t.Parallel()
	b := editing(t, world.Flow("welcome", "signup", automation.Step{Key: "until", Config: automation.DelayUntil{
		Next: &automation.NextTime{Time: automation.MustParseLocalTime("09:00"), Weekdays: []automation.Weekday{automation.Monday}}, Zone: automation.ContactZone(),
	}}))
	labels := func(want string) {
		b.until("[...document.querySelectorAll('.step-form > .fields > .field, .step-form legend')].map(e => e.innerText.trim().split('\\n')[0]).join() === '" + want + "'")
	}
	b.click(`[data-step="until"]`)
	labels("Kind,The next,After at least,Time zone")
	b.fill("Weekdays", "")
	b.fill("Time of day", "")
	labels("Kind,The next,After at least,Time zone")
	b.choose("Kind", "0")
	labels("Kind,Date or time,Before or after it,Time of day,If it has passed,If it is missing,Time zone")
	b.fill("Date or time", "event.starts_at")
	b.fill("Time of day", "08:30")
	b.choose("If it has passed", "end")
	b.everyLook(func(look string) {
		b.accessible("until a date " + look)
		b.picture("/edit-until-date", look)
	})
	until, isUntil := b.saves("welcome").Steps[1].Config.(automation.DelayUntil)
	require.True(t, isUntil)
	assert.Equal(t, automation.DelayUntil{
		At: automation.Var("event.starts_at"), Time: automation.MustParseLocalTime("08:30"),
		IfPast: automation.OtherwiseEnd, Zone: automation.ContactZone(),
	}, until)
}

// many sends what the pages about entry and exit show: runs that ended early, an event that
// several automations refused, and versions with other rules.
func (s *site) many() (refused string) {
	restarts := carts()
	restarts.Entry.Reentry.WhileRunning = automation.ReentryRestart
	s.Create(restarts)
	for i, rule := range []automation.Rule{
		automation.Field("event.total").Gt(100), automation.Field("event.total").Contains("x"), automation.Field("event.coupon").Exists(),
	} {
		a := carts()
		a.ID, a.Name, a.Entry = fmt.Sprintf("carts-%d", i), strings.Repeat("Carts with a long name ", 1+3*i), &automation.Entry{FilterRule: rule}
		s.Create(a)
	}
	for id, entry := range map[string]automation.Entry{
		"once":     {Reentry: automation.Reentry{Limit: 1, Per: automation.MustParseDuration("30 days")}},
		"alone":    {Reentry: automation.Reentry{WhileRunning: automation.ReentryIgnore}},
		"keyed":    {Reentry: automation.Reentry{Key: "event.checkout.session.id", WhileRunning: automation.ReentryIgnore}},
		"audience": {AudienceRule: automation.Field("contact.email").EndsWith("@acme.example")},
	} {
		a := carts()
		a.ID, a.Name, a.Entry, a.Exit = id, "Only "+id, &entry, nil
		s.Create(a)
	}
	cart := func(name, id string, total int) string {
		receipts := s.Send(automation.Event{Name: name, Email: "a.very.long.address.of.a.customer@subdomain.example.com", Payload: automation.Payload(map[string]any{"cart_id": id, "total": total})})
		s.Drain()
		s.Clock.Add(time.Minute)
		return receipts[0].ID
	}
	cart("cart.updated", "a", 5)
	refused = cart("cart.updated", "a", 6)
	cart("order.paid", "a", 6)
	cart("cart.updated", "b", 6)
	change := automation.AutomationUpdate{
		Entry: &automation.Entry{AudienceRule: automation.Field("contact.unsubscribed").Eq(false)},
		Exit:  &automation.Exit{MaxAge: automation.MustParseDuration("14 days"), WhileRule: automation.Field("contact.unsubscribed").Eq(false)},
	}
	_, err := s.UpdateAutomation(s.Ctx, "carts", change)
	require.NoError(s.T, err)
	return refused
}

func TestEntryAndExit_AreAccessible(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	refused := s.many()
	b := newTab(t, s)
	for name, path := range map[string]string{
		"runs-early": "/runs", "automation-early": "/a/carts", "event-refused": "/events/log/" + refused, "events-refused": "/events",
		"versions-rules": "/a/carts/versions/2?with=1",
		"run-replaced":   s.someRun(automation.RunQuery{Statuses: []automation.RunStatus{automation.RunCancelled}}),
		"run-exited":     s.someRun(automation.RunQuery{AutomationID: "carts", Statuses: []automation.RunStatus{automation.RunCompleted}}),
		"run-sleeps":     s.someRun(automation.RunQuery{AutomationID: "carts", Statuses: []automation.RunStatus{automation.RunRunning}}),
		"contact-early":  "/contacts/" + s.Contact("a.very.long.address.of.a.customer@subdomain.example.com").ID,
	} {
		b.open(path)
		b.everyLook(func(look string) {
			b.accessible(name + " " + look)
			b.picture("/"+name, look)
		})
	}
}
