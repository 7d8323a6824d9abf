package command_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/cmd/automation/internal/command"
	"github.com/seed-b636437c/automation/internal/pgtest"
	"github.com/seed-b636437c/automation/internal/world"
	"github.com/seed-b636437c/automation/store/postgres"
	"github.com/seed-b636437c/automation/store/sqlite/sqlitefile"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// scene is an application's database, with a Runner that has worked on it. Its ids and
// times are the same in every database.
type scene struct {
	*world.World
	url   string // for --database
	store automation.Store
	app   *automation.Runner
	t     *testing.T
	// pending is the id of an event that is not handled yet.
	pending string
}

// slack is a custom step, whose type the tool does not know.
type slack struct {
	Channel string `json:"channel"`
}

func (slack) StepType() automation.StepType { return "acme.slack" }

// databases are the kinds of database that the tool works on.
var databases = map[string]func(t *testing.T) (url string, store automation.Store){
	"sqlite": func(t *testing.T) (string, automation.Store) {
		path := filepath.Join(t.TempDir(), "automation.db")
		store, err := sqlitefile.Open(t.Context(), path)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, store.Close()) })
		return "sqlite:" + path, store
	},
	"postgres": func(t *testing.T) (string, automation.Store) {
		url := pgtest.URL(t)
		pool, err := pgxpool.New(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		store, err := postgres.New(pool, postgres.Options{})
		require.NoError(t, err)
		require.NoError(t, store.Migrate(t.Context()))
		return url, store
	},
}

// onEach runs a test on a scene in each kind of database.
func onEach(t *testing.T, test func(t *testing.T, s *scene)) {
	t.Helper()
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, store := open(t)
			test(t, newScene(t, url, store))
		})
	}
}

func newScene(t *testing.T, url string, store automation.Store) *scene {
	registry := automation.NewRegistry()
	automation.Handle(registry, func(context.Context, automation.Call, slack) (automation.Result, error) {
		return automation.Result{Output: map[string]any{"posted": true}}, nil
	}, automation.StepOptions{})
	opts := automation.Options{Registry: registry, Random: rand.NewChaCha8([32]byte{})}
	s := &scene{World: world.New(t, opts), url: url, store: store, t: t}
	s.app = s.On(store, s.Opts)
	s.play()
	return s
}

var (
	welcome = automation.Automation{
		ID: "welcome", Name: "Welcome series", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "signup"}},
			world.Email("hello"),
			world.WaitUpTo("setup", "setup.done", "3 days"),
			{Key: "is_pro", Config: automation.Condition{Rule: automation.Field("event.plan").Eq("pro")}},
			world.Email("pro_tips"),
			world.Email("tips"),
			world.Email("nudge"),
		},
		Connections: []automation.Connection{
			{From: "signup", To: "hello"}, {From: "hello", To: "setup"},
			{From: "setup", To: "is_pro", Type: automation.ConnectionEventReceived},
			{From: "setup", To: "nudge", Type: automation.ConnectionTimeout},
			{From: "is_pro", To: "pro_tips", Type: automation.ConnectionConditionMet},
			{From: "is_pro", To: "tips", Type: automation.ConnectionConditionNotMet},
		},
	}
	sales = world.Flow("sales", "order.paid",
		automation.Step{Key: "tell", Config: slack{Channel: "orders"}}, world.Pause("rest", "30 days"), world.Email("thanks"))
)

// play lets the application work for two days: ada waits, bob's mailbox is full, cy has
// completed a run after a failed attempt, and dan's event is not handled yet.
func (s *scene) play() {
	ctx := s.Ctx
	s.Mailer.Respond = s.respond
	apply := func(a automation.Automation) {
		_, err := s.app.Apply(ctx, a)
		require.NoError(s.t, err)
	}
	old := welcome
	old.Steps, old.Connections = welcome.Steps[:2], welcome.Connections[:1]
	apply(old)
	apply(sales)
	s.send("signup", "cy@example.com", nil)
	s.pass(0)
	s.pass(time.Minute)
	apply(welcome)
	_, err := s.app.CreateEventDefinition(ctx, automation.EventDefinition{Name: "signup", Schema: []byte(`{"plan":"string"}`)})
	require.NoError(s.t, err)
	_, err = s.app.CreateSegment(ctx, automation.Segment{ID: "customers", Name: "Customers"})
	require.NoError(s.t, err)
	_, err = s.app.CreateContact(ctx, automation.Contact{
		ID: "ada", Email: "ada@example.com", FirstName: "Ada", LastName: "Lovelace",
		Segments: []string{"customers"}, Properties: map[string]any{"plan": "pro", "seats": 3},
	})
	require.NoError(s.t, err)
	s.pass(time.Hour)
	s.send("signup", "ada@example.com", map[string]any{"plan": "pro"})
	s.send("signup", "bob@example.com", map[string]any{"plan": "free"})
	s.pass(time.Second) // each store has its own order for runs that start at once
	s.send("order.paid", "ada@example.com", map[string]any{"receipt_to": "ada@example.com"})
	s.pass(23*time.Hour - time.Second)
	s.send("page.viewed", "cy@example.com", nil)
	s.pass(time.Hour)
	s.pending = s.send("signup", "dan@example.com", nil)
}

// respond refuses the mail to bob, and the first one to cy.
func (s *scene) respond(_ context.Context, e automation.Email) error {
	switch {
	case e.To == "bob@example.com":
		return automation.Permanent(errors.New("550 <bob@example.com>: mailbox unavailable"))
	case e.To == "cy@example.com" && s.Clock.Now().Equal(world.Start):
		return errors.New("421 try again later")
	default:
		return nil
	}
}

func (s *scene) send(name, email string, payload any) (id string) {
	receipts, err := s.app.Send(s.Ctx, automation.Event{Name: name, Email: email, Payload: automation.Payload(payload)})
	require.NoError(s.t, err)
	return receipts[0].ID
}

// pass lets the application do what is due, and moves the clock.
func (s *scene) pass(d time.Duration) {
	s.drain()
	s.Clock.Add(d)
	s.drain()
}

func (s *scene) drain() {
	_, err := s.app.Drain(s.Ctx)
	require.NoError(s.t, err)
}

// run returns the id of the only run of an automation and a contact.
func (s *scene) run(automationID, email string) string {
	contact, err := s.app.GetContact(s.Ctx, automation.ContactRef{Email: email})
	require.NoError(s.t, err)
	page, err := s.app.ListRuns(s.Ctx, automation.RunQuery{AutomationID: automationID, ContactID: contact.ID})
	require.NoError(s.t, err)
	require.Len(s.t, page.Data, 1)
	return page.Data[0].ID
}

func (s *scene) status(id string) automation.RunStatus {
	run, err := s.app.GetRun(s.Ctx, id)
	require.NoError(s.t, err)
	return run.Status
}

// event returns the id of the event that started a run.
func (s *scene) event(runID string) string {
	run, err := s.app.GetRun(s.Ctx, runID)
	require.NoError(s.t, err)
	return run.EventID
}

// result is what one use of the tool printed, and its exit status.
type result struct {
	status         int
	stdout, stderr string
}

// do uses the tool on the database of the scene.
func (s *scene) do(args ...string) result {
	return perform(s.t, command.Env{Clock: s.Clock, Getenv: func(name string) string {
		return map[string]string{"AUTOMATION_DATABASE": s.url}[name]
	}}, args...)
}

// perform uses the tool. Its standard input is empty unless env has one.
func perform(t *testing.T, env command.Env, args ...string) result {
	var stdout, stderr bytes.Buffer
	if env.Stdin == nil {
		env.Stdin = &bytes.Buffer{}
	}
	env.Stdout, env.Stderr = &stdout, &stderr
	if env.Location == nil {
		env.Location = time.FixedZone("CET", 3600)
	}
	status := command.Run(t.Context(), env, args)
	return result{status, stdout.String(), stderr.String()}
}

// assertGolden compares a result with a golden file.
func assertGolden(t *testing.T, name string, r result) {
	t.Helper()
	assertGoldenIn(t, "testdata", name, r)
}

func assertGoldenIn(t *testing.T, folder, name string, r result) {
	t.Helper()
	text := r.stdout
	if r.stderr != "" {
		text += "stderr: " + r.stderr
	}
	text += fmt.Sprintf("exit status %d\n", r.status)
	path := filepath.Join(folder, name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), text, name)
}
