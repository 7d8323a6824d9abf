package dashboard_test

import (
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

// carts is an automation with rules of entry and of exit.
func carts(change ...func(*automation.Automation)) automation.Automation {
	a := world.Flow("carts", "cart.updated", world.Pause("quiet", "4 hours"), world.Email("reminder"))
	a.Name = "Carts"
	a.Entry = &automation.Entry{
		FilterRule: automation.Field("event.total").Gt(0),
		Reentry:    automation.Reentry{Key: "event.cart_id", WhileRunning: automation.ReentryIgnore, Limit: 2, Per: automation.MustParseDuration("30 days")},
	}
	a.Exit = &automation.Exit{
		Events:    []automation.Listener{{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}}}},
		WhileRule: automation.Field("contact.unsubscribed").Eq(false),
		MaxAge:    automation.MustParseDuration("14 days"),
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

// cart sends an event about a cart, lets it be handled, and returns its id.
func (s *site) cart(name, id string, total any) string {
	s.T.Helper()
	receipts, err := s.Runner.Send(s.Ctx, automation.Event{Name: name, Email: "ada@example.com", Payload: automation.Payload(map[string]any{"cart_id": id, "total": total})})
	require.NoError(s.T, err)
	s.Drain()
	s.Clock.Add(time.Minute)
	return receipts[0].ID
}

var (
	tags         = regexp.MustCompile(`<[^>]*>`)
	documentText = regexp.MustCompile(`(?s)<textarea name="document"[^>]*>(.*?)</textarea>`)
)

// documentIn returns the document in the editor of this path.
func (s *site) documentIn(path string) string {
	s.T.Helper()
	found := documentText.FindStringSubmatch(s.get(path).Body.String())
	require.NotNil(s.T, found, path)
	return html.UnescapeString(found[1])
}

// textOf returns the words of the main part of a page.
func (s *site) textOf(path string) string {
	s.T.Helper()
	return strings.Join(strings.Fields(tags.ReplaceAllString(s.mainOf(path), " ")), " ")
}

func TestEvent_ShowsWhyItStartedNoRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(carts())
	s.cart("cart.updated", "a", 5)
	first := s.runOf("carts", "ada@example.com").ID
	running := s.cart("cart.updated", "a", 6)
	assert.Contains(t, s.textOf("/events/log/"+running), "Nothing. The rules of entry kept the event from starting a run. Decisions Carts : A run of the same contact and key was running. The run")
	assert.Contains(t, s.mainOf("/events/log/"+running), `href="../../runs/`+first+`"`)
	small := s.cart("cart.updated", "b", 0)
	assert.Contains(t, s.textOf("/events/log/"+small), "Carts : The filter of its trigger did not match the event.")
	odd := s.cart("cart.updated", "b", "many")
	assert.Contains(t, s.textOf("/events/log/"+odd), "Carts : The filter of its trigger cannot be evaluated for the event.")

	paid := s.cart("order.paid", "a", 5)
	text := s.textOf("/events/log/" + paid)
	assert.Contains(t, text, "It ended the run")
	assert.NotContains(t, text, "Nothing.")
	assert.NotContains(t, text, "Decisions")
	assert.Contains(t, s.textOf("/events"), "ended 1 run")
	s.cart("cart.updated", "a", 5)
	s.cart("order.paid", "a", 5)
	limited := s.cart("cart.updated", "a", 5)
	assert.Contains(t, s.textOf("/events/log/"+limited), "As many runs of the same contact and key had started as its limit allows. The next one may start from 1 Apr")
}

// The page has the names of automations beside the runs and beside the decisions.
func TestEvent_IsReadWithFiveCallsOfTheStore(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.Create(carts())
	s.Create(world.Flow("all", "cart.updated", world.Email("hello")))
	s.cart("cart.updated", "a", 5)
	both := s.cart("cart.updated", "a", 6)
	calls.take()
	text := s.textOf("/events/log/" + both)
	assert.Equal(t, []string{"FindEvent", "FindContacts", "ListDecisions", "ListAutomations", "ListRuns"}, calls.take())
	assert.Contains(t, text, "It started this run:")
	assert.Contains(t, text, "Carts : A run of the same contact and key was running.")
}

func TestRun_ShowsWhatEndedItEarly(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(carts())
	s.cart("cart.updated", "a", 5)
	event := s.cart("order.paid", "a", 5)
	run := s.runOf("carts", "ada@example.com")
	page := "/a/carts/runs/" + run.ID
	assert.Contains(t, s.textOf(page), "Ended early at quiet by the exit paid An event ended the run, 2 Mar 09:01:00 UTC . The event")
	assert.Contains(t, s.mainOf(page), `href="../../../events/log/`+event+`"`)
	assert.Contains(t, s.mainOf(page), "ends on order.paid")

	s.cart("cart.updated", "b", 5)
	gone := true
	_, err := s.Runner.UpdateContact(s.Ctx, s.Contact("ada@example.com").ID, automation.ContactChange{Unsubscribed: &gone})
	require.NoError(t, err)
	s.Pass(5 * time.Hour)
	found, err := s.ListRuns(s.Ctx, automation.RunQuery{AutomationID: "carts"})
	require.NoError(t, err)
	assert.Contains(t, s.textOf("/a/carts/runs/"+found.Data[0].ID), "The while rule of the automation did not hold any more, ")
}

func TestRun_ShowsWhichRunReplacedIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(carts(func(a *automation.Automation) { a.Entry.Reentry.WhileRunning = automation.ReentryRestart }))
	s.cart("cart.updated", "a", 5)
	old := s.runOf("carts", "ada@example.com").ID
	s.cart("cart.updated", "a", 6)
	found, err := s.ListRuns(s.Ctx, automation.RunQuery{AutomationID: "carts", Statuses: []automation.RunStatus{automation.RunRunning}})
	require.NoError(t, err)
	require.Len(t, found.Data, 1)
	assert.Contains(t, s.textOf("/a/carts/runs/"+old), "Cancelled at quiet replaced")
	assert.Contains(t, s.mainOf("/a/carts/runs/"+old), `href="../../../runs/`+found.Data[0].ID+`"`)
}

// Each list of runs has the reason in words beside the status.
func TestLists_MarkTheRunsThatEndedEarly(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(carts(func(a *automation.Automation) { a.Entry.Reentry.WhileRunning = automation.ReentryRestart }))
	s.cart("cart.updated", "a", 5)
	s.cart("cart.updated", "a", 6)
	s.cart("order.paid", "a", 6)
	shown := func() {
		for _, path := range []string{"/runs", "/a/carts", "/contacts/" + s.Contact("ada@example.com").ID} {
			text := s.textOf(path)
			assert.Contains(t, text, "✓ completed early, by the exit paid", path)
			assert.Contains(t, text, "⊘ cancelled replaced by another run", path)
		}
	}
	shown()

	gone := true
	s.cart("cart.updated", "b", 5)
	_, err := s.Runner.UpdateContact(s.Ctx, s.Contact("ada@example.com").ID, automation.ContactChange{Unsubscribed: &gone})
	require.NoError(t, err)
	s.Pass(5 * time.Hour)
	shown()
	assert.Contains(t, s.textOf("/runs"), "✓ completed early, because its while rule did not hold")
}

// A person who cancels runs, and a run that fails, need no other word than the status.
func TestLists_DoNotMarkRunsThatAPersonCancelled(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(world.Flow("old", "signup", world.Pause("rest", "30 days")))
	s.Create(carts(func(a *automation.Automation) {
		a.Steps[1].Config = automation.Delay{Duration: automation.MustParseDuration("30 days")}
	}))
	s.signUp("ada@example.com")
	_, err := s.CancelRun(s.Ctx, s.runOf("old", "ada@example.com").ID)
	require.NoError(t, err)
	assert.NotContains(t, s.mainOf("/a/old"), `class="why"`)
	s.cart("cart.updated", "a", 5)
	s.Pass(20 * 24 * time.Hour)
	assert.Contains(t, s.textOf("/a/carts"), "⊘ cancelled at its maximum age")
}

// A run that sleeps waits for no event, although one can end it.
func TestRun_TellsWhatItWaitsForFromWhatEndsIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(carts())
	s.cart("cart.updated", "a", 5)
	text := s.textOf("/a/carts/runs/" + s.runOf("carts", "ada@example.com").ID)
	assert.NotContains(t, text, "waits for")
	assert.Contains(t, text, "· goes on 2 Mar 13:00:00 UTC · ends on order.paid")

	s.Create(carts(func(a *automation.Automation) {
		a.ID, a.Steps[1].Config = "waiting", automation.WaitForAny{
			Events:  []automation.Listener{{EventName: "cart.emptied"}, {EventName: "cart.shared"}},
			ResetOn: []automation.Listener{{EventName: "cart.updated"}}, Timeout: automation.MustParseDuration("4 hours"),
		}
	}))
	s.cart("cart.updated", "b", 5)
	path := "/a/waiting/runs/" + s.runOf("waiting", "ada@example.com").ID
	assert.Contains(t, s.textOf(path), "· waits for cart.emptied or cart.shared until 2 Mar 13:01:00 UTC · ends on order.paid")
	assert.Contains(t, s.mainOf(path), `data-news="The run is running, and waits for cart.emptied or cart.shared."`)
}

func TestAutomation_ShowsItsRulesOfEntryAndOfExit(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(carts())
	_, err := s.UpdateAutomation(s.Ctx, "carts", automation.AutomationUpdate{Entry: &automation.Entry{}, Exit: &automation.Exit{MaxAge: automation.MustParseDuration("2 days")}})
	require.NoError(t, err)
	assert.NotContains(t, s.mainOf("/a/carts"), "per cart_id")
	assert.Contains(t, s.mainOf("/a/carts"), `<span class="about"><bdi>ends after 2 days</bdi></span>`)
	old := s.mainOf("/a/carts/versions/1")
	for _, line := range []string{"only if event.total &gt; 0", "per cart_id: one at a time, 2 times in 30 days", "ends on order.paid with the same cart_id", "ends after 14 days"} {
		assert.Contains(t, old, `<span class="about"><bdi>`+line+`</bdi></span>`)
	}
	diff := s.mainOf("/a/carts/versions/2?with=1")
	assert.Contains(t, diff, "<h3>Entry</h3>")
	assert.Contains(t, diff, `<mark>  &#34;max_age&#34;: &#34;2 days&#34;</mark>`)
	assert.NotContains(t, s.mainOf("/a/carts/versions/1?with=1"), "<h3>Exit</h3>")
}

// A person who saves in the editor, and one who restores a version, keeps the rules.
func TestEditor_KeepsTheRulesOfEntryAndOfExit(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	want := s.Create(carts())
	document := s.documentIn("/a/carts/edit")
	require.Equal(t, http.StatusSeeOther, s.post("/a/carts/save", "document", document, "revision", "1").Code)
	stored := func() automation.Automation {
		a, err := s.GetAutomation(s.Ctx, "carts")
		require.NoError(t, err)
		return a
	}
	assert.Equal(t, want.Entry, stored().Entry)
	assert.Equal(t, want.Exit, stored().Exit)

	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(document), &fields))
	delete(fields, "entry")
	delete(fields, "exit")
	without, err := json.Marshal(fields)
	require.NoError(t, err)
	require.Equal(t, http.StatusSeeOther, s.post("/a/carts/save", "document", string(without), "revision", "2").Code)
	assert.Nil(t, stored().Entry, "a draft without rules removes them")
	assert.Nil(t, stored().Exit)
	assert.JSONEq(t, document, s.documentIn("/a/carts/edit?version=1"))
}

// Problems in the rules are found also while a step cannot be decoded.
func TestCheck_FindsTheProblemsOfEntryAndExit(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	for _, delay := range []string{`"1 day"`, `7`} {
		_, about := s.check(`{"name": "A", "steps": [
			{"key": "start", "type": "trigger", "config": {"event_name": "signup"}},
			{"key": "wait", "type": "delay", "config": {"duration": ` + delay + `}}
		], "connections": [{"from": "start", "to": "wait"}],
		"entry": {"reentry": {"per": "1 day"}}, "exit": {"max_age": "2 years"}}`)
		var paths []string
		for _, p := range about.Problems.Errors() {
			paths = append(paths, p.Path)
		}
		assert.Contains(t, paths, "entry.reentry.per")
		assert.Contains(t, strings.Join(paths, " "), "exit.max_age")
	}
}
