package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/observe"
	"github.com/seed-b636437c/automation/store/memory"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

// stores open a new store of each kind.
var stores = map[string]func(testing.TB) automation.Store{
	"memory":   func(testing.TB) automation.Store { return memory.New() },
	"sqlite":   openSQLite,
	"postgres": openPostgres,
}

func openSQLite(t testing.TB) automation.Store {
	t.Helper()
	store, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "automation.db"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func openPostgres(t testing.TB) automation.Store {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	store, err := postgres.New(pool, postgres.Options{})
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	return store
}

// strange is an id and a name that a careless link or page would break on.
const strange = `a/b "<script>alert(1)</script>" שלום?#%2F`

// populatedSite is a site with something for each route to show and to change.
type populatedSite struct {
	*site
	calls *calls
	level atomic.Int32 // what Options.Access returns

	failed, waiting, sent automation.Run // waiting is of an older version than its automation

	mu    sync.Mutex
	audit []dashboard.AuditEntry
}

// newPopulatedSite returns a site on a store. Everyone may do everything, until a test sets
// another level. The clock of jobs is not that of the world: nothing waits on it.
func newPopulatedSite(t testing.TB, store automation.Store) *populatedSite {
	t.Helper()
	s := &populatedSite{calls: &calls{}}
	s.level.Store(int32(dashboard.AccessEdit))
	w := world.NewOn(t, store, automation.Options{})
	w.Runner = w.On(observe.WrapStore(w.Store, s.calls.hooks()), w.Opts)
	s.site = newSiteOf(t, w, dashboard.Options{
		Access:    func(*http.Request) dashboard.Access { return dashboard.Access(s.level.Load()) },
		Audit:     s.keep,
		Clock:     hurry{w.Clock},
		Templates: newLibrary(t),
	})
	t.Cleanup(s.handler.Close)
	s.populateEverything()
	return s
}

func (s *populatedSite) keep(e dashboard.AuditEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.audit = append(s.audit, e)
}

// audited returns the entries since the last call.
func (s *populatedSite) audited() []dashboard.AuditEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := s.audit
	s.audit = nil
	return entries
}

func (s *populatedSite) populateEverything() {
	s.Mailer.Respond = func(_ context.Context, e automation.Email) error {
		if strings.HasPrefix(e.To, "fails") {
			return automation.Permanent(errors.New("550 5.1.1 <script>alert(1)</script>"))
		}
		return nil
	}
	s.addOdd()
	s.AddContact(automation.Contact{ID: "<script>alert(1)</script>", Email: "script@example.com", FirstName: "<script>alert(1)</script>"})
	s.define("signup", `{"plan": "string", "seats": "number"}`)
	s.Create(trial("trial"))
	s.Create(emailFlow("emails"))
	draft := trial(strange)
	draft.Name, draft.Status = strange, automation.StatusDisabled
	s.Create(draft)
	for _, email := range []string{"waits@example.com", "fails@example.com", "script@example.com", odd.Email} {
		s.Clock.Add(time.Second) // so that lists have one order on all stores
		s.Send(automation.Event{Name: "signup", Email: email, Payload: []byte(`{"plan": "<script>alert(1)</script>"}`)})
		s.Drain()
	}
	s.Clock.Add(time.Second)
	s.Send(automation.Event{Name: "order", ContactID: odd.ID})
	s.Drain()
	s.Send(automation.Event{Name: "paid", Email: "fails@example.com"})
	s.Drain()
	s.failed, s.waiting, s.sent = s.runOf("trial", "fails@example.com"), s.runOf("trial", "waits@example.com"), s.runOf("emails", odd.Email)
	changed(s.site)
	s.Clock.Add(time.Second)
	s.Send(world.Signup("pending@example.com"))
}

// emailFlow is a flow whose emails have a template.
func emailFlow(id string) automation.Automation {
	a := world.Flow(id, "order", world.Email("hello"), world.Pause("rest", "1 day"))
	a.Steps[1].Config = automation.SendEmail{Template: automation.TemplateRef{
		ID: "team/hello", Variables: map[string]automation.Value{"PLAN": automation.ValueOf("gold")},
	}}
	return a
}

func (s *site) runOf(id, email string) automation.Run {
	s.T.Helper()
	found, err := s.ListRuns(s.Ctx, automation.RunQuery{AutomationID: id, ContactID: s.Contact(email).ID})
	require.NoError(s.T, err)
	require.Len(s.T, found.Data, 1, "%s of %s", id, email)
	return found.Data[0]
}

// snapshot returns all that people can change, once the Runner has nothing to do.
func (s *populatedSite) snapshot() string {
	s.T.Helper()
	s.handler.WaitForJobs()
	s.Drain()
	page := automation.PageQuery{Limit: 100}
	return contents(s, func() (any, error) { return s.ListAutomations(s.Ctx, automation.AutomationQuery{PageQuery: page}) }) +
		contents(s, func() (any, error) { return s.ListContacts(s.Ctx, automation.ContactQuery{PageQuery: page}) }) +
		contents(s, func() (any, error) { return s.ListRuns(s.Ctx, automation.RunQuery{PageQuery: page}) }) +
		contents(s, func() (any, error) { return s.ListEvents(s.Ctx, automation.EventQuery{PageQuery: page}) }) +
		contents(s, func() (any, error) { return s.ListEventDefinitions(s.Ctx, page) })
}

func contents(s *populatedSite, read func() (any, error)) string {
	found, err := read()
	require.NoError(s.T, err)
	encoded, err := json.Marshal(found)
	require.NoError(s.T, err)
	return string(encoded) + "\n"
}

// request is a request that a populated site fulfils.
type request struct {
	route  string // its pattern
	path   string
	fields []string // of the form of a change: names and values in turn
}

// do sends a request.
func (s *populatedSite) do(r request) (status int, body string) {
	answer := s.get
	if strings.HasPrefix(r.route, http.MethodPost) {
		got := s.post(r.path, r.fields...)
		return got.Code, got.Body.String()
	}
	got := answer(r.path)
	return got.Code, got.Body.String()
}

// pages are requests for every page.
func (s *populatedSite) pages() []request {
	odds, id := "/a/"+url.PathEscape(strange), "/a/trial"
	failed, waiting := id+"/runs/"+s.failed.ID, id+"/runs/"+s.waiting.ID
	email := "/emails/" + s.sent.ID + "/hello"
	return []request{
		{route: "GET /{$}", path: "/"},
		{route: "GET /{$}", path: "/?status=disabled"},
		{route: "GET /a/{id}", path: id},
		{route: "GET /a/{id}", path: id + "?version=1"},
		{route: "GET /a/{id}", path: odds},
		{route: "GET /a/{id}/funnel", path: id + "/funnel?version=1"},
		{route: "GET /a/{id}/funnel", path: id + "/funnel?runs=ended"},
		{route: "GET /a/{id}/stop", path: id + "/stop"},
		{route: "GET /a/{id}/delete", path: odds + "/delete"},
		{route: "GET /a/{id}/versions", path: id + "/versions"},
		{route: "GET /a/{id}/versions/{version}", path: id + "/versions/1"},
		{route: "GET /a/{id}/versions/{version}", path: id + "/versions/2?with=1"},
		{route: "GET /a/{id}/edit", path: odds + "/edit"},
		{route: "GET /a/{id}/edit", path: id + "/edit?version=1"},
		{route: "GET /new", path: "/new"},
		{route: "GET /pick", path: "/pick"},
		{route: "GET /runs", path: "/runs"},
		{route: "GET /runs", path: "/runs?status=failed&automation=trial&contact=fails%40example.com"},
		{route: "GET /runs", path: "/runs?ended-from=2026-01-01&code=permanent_error"},
		{route: "GET /runs/{run}", path: "/runs/" + s.failed.ID},
		{route: "GET /a/{id}/runs/{run}", path: failed},
		{route: "GET /a/{id}/runs/{run}", path: waiting + "?step=decides"},
		{route: "GET /a/{id}/runs/{run}", path: "/a/emails/runs/" + s.sent.ID + "?step=hello"},
		{route: "GET /a/{id}/runs/{run}/cancel", path: waiting + "/cancel"},
		{route: "GET /a/{id}/runs/{run}/cancel", path: failed + "/cancel"},
		{route: "GET /runs/bulk", path: "/runs/bulk?action=retry&automation=trial"},
		{route: "GET /runs/bulk", path: "/runs/bulk?action=cancel&contact=waits%40example.com"},
		{route: "GET /jobs/{job}", path: "/jobs/gone?action=retry&automation=trial"},
		{route: "GET /contacts", path: "/contacts?email=f"},
		{route: "GET /contacts", path: "/contacts?segment=vip"},
		{route: "GET /contacts/{id}", path: oddPath},
		{route: "GET /contacts/{id}", path: oddPath + "?show=events"},
		{route: "GET /contacts/{id}", path: oddPath + "?show=properties"},
		{route: "GET /contacts/{id}", path: "/contacts/" + url.PathEscape("<script>alert(1)</script>")},
		{route: "GET /contacts/{id}/erase", path: oddPath + "/erase"},
		{route: "GET /events", path: "/events"},
		{route: "GET /events", path: "/events?name=signup&contact=fails%40example.com"},
		{route: "GET /events/log/{id}", path: "/events/log/" + s.failed.EventID},
		{route: "GET /events/new", path: "/events/new?name=order.paid"},
		{route: "GET /events/{name}", path: "/events/signup"},
		{route: "GET /events/delete/{name}", path: "/events/delete/signup"},
		{route: "GET /events/send", path: "/events/send?name=signup&contact=ada%40example.com"},
		{route: "GET /events/send", path: "/events/send?run=" + s.failed.ID},
		{route: "GET /events/send", path: "/events/send?event=" + s.failed.EventID},
		{route: "GET /search", path: "/search"},
		{route: "GET /search", path: "/search?q=example"},
		{route: "GET /search", path: "/search?q=" + s.failed.ID},
		{route: "GET /search", path: "/search?q=" + s.failed.EventID},
		{route: "GET /search", path: "/search?q=" + s.Contact("fails@example.com").ID},
		{route: "GET /templates", path: "/templates"},
		{route: "GET /templates/{id}", path: "/templates/team%2Fhello?contact=ada%40example.com"},
		{route: "GET /templates/{id}", path: "/templates/team%2Fhello?show=source"},
		{route: "GET /templates/{id}/preview", path: "/templates/team%2Fhello/preview?v.PLAN=pro&images=1"},
		{route: "GET /emails/{run}/{step}", path: email},
		{route: "GET /emails/{run}/{step}/html", path: email + "/html"},
	}
}

// document is a valid draft.
const document = `{"name": "Saved", "steps": [{"key": "start", "type": "trigger", "config": {"event_name": "signup"}}], "connections": []}`

// changes are requests for every change. Each works on its own.
func (s *populatedSite) changes() []request {
	odds, id := "/a/"+url.PathEscape(strange), "/a/trial"
	failed, waiting := id+"/runs/"+s.failed.ID, id+"/runs/"+s.waiting.ID
	definition, err := s.GetEventDefinition(s.Ctx, "signup")
	require.NoError(s.T, err)
	seen := definition.UpdatedAt.UTC().Format(time.RFC3339Nano)
	a, err := s.GetAutomation(s.Ctx, "trial")
	require.NoError(s.T, err)
	revision := strconv.Itoa(a.Revision)
	return []request{
		{"POST /examples", "/examples", []string{"example", "Trial"}},
		{"POST /new", "/new", []string{"document", document}},
		{"POST /a/{id}/save", id + "/save", []string{"document", document, "revision", revision}},
		{"POST /a/{id}/start", odds + "/start", []string{"revision", "1"}},
		{"POST /a/{id}/stop", id + "/stop", []string{"revision", revision, "cancel", "1"}},
		{"POST /a/{id}/duplicate", odds + "/duplicate", nil},
		{"POST /a/{id}/delete", odds + "/delete", []string{"revision", "1"}},
		{"POST /a/{id}/runs/{run}/retry", failed + "/retry", nil},
		{"POST /a/{id}/runs/{run}/cancel", waiting + "/cancel", nil},
		{"POST /runs/bulk", "/runs/bulk", []string{"action", "retry", "automation", "trial"}},
		{"POST /runs/bulk", "/runs/bulk", []string{"action", "cancel", "automation", "trial"}},
		{"POST /contacts/{id}/erase", oddPath + "/erase", []string{"confirm", odd.Email}},
		{"POST /events", "/events", []string{"name", "<script>alert(1)</script>", "schema", `{"a": "string"}`}},
		{"POST /events/{name}", "/events/signup", []string{"schema", `{"plan": "number"}`, "seen", seen}},
		{"POST /events/delete/{name}", "/events/delete/signup", nil},
		{"POST /events/send", "/events/send", []string{"name", "signup", "contact", "new@example.com", "field.plan", "pro"}},
		{"POST /events/send", "/events/send", []string{"event", s.failed.EventID, "key", "again"}},
	}
}
