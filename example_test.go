package automation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/benbjohnson/clock"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/mail/capture"
	"github.com/seed-b636437c/automation/store/memory"
)

// welcome is the automation of the examples: an email, three days, another email.
var welcome = automation.Automation{
	ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		{Key: "pause", Config: automation.Delay{Duration: automation.MustParseDuration("3 days")}},
		{Key: "tips", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "tips"}}},
	},
	Connections: []automation.Connection{
		{From: "signup", To: "hello"},
		{From: "hello", To: "pause"},
		{From: "pause", To: "tips"},
	},
}

// newRunner returns a Runner with the welcome automation, and a contact at its pause.
func newRunner(ctx context.Context) (*automation.Runner, *capture.Mailer) {
	mailer := capture.New()
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	_, err = runner.Apply(ctx, welcome)
	must(err)
	_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	return runner, mailer
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// A welcome series on a clock that the program moves. An application calls Run
// instead of Drain, and has no clock of its own.
func Example() {
	ctx := context.Background()
	mailer, now := capture.New(), clock.NewMock()
	runner, err := automation.New(memory.New(), mailer, automation.Options{Clock: now})
	must(err)
	_, err = runner.Apply(ctx, welcome)
	must(err)

	_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	must(err)
	for range 4 {
		_, err = runner.Drain(ctx)
		must(err)
		emails := mailer.Emails()
		fmt.Println(len(emails), emails[len(emails)-1].TemplateID)
		now.Add(24 * time.Hour)
	}
	// Output:
	// 1 hello
	// 1 hello
	// 1 hello
	// 2 tips
}

// slack is the config of a custom step.
type slack struct {
	Text string `json:"text"`
}

func (slack) StepType() automation.StepType { return "acme.slack" }

// A custom step is a config and a function.
func ExampleHandle() {
	ctx := context.Background()
	registry := automation.NewRegistry()
	automation.Handle(registry, func(_ context.Context, call automation.Call, c slack) (automation.Result, error) {
		fmt.Printf("%s: %s\n", call.Contact.Email, c.Text) // call your client here
		return automation.Result{Output: map[string]string{"channel": "#signups"}}, nil
	}, automation.StepOptions{})

	runner, err := automation.New(memory.New(), capture.New(), automation.Options{Registry: registry})
	must(err)
	_, err = runner.Apply(ctx, automation.Automation{
		ID: "notify", Name: "Notify", Status: automation.StatusEnabled,
		Steps: []automation.Step{
			{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
			{Key: "post", Config: slack{Text: "signed up"}},
		},
		Connections: []automation.Connection{{From: "signup", To: "post"}},
	})
	must(err)
	_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	// Output: ada@example.com: signed up
}

// Apply makes the stored automation equal to the one in code. Every process may call
// it when it starts. What an operator stopped stays stopped.
func ExampleRunner_Apply() {
	ctx := context.Background()
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	must(err)

	changed := welcome
	changed.Steps = append([]automation.Step(nil), welcome.Steps...)
	changed.Steps[2].Config = automation.Delay{Duration: automation.MustParseDuration("1 week")}
	for _, a := range []automation.Automation{welcome, welcome, changed} {
		applied, err := runner.Apply(ctx, a)
		must(err)
		fmt.Println(applied)
	}
	_, err = runner.StopAutomation(ctx, "welcome", automation.StopOptions{}) // an operator
	must(err)
	stopped, err := runner.Apply(ctx, changed)
	must(err)
	fmt.Println(stopped.Outcome)
	// Output:
	// automation "welcome": created, enabled at version 1
	// automation "welcome": unchanged, enabled at version 1
	// automation "welcome": changed to version 2, revision 2, enabled
	// left stopped
}

// A run that is cancelled sends nothing more.
func ExampleRunner_CancelRun() {
	ctx := context.Background()
	runner, _ := newRunner(ctx)
	runs, err := runner.ListRuns(ctx, automation.RunQuery{Statuses: []automation.RunStatus{automation.RunRunning}})
	must(err)
	for _, run := range runs.Data {
		run, err = runner.CancelRun(ctx, run.ID)
		must(err)
		fmt.Println(run.Status, "at", run.Step)
	}
	// Output: cancelled at pause
}

// A run that failed continues at the step that failed.
func ExampleRunner_RetryRun() {
	ctx := context.Background()
	mailer := capture.New()
	mailer.Respond = func(context.Context, automation.Email) error {
		return automation.Permanent(errors.New("no such template"))
	}
	runner, err := automation.New(memory.New(), mailer, automation.Options{})
	must(err)
	_, err = runner.Apply(ctx, welcome)
	must(err)
	_, err = runner.Send(ctx, automation.Event{Name: "user.created", Email: "ada@example.com"})
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	runs, err := runner.ListRuns(ctx, automation.RunQuery{Statuses: []automation.RunStatus{automation.RunFailed}})
	must(err)
	fmt.Println(runs.Data[0].Step, "failed:", runs.Data[0].Error.Message)

	mailer.Respond = nil // the template exists now
	_, err = runner.RetryRun(ctx, runs.Data[0].ID)
	must(err)
	_, err = runner.Drain(ctx)
	must(err)
	run, err := runner.GetRun(ctx, runs.Data[0].ID)
	must(err)
	fmt.Println(run.Status, "at", run.Step)
	// Output:
	// hello failed: no such template
	// running at pause
}

// EraseContact removes the personal data of a contact and cancels its runs.
func ExampleRunner_EraseContact() {
	ctx := context.Background()
	runner, _ := newRunner(ctx)
	ada := automation.ContactRef{Email: "ada@example.com"}
	must(runner.EraseContact(ctx, ada))

	_, err := runner.GetContact(ctx, ada)
	fmt.Println("contact found:", !errors.Is(err, automation.ErrNotFound))
	counts, err := runner.CountRuns(ctx, "welcome")
	must(err)
	fmt.Println(counts[0].Count, "run", counts[0].Status)
	// Output:
	// contact found: false
	// 1 run cancelled
}

// Prune removes the runs and events that ended a quarter of a year ago or earlier.
func ExampleRunner_Prune() {
	ctx := context.Background()
	runner, _ := newRunner(ctx)
	removed, err := runner.Prune(ctx, 90*24*time.Hour)
	fmt.Println(removed.Runs, removed.Events, err)
	// Output: 0 0 <nil>
}

// counter is an Observer that counts how runs end.
type counter map[automation.RunStatus]int

func (c counter) Observe(n automation.Notice) {
	if ended, ok := n.(*automation.RunEnded); ok {
		c[ended.Run.Status]++
	}
}

// An Observer gets a notice of everything that a Runner commits. One that is used with
// Run must be safe for concurrent use; Drain calls it from one goroutine.
func ExampleObserver() {
	ctx := context.Background()
	ended, now := counter{}, clock.NewMock()
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{Clock: now, Observer: ended})
	must(err)
	_, err = runner.Apply(ctx, welcome)
	must(err)
	_, err = runner.Send(ctx,
		automation.Event{Name: "user.created", Email: "ada@example.com"},
		automation.Event{Name: "user.created", Email: "bob@example.com"})
	must(err)
	for range 2 {
		_, err = runner.Drain(ctx)
		must(err)
		now.Add(72 * time.Hour)
	}
	fmt.Println(ended[automation.RunCompleted], "runs completed")
	// Output: 2 runs completed
}

// A definition describes the payload of an event. The Runner refuses an event whose
// payload does not match.
func ExampleRunner_CreateEventDefinition() {
	ctx := context.Background()
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	must(err)
	_, err = runner.CreateEventDefinition(ctx, automation.EventDefinition{
		Name: "order.paid", Schema: []byte(`{"amount": "number", "currency": "string"}`),
	})
	must(err)
	_, err = runner.Send(ctx, automation.Event{
		Name: "order.paid", Email: "ada@example.com",
		Payload: automation.Payload(map[string]any{"amount": "twelve", "currency": "EUR"}),
	})
	fmt.Println(err)
	// Output:
	// automation: event "order.paid": payload.amount: must be a number, not "twelve"
}

// An idempotency key makes it safe to send an event twice.
func ExampleRunner_Send_idempotencyKey() {
	ctx := context.Background()
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	must(err)
	for range 2 {
		receipts, err := runner.Send(ctx, automation.Event{
			Name: "order.paid", Email: "ada@example.com", IdempotencyKey: "order-4711",
		})
		must(err)
		fmt.Println("duplicate:", receipts[0].Duplicate)
	}
	// Output:
	// duplicate: false
	// duplicate: true
}

// A compiled rule shows which contacts would take a branch, before the automation is
// enabled.
func ExampleCompileRule() {
	rule, err := automation.CompileRule(automation.All(
		automation.Field("contact.properties.plan").Eq("pro"),
		automation.Field("contact.properties.seats").Gte(5),
	), automation.RuleOptions{})
	if err != nil {
		fmt.Println(err) // everything that is wrong with the rule
		return
	}
	for _, contact := range []automation.Contact{
		{Email: "ada@example.com", Properties: map[string]any{"plan": "pro", "seats": 12}},
		{Email: "bob@example.com", Properties: map[string]any{"plan": "pro", "seats": 2}},
		{Email: "cem@example.com"},
	} {
		held, err := rule.Holds(automation.Data{Contact: &contact})
		fmt.Println(contact.Email, held, err)
	}
	// Output:
	// ada@example.com true <nil>
	// bob@example.com false <nil>
	// cem@example.com false <nil>
}

// All and Any group comparisons. In JSON the groups have the types "and" and "or".
func ExampleAll() {
	rule := automation.All(
		automation.Field("event.plan").Eq("pro"),
		automation.Any(
			automation.Field("contact.properties.seats").Gte(5),
			automation.Field("contact.email").EndsWith("@acme.example"),
		),
	)
	encoded, err := json.MarshalIndent(rule, "", "  ")
	must(err)
	fmt.Println(string(encoded))
	// Output:
	// {
	//   "type": "and",
	//   "rules": [
	//     {
	//       "type": "rule",
	//       "field": "event.plan",
	//       "operator": "eq",
	//       "value": "pro"
	//     },
	//     {
	//       "type": "or",
	//       "rules": [
	//         {
	//           "type": "rule",
	//           "field": "contact.properties.seats",
	//           "operator": "gte",
	//           "value": 5
	//         },
	//         {
	//           "type": "rule",
	//           "field": "contact.email",
	//           "operator": "ends_with",
	//           "value": "@acme.example"
	//         }
	//       ]
	//     }
	//   ]
	// }
}

// A wait takes the event only if its filter holds.
func ExampleField() {
	wait := automation.WaitForEvent{
		EventName:  "setup.progress",
		Timeout:    automation.MustParseDuration("3 days"),
		FilterRule: automation.Field("event.percent").Gte(100),
	}
	encoded, err := json.Marshal(wait)
	must(err)
	fmt.Println(string(encoded))
	// Output:
	// {"event_name":"setup.progress","timeout":"3 days","filter_rule":{"type":"rule","field":"event.percent","operator":"gte","value":100}}
}

// A version has a time and an author. An earlier one can be read, and brought back as a new
// version, which fails if another person has changed the automation meanwhile.
func ExampleRunner_GetAutomationVersion() {
	runner, err := automation.New(memory.New(), capture.New(), automation.Options{})
	must(err)
	ada := automation.WithActor(context.Background(), "ada@acme.test")
	bob := automation.WithActor(context.Background(), "bob@acme.test")
	a, err := runner.CreateAutomation(ada, welcome)
	must(err)
	_, err = runner.UpdateAutomation(bob, a.ID, automation.AutomationUpdate{
		Steps: welcome.Steps[:2], Connections: welcome.Connections[:1], Revision: a.Revision,
	})
	must(err)

	first, err := runner.GetAutomationVersion(ada, a.ID, 1)
	must(err)
	back := automation.AutomationUpdate{Steps: first.Steps, Connections: first.Connections, Retry: &first.Retry, Revision: a.Revision}
	_, err = runner.UpdateAutomation(ada, a.ID, back)
	var stale *automation.RevisionError
	if errors.As(err, &stale) {
		fmt.Printf("changed meanwhile, and at revision %d\n", stale.Current)
		back.Revision = stale.Current
	}
	_, err = runner.UpdateAutomation(ada, a.ID, back)
	must(err)

	versions, err := runner.ListVersions(ada, a.ID, automation.PageQuery{})
	must(err)
	for _, v := range versions.Data {
		fmt.Println(v.Version, v.Author, v.Current)
	}
	// Output:
	// changed meanwhile, and at revision 2
	// 3 ada@acme.test true
	// 2 bob@acme.test false
	// 1 ada@acme.test false
}
