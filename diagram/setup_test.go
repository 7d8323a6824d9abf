package diagram_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b636437c/automation"
	"github.com/seed-b636437c/automation/automationtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with a golden file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "go test ./diagram -update writes it")
	assert.Equal(t, string(want), got, file)
}

func email(key, template string) automation.Step {
	return automation.Step{Key: key, Config: automation.SendEmail{Template: automation.TemplateRef{ID: template}}}
}

func delay(key, duration string) automation.Step {
	return automation.Step{Key: key, Config: automation.Delay{Duration: automation.MustParseDuration(duration)}}
}

func trigger(key, event string) automation.Step {
	return automation.Step{Key: key, Config: automation.Trigger{EventName: event}}
}

func condition(key string, rule automation.Rule) automation.Step {
	return automation.Step{Key: key, Config: automation.Condition{Rule: rule}}
}

// slack is a custom step.
type slack struct {
	Channel string `json:"channel"`
}

func (slack) StepType() automation.StepType { return "acme.slack" }

func registry() *automation.Registry {
	reg := automation.NewRegistry()
	automation.Handle(reg, func(context.Context, automation.Call, slack) (automation.Result, error) {
		return automation.Result{}, automation.Permanent(errors.New("channel_not_found"))
	}, automation.StepOptions{Branches: []automation.ConnectionType{"answered"}})
	return reg
}

// welcome is the automation of the README.
var welcome = automation.Automation{
	ID: "welcome", Name: "Welcome", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		{Key: "signup", Config: automation.Trigger{EventName: "user.created"}},
		{Key: "hello", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "hello"}}},
		{Key: "pause", Config: automation.Delay{Duration: automation.MustParseDuration("3 days")}},
		{Key: "nudge", Config: automation.SendEmail{Template: automation.TemplateRef{ID: "nudge"}}},
	},
	Connections: []automation.Connection{{From: "signup", To: "hello"}, {From: "hello", To: "pause"}, {From: "pause", To: "nudge"}},
}

// pausing is a run of welcome that is in its pause.
var pausing = automation.Run{
	Status: automation.RunRunning, Step: "pause",
	Steps: []automation.StepRun{
		{Key: "signup", Status: automation.StepCompleted},
		{Key: "hello", Status: automation.StepCompleted},
		{Key: "pause", Status: automation.StepWaiting},
		{Key: "nudge", Status: automation.StepPending},
	},
}

// trial has every type of step, branches that join, and branches that are open.
var trial = automation.Automation{
	ID: "trial", Name: "Trial to paid", Status: automation.StatusEnabled,
	Steps: []automation.Step{
		trigger("trial_started", "trial.started"),
		email("welcome", "welcome-to-your-trial"),
		{Key: "wait_for_project", Config: automation.WaitForEvent{EventName: "project.created", Timeout: automation.MustParseDuration("3 days")}},
		condition("is_team", automation.Field("event.seats").Gte(3)),
		email("nudge", "two-minutes-to-finish"),
		{Key: "tell_sales", Config: slack{Channel: "sales"}},
		email("solo_tips", "solo-tips"),
		{Key: "mark_engaged", Config: automation.ContactUpdate{Properties: map[string]automation.Value{"engaged": automation.Bool(true), "seats": automation.Var("event.seats")}}},
		delay("pause", "7 days"),
		{Key: "wait_for_upgrade", Config: automation.WaitForEvent{EventName: "subscription.started"}},
		{Key: "to_customers", Config: automation.AddToSegment{SegmentID: "customers"}},
		condition("opted_out", automation.All(automation.Field("contact.unsubscribed").Eq(true), automation.Any(automation.Field("event.country").Eq("DE"), automation.Field("event.country").IsEmpty()))),
		{Key: "forget", Config: automation.ContactDelete{}},
	},
	Connections: []automation.Connection{
		{From: "trial_started", To: "welcome"},
		{From: "welcome", To: "wait_for_project"},
		{From: "wait_for_project", To: "is_team", Type: automation.ConnectionEventReceived},
		{From: "wait_for_project", To: "nudge", Type: automation.ConnectionTimeout},
		{From: "is_team", To: "tell_sales", Type: automation.ConnectionConditionMet},
		{From: "is_team", To: "solo_tips", Type: automation.ConnectionConditionNotMet},
		{From: "tell_sales", To: "mark_engaged"},
		{From: "solo_tips", To: "mark_engaged"},
		{From: "mark_engaged", To: "pause"},
		{From: "nudge", To: "pause"},
		{From: "pause", To: "wait_for_upgrade"},
		{From: "wait_for_upgrade", To: "to_customers", Type: automation.ConnectionEventReceived},
		{From: "to_customers", To: "opted_out"},
		{From: "opted_out", To: "forget", Type: automation.ConnectionConditionMet},
	},
}

// diamond splits and joins at once: one branch has no step.
var diamond = automation.Automation{
	Name: "Diamond",
	Steps: []automation.Step{
		trigger("start", "order.paid"),
		condition("is_first_order", automation.Field("contact.properties.orders").Eq(1)),
		email("thank_you", "thank-you"),
		condition("is_large", automation.Field("event.amount").Gt(500)),
		email("gift", "gift"), email("voucher", "voucher"),
		email("review", "please-review"),
		condition("again", automation.Field("event.repeat").Exists()),
		email("bye", "bye"),
	},
	Connections: []automation.Connection{
		{From: "start", To: "is_first_order"},
		{From: "is_first_order", To: "thank_you", Type: automation.ConnectionConditionMet},
		{From: "is_first_order", To: "is_large", Type: automation.ConnectionConditionNotMet},
		{From: "thank_you", To: "review"},
		{From: "is_large", To: "gift", Type: automation.ConnectionConditionMet},
		{From: "is_large", To: "voucher", Type: automation.ConnectionConditionNotMet},
		{From: "gift", To: "review"}, {From: "voucher", To: "review"},
		{From: "review", To: "again"},
		{From: "again", To: "bye", Type: automation.ConnectionConditionMet},
		{From: "again", To: "bye", Type: automation.ConnectionConditionNotMet},
	},
}

// long has a branch that passes several rows, and joins branches of two steps.
var long = automation.Automation{
	Name: "Long way",
	Steps: []automation.Step{
		trigger("start", "user.created"),
		{Key: "wait", Config: automation.WaitForEvent{EventName: "profile.completed", Timeout: automation.MustParseDuration("2 days")}},
		email("one", "one"), delay("rest", "1 day"), email("two", "two"),
		condition("is_pro", automation.Field("event.plan").Eq("pro")),
		email("three", "three"), email("end", "end"),
	},
	Connections: []automation.Connection{
		{From: "start", To: "wait"},
		{From: "wait", To: "end", Type: automation.ConnectionEventReceived},
		{From: "wait", To: "one", Type: automation.ConnectionTimeout},
		{From: "one", To: "rest"}, {From: "rest", To: "two"}, {From: "two", To: "is_pro"},
		{From: "is_pro", To: "three", Type: automation.ConnectionConditionMet},
		{From: "is_pro", To: "end", Type: automation.ConnectionConditionNotMet},
		{From: "three", To: "end"},
	},
}

// cart has rules of entry and of exit.
var cart = automation.Automation{
	ID: "cart", Name: "Abandoned cart",
	Steps:       []automation.Step{trigger("start", "cart.updated"), delay("quiet", "4 hours"), email("reminder", "cart-reminder")},
	Connections: []automation.Connection{{From: "start", To: "quiet"}, {From: "quiet", To: "reminder"}},
	Entry: &automation.Entry{
		Triggers:     []automation.EntryTrigger{{EventName: "cart.shared", FilterRule: automation.Field("event.by").Eq("friend")}},
		FilterRule:   automation.Field("event.total").Gt(0),
		AudienceRule: automation.Not(automation.Field("contact.segments").Contains("staff")),
		Reentry:      automation.Reentry{Key: "event.cart_id", WhileRunning: automation.ReentryRestart, Limit: 3, Per: automation.MustParseDuration("30 days")},
	},
	Exit: &automation.Exit{
		Events: []automation.Listener{
			{Name: "paid", EventName: "order.paid", Match: []automation.Match{{Event: "cart_id"}, {Event: "order.team", Run: "contact.properties.team"}}},
			{EventName: "cart.emptied", FilterRule: automation.Field("event.items").Eq(0)},
		},
		WhileRule: automation.Field("contact.properties.blocked").Neq(true),
		MaxAge:    automation.MustParseDuration("14 days"),
	},
}

// hostile has names that break what does not escape them.
var hostile = automation.Automation{
	Name: `"<script>alert(1)</script>` + "\x00\u202e",
	Steps: []automation.Step{
		trigger("end", "a\nb"),
		email(`</title><script>alert("x")</script>`, "`**bold**` #quot; &amp; %% \\N"),
		{Key: "مرحبا بالعالم", Config: automation.WaitForEvent{EventName: "שלום.עולם.ארוך.מאוד", Timeout: automation.MustParseDuration("3 days")}},
		email("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉"),
		email("WWWWWWWWWWWWWWWWWWWWWWWWWWWW", "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"),
		{Key: "style\u202ereversed\u2028x", Config: automation.RawConfig{Type: "acme.<b>"}},
		{Key: "\xff", Config: nil},
		{Key: "broken_duration", Config: automation.Delay{}},
	},
	Connections: []automation.Connection{
		{From: "end", To: `</title><script>alert("x")</script>`},
		{From: `</title><script>alert("x")</script>`, To: "مرحبا بالعالم"},
		{From: "مرحبا بالعالم", To: "WWWWWWWWWWWWWWWWWWWWWWWWWWWW", Type: automation.ConnectionTimeout},
		{From: "مرحبا بالعالم", To: "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", Type: automation.ConnectionEventReceived},
		{From: "WWWWWWWWWWWWWWWWWWWWWWWWWWWW", To: "style\u202ereversed\u2028x", Type: `"a very long <branch> | of a custom step`},
		{From: "nowhere", To: "end"}, {From: "\xff", To: "\xff"},
	},
}

// large has as many steps as an automation may have.
func large() automation.Automation {
	a := automation.Automation{Name: "Large", Steps: []automation.Step{trigger("s0", "user.created")}}
	connect := func(from, to int, typ automation.ConnectionType) {
		a.Connections = append(a.Connections, automation.Connection{From: fmt.Sprintf("s%d", from), To: fmt.Sprintf("s%d", to), Type: typ})
	}
	connect(0, 1, "")
	for i := 1; i+4 < 150; i += 4 {
		a.Steps = append(a.Steps,
			condition(fmt.Sprintf("s%d", i), automation.Field("event.n").Gt(i)),
			email(fmt.Sprintf("s%d", i+1), "left"), delay(fmt.Sprintf("s%d", i+2), "1 day"), email(fmt.Sprintf("s%d", i+3), "join"))
		connect(i, i+1, automation.ConnectionConditionMet)
		connect(i, i+2, automation.ConnectionConditionNotMet)
		connect(i+1, i+3, "")
		connect(i+2, i+3, "")
		connect(i+3, i+4, "")
	}
	for len(a.Steps) < 150 {
		connect(len(a.Steps)-1, len(a.Steps), "")
		a.Steps = append(a.Steps, email(fmt.Sprintf("s%d", len(a.Steps)), "end"))
	}
	return a
}

// loops has what no automation may have.
var loops = automation.Automation{
	Name:  "Loops",
	Steps: []automation.Step{trigger("start", "a"), email("again", "b"), condition("enough", automation.Field("event.n").Gt(3)), email("lost", "d"), email("found", "e"), email("itself", "f"), email("loose", "g")},
	Connections: []automation.Connection{
		{From: "start", To: "again"}, {From: "again", To: "enough"},
		{From: "enough", To: "again", Type: automation.ConnectionConditionNotMet},
		{From: "lost", To: "found"}, {From: "found", To: "again"}, {From: "itself", To: "itself"},
	},
}

// runs returns runs of trial by what became of them.
func runs(t *testing.T) map[string]automation.Run {
	t.Helper()
	h := automationtest.New(t, automationtest.Options{Runner: automation.Options{Registry: registry()}}, trial)
	h.Send("trial.started", "failed@example.com", map[string]any{"seats": 5})
	h.Send("trial.started", "waiting@example.com", map[string]any{"seats": 1})
	h.Send("trial.started", "completed@example.com", map[string]any{"seats": 1, "country": "FR"})
	h.Send("trial.started", "cancelled@example.com", map[string]any{"seats": 1})
	h.Unsubscribe("cancelled@example.com")
	h.Send("project.created", "failed@example.com", nil)
	h.Send("project.created", "completed@example.com", nil)
	h.Advance(4 * 24 * time.Hour)
	h.Run("cancelled@example.com", trial.Name).Cancel()
	h.Advance(4 * 24 * time.Hour)
	h.Send("subscription.started", "completed@example.com", nil)
	all := map[string]automation.Run{}
	for _, name := range []string{"failed", "waiting", "completed", "cancelled"} {
		all[name] = h.Run(name+"@example.com", trial.Name).Get()
	}
	return all
}
