package dashboard_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/dashboard"
	"github.com/seed-b636437c/automation/internal/world"
)

func TestAutomations_ListsThemWithTheirTriggersAndCounts(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	s.Create(world.Flow("<b>welcome</b>", "user.signup", world.Pause("rest", "1 day")))
	s.Create(world.Flow("quiet", "other"))
	for i := range 3 {
		s.Send(automation.Event{Name: "user.signup", Email: fmt.Sprint(i, "@example.com")})
	}
	s.Drain()
	answer := s.get("/")
	assert.Equal(t, http.StatusOK, answer.Code)
	body := answer.Body.String()
	assert.Contains(t, body, "&lt;b&gt;welcome&lt;/b&gt;")
	assert.Contains(t, body, "user.signup")
	assert.Contains(t, body, `<a href="./runs?automation=%3Cb%3Ewelcome%3C%2Fb%3E&amp;status=running">3</a>`)
	assert.Contains(t, body, `<a href="./runs?automation=quiet&amp;status=running">0</a>`)
}

func TestAutomations_ReadsManyInTwoCalls(t *testing.T) {
	t.Parallel()
	s, calls := newCountedSite(t, dashboard.Options{})
	for i := range 60 {
		s.Create(world.Flow(fmt.Sprintf("flow-%02d", i), "signup"))
	}
	calls.take()
	body := s.get("/").Body.String()
	assert.Equal(t, []string{"ListAutomations", "CountRuns"}, calls.take())
	assert.Contains(t, body, "flow-59")
	assert.NotContains(t, body, "flow-09")
	assert.Contains(t, s.get("/?after=flow-10").Body.String(), "flow-09")
}

func TestAutomations_NamesAFilterThatMeansNothing(t *testing.T) {
	t.Parallel()
	answer := newSite(t, dashboard.Options{}).get("/?status=sleepy")
	assert.Equal(t, http.StatusBadRequest, answer.Code)
	assert.Contains(t, answer.Body.String(), "A status is enabled or disabled")
}

// uncounted is a store that cannot count.
type uncounted struct{ automation.Store }

func (uncounted) CountRuns(context.Context, ...string) ([]automation.RunCount, error) {
	return nil, world.ErrOutage
}

func TestAutomations_AreShownWithoutCountsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup"))
	w.Runner = w.On(uncounted{w.Store}, w.Opts)
	s := newSiteOf(t, w, dashboard.Options{})
	for _, path := range []string{"/", "/a/welcome", "/a/welcome/stop", "/a/welcome/delete"} {
		answer := s.get(path)
		assert.Equal(t, http.StatusOK, answer.Code, path)
		assert.Contains(t, answer.Body.String(), "welcome", path)
		assert.Contains(t, answer.Body.String(), "This part cannot be shown", path)
	}
}

// anonymous is a store that cannot find contacts by their ids.
type anonymous struct{ automation.Store }

func (anonymous) FindContacts(context.Context, []string) ([]automation.Contact, error) {
	return nil, world.ErrOutage
}

func TestAutomation_ShowsIDsOfContactsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := world.New(t, automation.Options{})
	w.Create(world.Flow("welcome", "signup"))
	w.Send(world.Signup("ada@example.com"))
	w.Drain()
	w.Runner = w.On(anonymous{w.Store}, w.Opts)
	assert.Contains(t, newSiteOf(t, w, dashboard.Options{}).get("/a/welcome").Body.String(), w.Runs()[0].ContactID)
}

func TestAutomations_OffersExamplesToStartFrom(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{})
	body := s.get("/").Body.String()
	names := regexp.MustCompile(`name="example" value="([^"]+)"`).FindAllStringSubmatch(body, -1)
	require.Len(t, names, 3)
	for _, name := range names {
		answer := s.post("/examples", "example", name[1])
		require.Equal(t, http.StatusSeeOther, answer.Code, name[1])
		id, _, _ := strings.Cut(strings.TrimPrefix(answer.Header().Get("Location"), "./a/"), "?")
		a, err := s.GetAutomation(s.Ctx, id)
		require.NoError(t, err)
		assert.Equal(t, name[1], a.Name)
		assert.Equal(t, automation.StatusDisabled, a.Status)
		assert.Equal(t, http.StatusOK, s.get("/a/"+id).Code)
	}
	assert.NotContains(t, s.get("/").Body.String(), "/examples")
	assert.NotContains(t, s.get("/?status=enabled").Body.String(), "/examples")
	assert.Equal(t, http.StatusBadRequest, s.post("/examples", "example", "nothing").Code)
}

func TestAutomations_OffersOnlyWhatALevelMayDo(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Access: func(*http.Request) dashboard.Access { return dashboard.AccessOperate }})
	body := s.get("/").Body.String()
	assert.Contains(t, body, "Payment recovery")
	assert.NotContains(t, body, "<form method=\"post\"")
	assert.NotContains(t, body, "Create automation")
	assert.Equal(t, http.StatusForbidden, s.post("/examples", "example", "Trial").Code)
}

// TestSnippet_IsTheCodeBelow compares the code on the page with that of applyWelcome, which
// compiles.
func TestSnippet_IsTheCodeBelow(t *testing.T) {
	t.Parallel()
	page := newSite(t, dashboard.Options{}).get("/").Body.String()
	_, rest, _ := strings.Cut(page, "<pre>")
	code, _, _ := strings.Cut(rest, "</pre>")
	source, err := os.ReadFile("automations_test.go")
	require.NoError(t, err)
	indented := "\t" + strings.ReplaceAll(html.UnescapeString(code), "\n", "\n\t") + "\n"
	assert.Contains(t, string(source), indented)
	require.NoError(t, applyWelcome(t.Context(), world.New(t, automation.Options{}).Runner))
}

func applyWelcome(ctx context.Context, runner *automation.Runner) error {
	_, err := runner.Apply(ctx, automation.Automation{
		ID: "welcome", Name: "Welcome",
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		},
		Connections: []automation.Connection{{From: "signup", To: "hello"}},
	})
	return err
}
