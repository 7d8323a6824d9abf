package dashboard_test

import (
	"cmp"
	"net/http"
	"net/url"
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

// define defines an event.
func (s *site) define(name, schema string) automation.EventDefinition {
	d, err := s.CreateEventDefinition(s.Ctx, automation.EventDefinition{Name: name, Schema: []byte(schema)})
	require.NoError(s.T, err)
	return d
}

func TestEvents_ShowWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.define("signup", `{"plan":"string"}`)
	s.Create(world.Flow("welcome", "signup", world.Wait("wait", "project")))
	s.Send(world.Signup("ada@example.com"))
	s.Drain()
	s.Send(automation.Event{Name: "project", Email: "ada@example.com"}, automation.Event{Name: "<other>", Email: "ada@example.com"})
	s.Drain()
	s.Send(world.Signup("bob@example.com"))

	body := s.get("/events").Body.String()
	for _, text := range []string{
		"started", "resumed", "ignored", "pending", "No automation starts with this event", "&lt;other&gt;", "ada@example.com", "bob@example.com",
		`href="./runs/` + s.Run().ID + `"`, "<code>plan</code> string",
	} {
		assert.Contains(t, body, text)
	}
	assert.Equal(t, http.StatusFound, s.get("/runs/"+s.Run().ID).Code)
	assert.Equal(t, "../a/"+s.Run().AutomationID+"/runs/"+s.Run().ID, s.get("/runs/"+s.Run().ID).Header().Get("Location"))
	assert.Equal(t, http.StatusNotFound, s.get("/runs/none").Code)
}

// The runs of an event are links that a person can read. Several runs are a list.
func TestEvents_LinkToWhatTheyStarted(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(world.Flow("a", "signup", world.Email("hello")))
	s.Create(world.Flow("b", "signup", world.Email("hello")))
	s.Create(world.Flow("c", "project", world.Email("hello")))
	both := s.Send(world.Signup("ada@example.com"))[0].ID
	s.Send(automation.Event{Name: "project", Email: "bob@example.com"})
	s.Drain()
	body := s.get("/events").Body.String()
	assert.Contains(t, body, `<a href="./runs?event=`+both+`">2 runs</a>`)
	assert.Contains(t, body, `">1 run</a>`)
	assert.Contains(t, s.get("/runs?event="+both).Body.String(), "ada@example.com")
	assert.NotContains(t, s.get("/runs?event="+both).Body.String(), "bob@example.com")
}

func TestEvents_AreFilteredByNameContactAndTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Send(automation.Event{Name: "old", Email: "ada@example.com"})
	s.Clock.Add(48 * time.Hour)
	s.Send(automation.Event{Name: "new", Email: "ada@example.com"}, automation.Event{Name: "new", Email: "bob@example.com"})
	s.Drain()
	has := func(query string, texts ...string) {
		t.Helper()
		body := s.get("/events?" + query).Body.String()
		for _, text := range texts {
			assert.Contains(t, body, text, query)
		}
	}
	has("name=new&contact=bob%40example.com", "bob@example.com")
	assert.NotContains(t, s.get("/events?contact=bob%40example.com").Body.String(), "ada@example.com")
	has("name=old", "A name alone shows the last 24 hours", "No received event fits")
	has("name=old&from=2026-03-01T00:00", "ada@example.com")
	has("until=2026-03-03", "old")
	has("contact=none", "No received event fits")
	assert.Equal(t, http.StatusBadRequest, s.get("/events?from=yesterday").Code)
	assert.Contains(t, s.get("/events?after=none").Body.String(), "This part cannot be shown")
}

func TestEvent_ReloadsWhilePending(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Redact: hiding("event.secret")})
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	id := s.Send(automation.Event{Name: "signup", Email: "ada@example.com", Payload: []byte(`{"secret":"sesame","plan":"pro"}`)})[0].ID
	answer := s.get("/events/log/" + id)
	assert.Equal(t, "2", answer.Header().Get("Refresh"))
	assert.Contains(t, answer.Body.String(), "The event waits until it is handled")

	s.Clock.Add(time.Hour)
	answer = s.get("/events/log/" + id)
	assert.Empty(t, answer.Header().Get("Refresh"))
	assert.Contains(t, answer.Body.String(), "No Runner has handled this event yet")

	s.Drain()
	answer = s.get("/events/log/" + id)
	assert.Empty(t, answer.Header().Get("Refresh"))
	body := answer.Body.String()
	assert.Contains(t, body, "welcome")
	assert.Contains(t, body, "completed")
	assert.Contains(t, body, "•••")
	assert.NotContains(t, body, "sesame")
	assert.Equal(t, http.StatusNotFound, s.get("/events/log/none").Code)
}

func TestEventPages_MakeFewCalls(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	s.define("signup", `{"plan":"string"}`)
	s.addOdd()
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	id := s.Send(automation.Event{Name: "signup", ContactID: odd.ID})[0].ID
	s.Send(world.Signups(20)...)
	s.Drain()
	run := s.RunOf(odd.ID)
	most := map[string]int{"/events/log/" + id: 6} // it also shows decisions
	for _, path := range []string{
		"/events", "/events?contact=ada%40example.com&name=signup", "/events/log/" + id, "/events/signup", "/events/new",
		"/events/send?name=signup", "/events/send?event=" + id, "/events/send?name=undefined&contact=ada%40example.com", "/runs/" + run.ID,
	} {
		calls.take()
		assert.Less(t, s.get(path).Code, 400, path)
		made := calls.take()
		assert.LessOrEqual(t, len(made), cmp.Or(most[path], 4), "%s: %v", path, made)
	}
}

func TestDefinitions_AreCreatedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	var audit []string
	s := newSite(t, dashboard.Options{Audit: func(e dashboard.AuditEntry) { audit = append(audit, e.Action+" "+e.Target) }})
	answer := s.post("/events", "name", "user/created", "schema", `{"plan":"strnig"}`)
	assert.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	assert.Contains(t, answer.Body.String(), "strnig")
	assert.Contains(t, answer.Body.String(), "Nothing was changed")
	assert.Contains(t, answer.Body.String(), `value="user/created"`)

	answer = s.post("/events", "name", "user/created", "schema", `{"plan":"string"}`)
	assert.Equal(t, http.StatusSeeOther, answer.Code)
	assert.Equal(t, "./events/user%2Fcreated?done=definition-created", answer.Header().Get("Location"))
	assert.Equal(t, http.StatusConflict, s.post("/events", "name", "user/created").Code)

	page := s.get("/events/user%2Fcreated").Body.String()
	assert.Contains(t, page, "<td><code>plan</code></td><td>string</td>")
	d, err := s.GetEventDefinition(s.Ctx, "user/created")
	require.NoError(t, err)
	seen := d.UpdatedAt.Format(time.RFC3339Nano)
	assert.Contains(t, page, seen)

	s.Clock.Add(time.Minute)
	answer = s.post("/events/user%2Fcreated", "schema", `{"plan":"string","seats":"number"}`, "seen", seen)
	assert.Equal(t, http.StatusSeeOther, answer.Code)
	answer = s.post("/events/user%2Fcreated", "schema", `{}`, "seen", seen)
	assert.Equal(t, http.StatusConflict, answer.Code)
	assert.Contains(t, answer.Body.String(), "changed since you opened it")
	d, err = s.GetEventDefinition(s.Ctx, "user/created")
	require.NoError(t, err)
	assert.JSONEq(t, `{"plan":"string","seats":"number"}`, string(d.Schema))

	assert.Contains(t, s.get("/events/delete/user%2Fcreated").Body.String(), "accepted with any payload")
	assert.Equal(t, http.StatusSeeOther, s.post("/events/delete/user%2Fcreated").Code)
	assert.Equal(t, http.StatusNotFound, s.get("/events/user%2Fcreated").Code)
	assert.Equal(t, http.StatusNotFound, s.post("/events/delete/user%2Fcreated").Code)
	assert.Equal(t, []string{
		"create event definition user/created", "create event definition user/created", "create event definition user/created",
		"save event definition user/created", "save event definition user/created", "delete event definition user/created", "delete event definition user/created",
	}, audit)
}

func TestDefinitions_WithTheNameOfAPageAreFoundByID(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	for _, name := range []string{"send", "new", ".."} {
		d := s.define(name, "")
		assert.Contains(t, s.get("/events").Body.String(), `href="./events/`+d.ID+`"`)
		assert.Contains(t, s.get("/events/"+d.ID).Body.String(), "<bdi>"+name+"</bdi>")
	}
}

func TestDefinitions_AreReadOnlyWithoutAccessEdit(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Access: func(*http.Request) dashboard.Access { return dashboard.AccessView }})
	s.define("signup", `{"plan":"string"}`)
	body := s.get("/events/signup").Body.String()
	assert.NotContains(t, body, "<textarea")
	assert.NotContains(t, body, "delete")
	assert.Contains(t, body, "plan")
	assert.NotContains(t, s.get("/events").Body.String(), "events/send")
	for _, path := range []string{"/events", "/events/signup", "/events/delete/signup", "/events/send"} {
		assert.Equal(t, http.StatusForbidden, s.post(path).Code, path)
	}
	assert.Equal(t, http.StatusForbidden, s.get("/events/send").Code)
	assert.Equal(t, http.StatusForbidden, s.get("/events/new").Code)
}

func TestDefinitions_RefusesALargeForm(t *testing.T) {
	t.Parallel()
	answer := newSite(t, dashboard.Options{}).post("/events", "name", "x", "schema", string(make([]byte, 1<<20)))
	assert.Equal(t, http.StatusRequestEntityTooLarge, answer.Code)
}

func TestSend_LeadsToThePageOfTheEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.define("signup", `{"plan":"string","seats":"number","trial":"boolean"}`)
	form := s.get("/events/send?name=signup&contact=ada%40example.com").Body.String()
	for _, input := range []string{`name="field.plan"`, `name="field.seats"`, `name="field.trial"`, `value="ada@example.com"`, `value="dashboard-`} {
		assert.Contains(t, form, input)
	}
	answer := s.post("/events/send", "name", "signup", "contact", "ada@example.com", "key", "k",
		"field.plan", "007", "field.seats", "9007199254740993", "field.trial", "true", "payload", `{"extra":[1]}`)
	require.Equal(t, http.StatusSeeOther, answer.Code)
	events, err := s.ListEvents(s.Ctx, automation.EventQuery{})
	require.NoError(t, err)
	require.Len(t, events.Data, 1)
	e := events.Data[0]
	assert.Equal(t, "../events/log/"+e.ID+"?done=event-sent", answer.Header().Get("Location"))
	assert.JSONEq(t, `{"plan":"007","seats":9007199254740993,"trial":true,"extra":[1]}`, string(e.Payload))
	assert.Contains(t, string(e.Payload), "9007199254740993")

	answer = s.post("/events/send", "name", "signup", "contact", "ada@example.com", "key", "k",
		"field.plan", "007", "field.seats", "9007199254740993", "field.trial", "true", "payload", `{"extra":[1]}`)
	assert.Equal(t, "../events/log/"+e.ID+"?done=event-known", answer.Header().Get("Location"), "a second click sends nothing")
}

func TestSend_ShowsProblemsBesideTheFields(t *testing.T) {
	t.Parallel()
	var audit []error
	s := newSite(t, dashboard.Options{Audit: func(e dashboard.AuditEntry) { audit = append(audit, e.Err) }})
	s.define("signup", `{"type":"object","required":["plan","teams"],"properties":{"plan":{"type":"string"},"seats":{"type":"integer"},"teams":{"type":"array"}}}`)
	answer := s.post("/events/send", "name", "signup", "contact", "ada@example.com", "field.seats", "<many>", "payload", `{"other": 1}`)
	assert.Equal(t, http.StatusUnprocessableEntity, answer.Code)
	body := answer.Body.String()
	assert.Contains(t, body, "Nothing was sent")
	assert.Contains(t, body, `value="&lt;many&gt;"`)
	assert.Contains(t, body, "&#34;other&#34;: 1")
	assert.Contains(t, body, `<span class="problem">teams`, "a field without an input is named")

	for name, form := range map[string][]string{
		"no JSON":                {"name", "x", "contact", "ada@example.com", "payload", "{"},
		"an unknown contact":     {"name", "x", "contact", "none"},
		"no name":                {"name", "", "contact", "none"},
		"no contact":             {"name", "x"},
		"no JSON beside a field": {"name", "x", "contact", "ada@example.com", "payload", "{", "field.plan", "pro"},
		"a reserved name":        {"name", "resend:x", "contact", "ada@example.com"},
		"a long key":             {"name", "x", "contact", "ada@example.com", "key", strings.Repeat("k", 300)},
	} {
		answer := s.post("/events/send", form...)
		assert.Equal(t, http.StatusUnprocessableEntity, answer.Code, name)
		assert.Contains(t, answer.Body.String(), `<span class="problem">`, name)
	}
	events, err := s.ListEvents(s.Ctx, automation.EventQuery{})
	require.NoError(t, err)
	assert.Empty(t, events.Data)
	assert.Len(t, audit, 8)
	assert.NotContains(t, audit, nil)
}

func TestSend_RefusesAKeyOfAnotherEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	assert.Equal(t, http.StatusSeeOther, s.post("/events/send", "name", "x", "contact", "ada@example.com", "key", "k").Code)
	answer := s.post("/events/send", "name", "x", "contact", "bob@example.com", "key", "k")
	assert.Equal(t, http.StatusConflict, answer.Code)
	assert.Contains(t, answer.Body.String(), "choose another key")
}

func TestSend_ShowsTheFieldsOfAnotherEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.define("a", `{"plan":"string"}`)
	s.define("b", `{"seats":"number"}`)
	answer := s.post("/events/send", "action", "fields", "name", "b", "contact", "ada@example.com", "field.plan", "pro", "payload", `{"seats":3}`)
	assert.Equal(t, http.StatusOK, answer.Code)
	body := answer.Body.String()
	assert.Contains(t, body, `name="field.seats" value="3"`)
	assert.NotContains(t, body, `name="field.plan"`)
	assert.Contains(t, body, "&#34;plan&#34;: &#34;pro&#34;", "what was typed goes to the text")
	events, err := s.ListEvents(s.Ctx, automation.EventQuery{})
	require.NoError(t, err)
	assert.Empty(t, events.Data)
}

func TestSend_AgainTakesAnEarlierEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.define("signup", `{"plan":"string"}`)
	s.Create(world.Flow("welcome", "signup", world.Email("hello")))
	s.Send(automation.Event{Name: "signup", Email: "ada@example.com", Payload: []byte(`{"plan":"pro","more":{"a":1}}`)})
	s.Drain()
	body := s.get("/events/send?event=" + s.Run().EventID).Body.String()
	assert.Contains(t, body, `name="field.plan" value="pro"`)
	assert.Contains(t, body, "&#34;more&#34;")
	assert.Contains(t, body, `name="contact" value="ada@example.com"`, "a person knows the email, not the id")
	assert.Contains(t, body, "<details open>", "the rest of the payload is in sight")
	assert.Equal(t, http.StatusNotFound, s.get("/events/send?event=none").Code)
}

// Before a person sends an event, the form names what it would start.
func TestSend_NamesTheAutomationsThatTheEventStarts(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	on, off := world.Flow("on", "signup", world.Email("hello")), world.Flow("off", "signup", world.Email("hello"))
	on.Name, off.Name, off.Status = "Welcome <b>", "Old welcome", automation.StatusDisabled
	s.Create(on)
	s.Create(off)
	s.Create(world.Flow("other", "order.paid", world.Email("thanks")))
	started := func(body string) (names []string) {
		for _, found := range regexp.MustCompile(`<li><a href="[./]*/a/(\w+)"><bdi>[^<]*</bdi></a> <span class="badge (\w+)">`).FindAllStringSubmatch(body, -1) {
			names = append(names, found[1]+" "+found[2])
		}
		return names
	}

	body := s.get("/events/send?name=signup").Body.String()
	assert.Equal(t, []string{"on enabled", "off disabled"}, started(body))
	assert.Contains(t, body, "Welcome &lt;b&gt;")
	body = s.post("/events/send", "action", "fields", "name", "order.paid").Body.String()
	assert.Equal(t, []string{"other enabled"}, started(body), "the form looks another name up without scripts")
	assert.Empty(t, started(s.get("/events/send").Body.String()))
	assert.Contains(t, s.get("/events/send?name=order.lost").Body.String(), "no automation begins with this event")

	_, err := s.StopAutomation(s.Ctx, "on", automation.StopOptions{})
	require.NoError(t, err)
	body = s.get("/events/send?name=signup").Body.String()
	assert.Contains(t, body, "no automation with this event is enabled")
	assert.Equal(t, []string{"off disabled", "on disabled"}, started(body))
}

func TestSend_AgainKeepsWhatIsHidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Redact: hiding("event.secret")})
	id := s.Send(automation.Event{Name: "signup", Email: "ada@example.com", Payload: []byte(`{"secret":"sesame"}`)})[0].ID
	body := s.get("/events/send?event=" + id).Body.String()
	assert.NotContains(t, body, "sesame")
	assert.Contains(t, body, "•••")
	assert.Contains(t, body, `name="event" value="`+id+`"`)

	answer := s.post("/events/send", "event", id, "key", "again", "contact", "eve@example.com")
	require.Equal(t, http.StatusSeeOther, answer.Code)
	events, err := s.ListEvents(s.Ctx, automation.EventQuery{})
	require.NoError(t, err)
	require.Len(t, events.Data, 2)
	assert.JSONEq(t, `{"secret":"sesame"}`, string(events.Data[0].Payload))
	assert.Equal(t, "ada@example.com", events.Data[0].Email, "the contact cannot be changed")
	assert.Equal(t, http.StatusNotFound, s.post("/events/send", "event", "none").Code)
}

func TestEvents_AreServedToAPathWithOddNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	name := `a/b?"<script>` + "\u202e"
	s.define(name, "")
	assert.Equal(t, http.StatusOK, s.get("/events/"+url.PathEscape(name)).Code)
}
